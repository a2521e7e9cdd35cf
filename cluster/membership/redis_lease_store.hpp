// SPDX-License-Identifier: Apache-2.0
// The lease store in Redis: each request is one script, so nothing comes between deciding and
// writing.
//
// Owner: the composition root. Runs on: any thread, if |evaluate| does; answers come on its thread.
// On failure: the transport's fault; a request that could not be encoded fails at once.
#pragma once

#include "cluster/membership/lease_scripts.hpp"

namespace stagedoor::cluster {

class redis_lease_store final : public lease_store {
 public:
  /// redis::client::eval, or whoever stands in front of it.
  using evaluate = std::function<void(const redis::script&, std::vector<std::string> keys,
                                      std::vector<std::string> arguments, mono_time deadline,
                                      std::function<void(result<redis::reply>)>)>;

  redis_lease_store(evaluate how, milliseconds lease)
      : evaluate_(std::move(how)), scripts_(lease) {}

  void ask(lease_request what, mono_time deadline, done answer) override;

 private:
  evaluate evaluate_;
  lease_scripts scripts_;
};

}  // namespace stagedoor::cluster
