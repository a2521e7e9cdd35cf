// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/retry_policy.hpp"

#include <algorithm>

namespace stagedoor::acme {

namespace {

// |first| times |factor| to the power of |steps|, never above |most|.
seconds grown(seconds first, unsigned factor, std::uint32_t steps, seconds most) {
  auto wait = first;
  for (std::uint32_t i = 0; i < steps && wait < most; ++i) wait *= factor;
  return std::min(wait, most);
}

}  // namespace

seconds retry_policy::base_wait(const failure& f) const {
  const auto before = known_.in_a_row - 1;  // failures before this one
  switch (f.what) {
    case failure_class::rate_limited: return f.retry_after.value_or(options_.limit_without_date);
    case failure_class::validation:
      return grown(options_.validation_first, 10, before, options_.daily);
    case failure_class::rejected:
    case failure_class::account: return options_.daily;
    case failure_class::order: return grown(options_.order_first, 10, before, options_.server_most);
    case failure_class::server:
      return grown(options_.server_first, 2, before, options_.server_most);
  }
  return options_.daily;
}

retry_plan retry_policy::failed(const failure& f, double random) {
  known_.in_a_row = f.what == known_.last ? known_.in_a_row + 1 : 1;
  known_.last = f.what;
  retry_plan plan;
  plan.parked = f.what == failure_class::rejected || f.what == failure_class::account;
  plan.after = base_wait(f);
  // Only ever later: the CA's own date is the earliest moment that is welcome.
  const auto spread = static_cast<double>(plan.after.count()) * options_.jitter * random;
  plan.after += seconds(static_cast<std::int64_t>(spread));
  if (f.retry_after) plan.after = std::max(plan.after, *f.retry_after);
  return plan;
}

}  // namespace stagedoor::acme
