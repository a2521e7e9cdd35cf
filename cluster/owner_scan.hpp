// SPDX-License-Identifier: Apache-2.0
// Reads the owner records of all nodes, for people who look.
//
// Page by page, so that a million of them never hold up the store; what changes meanwhile may be
// listed as it was, or twice over, which is why one key is kept once.
#pragma once

#include "actors/support/shell.hpp"
#include "messages/cluster.hpp"
#include "messages/redis.hpp"
#include "runtime/base/result.hpp"

#include <functional>

namespace stagedoor::cluster {

/// One of the two is called, on |self|'s thread.
void scan_owners(actors::shell* self, const messages::list_owners& what,
                 std::function<void(messages::owner_listing)> found,
                 std::function<void(const fault&)> failed);

/// The cursor of the next page ("0" = that was the last), and the records of this one.
struct owner_page {
  std::string next;
  std::vector<messages::owner_proof> owners;
};
/// On failure: malformed.
[[nodiscard]] result<owner_page> parse_owner_page(const messages::redis_value& reply);

}  // namespace stagedoor::cluster
