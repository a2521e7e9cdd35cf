// SPDX-License-Identifier: Apache-2.0
// Replies of a hostile server, cut at every place the input chooses: whole or in pieces, the
// outcome must be the same.
#include "runtime/redis/reply_reader.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace stagedoor::redis;

std::vector<reply> read_all(std::string_view bytes, std::size_t piece) {
  reply_reader reader({.bytes = 1U << 16U, .elements = 1000});
  std::vector<reply> got;
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    if (!reader.feed(part)) return got;
    for (;;) {
      auto next = reader.next();
      if (!next) return got;
      if (!next->has_value()) break;
      if ((*next)->is_error()) (void)to_fault(**next);
      got.push_back(**std::move(next));
    }
  }
  return got;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = data[0] % 16U + 1U;
  if (read_all(bytes, bytes.size() + 1) != read_all(bytes, piece)) std::abort();
  return 0;
}
