// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/openssl.hpp"

#include <fmt/format.h>
#include <limits>
#include <openssl/err.h>

namespace stagedoor::acme {

memory_stream memory_of(std::string_view bytes) {
  constexpr auto most = static_cast<std::size_t>(std::numeric_limits<int>::max());
  return memory_stream(
      BIO_new_mem_buf(bytes.data(), static_cast<int>(std::min(bytes.size(), most))));
}

memory_stream new_memory() { return memory_stream(BIO_new(BIO_s_mem())); }

std::string text_in(const memory_stream& stream) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(stream.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

fault openssl_fault(fault_kind kind, std::string_view what) {
  const auto code = ERR_peek_last_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return {kind, kind == fault_kind::internal ? fault_side::self : fault_side::operator_input,
          retryable::no, fmt::format("{}: {}", what, reason != nullptr ? reason : "not accepted")};
}

}  // namespace stagedoor::acme
