// SPDX-License-Identifier: Apache-2.0
// When to try again for one certificate.
//
// Two mistakes are common: never trying again, and hammering the CA until it blocks the account.
// What helps depends on why it failed: a CA that has trouble is asked again soon, a name that does
// not point here yet after 1, 10 and 100 minutes and then once a day, a limit exactly when the CA
// said, and what cannot succeed waits for a person (and is tried once a day, in case it does).
// Owner: the order's actor, which keeps |state()| over restarts.
#pragma once

#include "runtime/acme/problem.hpp"
#include "runtime/base/clock.hpp"

#include <cstdint>

namespace stagedoor::acme {

struct retry_options {
  seconds server_first{5};  ///< doubled each time
  seconds server_most{900};
  seconds validation_first{60};  ///< times ten each time
  seconds order_first{1};        ///< a new order, then like a server's trouble
  seconds daily{24 * 3600};      ///< the longest wait of all
  seconds limit_without_date{3600};
  double jitter = 0.1;  ///< share of the wait that is added at most
};

struct retry_plan {
  seconds after{0};
  bool parked = false;  ///< a person should look: it is tried daily only
};

/// What must survive a restart, or each one would begin with the shortest wait.
struct retry_memory {
  failure_class last = failure_class::server;
  std::uint32_t in_a_row = 0;  ///< failures of that class since another one or a success
};

class retry_policy {
 public:
  explicit retry_policy(retry_options options = {}, retry_memory known = {})
      : options_(options), known_(known) {}

  /// |random| in [0, 1) spreads what failed together.
  [[nodiscard]] retry_plan failed(const failure& f, double random);
  void succeeded() { known_ = {}; }
  [[nodiscard]] const retry_memory& state() const noexcept { return known_; }

 private:
  [[nodiscard]] seconds base_wait(const failure& f) const;

  retry_options options_;
  retry_memory known_;
};

}  // namespace stagedoor::acme
