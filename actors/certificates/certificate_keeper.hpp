// SPDX-License-Identifier: Apache-2.0
// The actor that knows which certificates there are and sees to those that are missing.
//
// | receives                       | replies                       | then |
// |--------------------------------|-------------------------------|-----------------------------------|
// | messages::want_certificate     | messages::certificate_status  | orders one, when none is there
// | | messages::release_certificate  | messages::done                | | |
// messages::list_certificates    | messages::certificate_listing | | | watch_certificate_files | |
// reads all sources again           | | certificates_loaded            | | serves what changed | |
// order_over                     |                               | serves it, or plans the next try
// | | messages::report_status        | messages::status_rows         | |
//
// Sends: change_certificates to the certificate table; start_child to the orders' supervisor.
// Sources are read again every reread_interval, in the files loop.
// Owner: the certificate_supervisor, its last child. Runs on: the scheduler. Stops when: told to.
#pragma once

#include "actors/certificates/certificate_keeper_state.hpp"
#include "actors/certificates/certificate_messages.hpp"
#include "actors/node_parts.hpp"
#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "messages/admin.hpp"
#include "messages/certificates.hpp"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace stagedoor::actors {

class certificate_keeper final : public shell {
 public:
  /// |parts| outlives the actor.
  certificate_keeper(caf::actor_config& cfg, const node_parts& parts);
  caf::behavior make_behavior() override;

 private:
  static constexpr milliseconds reread_interval{30'000};

  void want(const messages::want_certificate& m);
  void read_sources();
  void loaded(const certificates_loaded& m);
  void order_ended(const order_over& m);
  void run(keeper_effects effects);
  void begin(const begin_order& order);
  void ticked();
  void arm();
  [[nodiscard]] messages::certificate_listing list(std::size_t limit) const;
  [[nodiscard]] messages::status_rows report() const;

  const node_parts& parts_;
  certificate_keeper_state state_;
  std::shared_ptr<const std::vector<configs::tls_certificate>> files_;
  mono_time next_read_{};
  bool reading_ = false;
  std::map<std::string, std::vector<std::string>>
      seen_;                    ///< fingerprints of each source, to skip what did not change
  std::set<std::string> told_;  ///< problems of the last reading: each is logged once
  tick_timer timer_;
};

}  // namespace stagedoor::actors
