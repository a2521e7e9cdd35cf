// SPDX-License-Identifier: Apache-2.0
// Whatever the client writes, it gets nothing that was not offered.
#include "runtime/http/accept_encoding.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>

using namespace stagedoor::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view header(reinterpret_cast<const char*>(data), size);
  constexpr std::array offered{coding::gzip, coding::brotli};
  if (negotiate_coding(header, offered, {}) == coding::zstd) std::abort();
  if (negotiate_coding(header, {}, coding::gzip) != coding::identity) std::abort();
  return 0;
}
