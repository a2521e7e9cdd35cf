// SPDX-License-Identifier: Apache-2.0
// What Redis says of members, and the hints it spreads: anybody with access to it can write them.
#include "cluster/membership/member_record.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagedoor::cluster;
  const std::string_view text(reinterpret_cast<const char*>(data), size);  // NOLINT
  if (const auto m = parse_member("node-1", text)) {
    // A record that is read says the same when it is written again.
    const auto again = encode_member(*m);
    if (again) {
      const auto back = parse_member("node-1", *again);
      if (!back || *back != *m) std::abort();
    }
  }
  if (const auto h = parse_hint(text)) {
    for (const auto& key : h->keys)
      if (key.kind.empty() || key.id.empty()) std::abort();
  }
  return 0;
}
