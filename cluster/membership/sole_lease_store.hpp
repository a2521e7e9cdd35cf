// SPDX-License-Identifier: Apache-2.0
// The lease store of a node that is no member of a cluster: it owns everything, at once and always.
//
// So that one node alone takes the same path as a hundred, without waiting for a lease that nobody
// else could want, and without stopping its work while Redis is away.
// Owner: the composition root. Runs on: one thread; answers come within ask(). On failure: owned
// writes are not its business (`unsupported`): there is no fence that they could be checked by.
#pragma once

#include "cluster/membership/lease_store.hpp"

namespace stagedoor::cluster {

class sole_lease_store final : public lease_store {
 public:
  void ask(lease_request what, mono_time deadline, done answer) override;

 private:
  std::optional<member> self_;
  std::uint64_t version_ = 0;
  fence last_ = 0;
};

}  // namespace stagedoor::cluster
