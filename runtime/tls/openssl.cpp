// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/openssl.hpp"

#include <climits>
#include <fmt/format.h>
#include <openssl/err.h>

namespace stagedoor::tls {

bio_ptr read_bio(std::string_view text) {
  if (text.size() > INT_MAX) return nullptr;
  return bio_ptr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string take_errors() {
  std::string out;
  while (const unsigned long code = ERR_get_error()) {
    const char* const reason = ERR_reason_error_string(code);
    if (!out.empty()) out += "; ";
    if (reason != nullptr) {
      out += reason;
    } else {
      out += fmt::format("error {:x}", code);
    }
  }
  return out;
}

fault openssl_fault(fault_kind kind, fault_side side, std::string_view what) {
  const std::string reasons = take_errors();
  return {kind, side, retryable::no,
          reasons.empty() ? std::string(what) : fmt::format("{}: {}", what, reasons)};
}

}  // namespace stagedoor::tls
