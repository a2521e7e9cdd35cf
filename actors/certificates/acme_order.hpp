// SPDX-License-Identifier: Apache-2.0
// The actor of one order: from "this host has no certificate" to a certificate on disk.
//
//   start ▶ posts through the account ▶ challenge live in every loop ▶ the CA checks it
//         ▶ chain ▶ written as certbot would ▶ order_over to the keeper ▶ quit
//
// A crash or a kill at any point leaves nothing half written; the keeper orders again.
// Owner: the supervisor of orders, as a temporary child named like the host. Runs on: the
// scheduler. Bounded by: order_options (deadlines of each wait). Stops when: it is over, or told
// to.
#pragma once

#include "actors/certificates/certificate_messages.hpp"
#include "actors/node_parts.hpp"
#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "runtime/acme/order_state.hpp"

#include <string>

namespace stagedoor::actors {

struct acme_order_options {
  std::string host;
  std::uint64_t number = 0;  ///< the keeper's
  std::string resolver;
  std::string ca_server;  ///< written to certbot's renewal file
  std::string profile;
  std::string thumbprint;  ///< of the account's key
  acme::private_key key;   ///< of the certificate to be
};

class acme_order final : public shell {
 public:
  /// |parts| outlives the actor.
  acme_order(caf::actor_config& cfg, const node_parts& parts, acme_order_options options);
  caf::behavior make_behavior() override;

 protected:
  void stop_requested(const end_reason& reason) override;

 private:
  void run(acme::order_effects effects);
  void post(acme::signed_post what);
  void publish(const acme::challenge& c);
  void withdraw(const acme::challenge& c);
  void completed(acme::order_completed done);
  void written(const lineage_written& m);
  void over(order_over result);

  const node_parts& parts_;
  const acme_order_options options_;
  acme::order_state state_;
  caf::actor account_;
  acme::order_completed made_;
  tick_timer timer_;
};

}  // namespace stagedoor::actors
