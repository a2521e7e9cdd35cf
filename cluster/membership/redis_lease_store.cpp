// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership/redis_lease_store.hpp"

namespace stagedoor::cluster {

void redis_lease_store::ask(lease_request what, mono_time deadline, done answer) {
  auto call = scripts_.call(what);
  if (!call) {
    answer(call.error());
    return;
  }
  evaluate_(*call->script, std::move(call->keys), std::move(call->arguments), deadline,
            [what = std::move(what), answer = std::move(answer)](result<redis::reply> r) {
              if (r)
                answer(lease_scripts::answer(what, *r));
              else
                answer(std::move(r).error());
            });
}

}  // namespace stagedoor::cluster
