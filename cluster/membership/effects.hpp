// SPDX-License-Identifier: Apache-2.0
// What the states of the cluster want done, as values.
#pragma once

#include "cluster/membership/lease_store.hpp"

namespace stagedoor::cluster {

using ticket = std::uint64_t;

/// Ask the lease store and hand what comes back to answered(); one answer, always.
struct ask_store {
  ticket number = 0;
  lease_request what;
  milliseconds patience{0};  ///< from now; then the answer is a fault
};

/// What became of our membership: one line in the log each.
struct membership_changed {
  enum class to : std::uint8_t {
    joined,   ///< a member, under a new incarnation
    fenced,   ///< no longer: what is owned must stop now; it joins again by itself
    refused,  ///< another run has our name; it tries again
    left,     ///< for good
  };
  to state = to::joined;
  node_run self;
  std::string why;
};

/// The members' list is another one.
struct view_changed {};

/// The store restarted or failed over: what is owned must be asserted again.
struct store_changed {};

/// Own it from now on, with this proof for its writes.
struct start_owned {
  ownership proof;
};

/// It goes on; its writes take this proof from now on.
struct renew_proof {
  ownership proof;
};

enum class stop_reason : std::uint8_t {
  moved,     ///< another node should own it, or we drain
  unwanted,  ///< nobody should own it any more
  lost,      ///< another node owns it
  fenced,    ///< we are no member: stop at once
};

/// Stop it and call stopped(); its writes may be refused already.
struct stop_owned {
  owned_key what;
  stop_reason why = stop_reason::moved;
};

/// Read the desired set and hand it to desired(), unless its version is the known one.
struct read_desired {
  std::string kind;
  std::uint64_t known_version = 0;
};

/// All that was owned is released: the node may leave.
struct drained {};

using effect = std::variant<ask_store, membership_changed, view_changed, store_changed, start_owned,
                            renew_proof, stop_owned, read_desired, drained>;
using effects = std::vector<effect>;

}  // namespace stagedoor::cluster
