// SPDX-License-Identifier: Apache-2.0
// The actor that follows the configuration files: it offers their routes, and again when they
// change. The catalog of all middlewares is its work, those of container labels included.
//
// | receives                | replies               | then                                      |
// |-------------------------|-----------------------|-------------------------------------------|
// | files_changed           |                       | reads them, in the files loop             |
// | files_read              |                       | offers what differs, says what is wrong   |
// | containers_known        | use_catalog           | builds the catalog again, with these      |
// | containers_live         |                       | withdraws what the compose file said      |
// | messages::report_status | messages::status_rows |                                           |
//
// Sends: use_catalog to the registry, the teams and the docker_provider; offer_routes to the
// registry; messages::want_certificate and watch_certificate_files to the keeper.
// Owner: the provider_supervisor. Runs on: the scheduler. Bounded by: the files' own limits; one
// reading at a time. Stops when: told to; what was offered stays.
#pragma once

#include "actors/node_parts.hpp"
#include "actors/providers/provider_state.hpp"
#include "actors/supervision/supervisor.hpp"
#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "messages/admin.hpp"
#include "runtime/loop/directory_watch.hpp"

#include <memory>
#include <set>
#include <string>

namespace stagedoor::actors {

/// Something changed in the folders that are watched.
struct files_changed {};

/// What is in the files now, with everything that is wrong in them.
struct files_read {
  std::shared_ptr<configs::loaded> config;
};

class file_provider final : public shell {
 public:
  /// |parts| outlives the actor. It reports as started when its first offers are live: a node that
  /// opens its sockets before would answer 404 for what its files say.
  file_provider(caf::actor_config& cfg, const node_parts& parts, supervision::child_context self);
  caf::behavior make_behavior() override;
  void on_exit() override;

 private:
  struct watcher;  // lives in the control loop

  void start_watching();
  void read();
  void apply();
  void complain(const configs::diagnostics& problems);
  void offer(const std::string& source, source_offers& offers, const plans_by_host& now);
  void send(const std::string& source, const std::vector<source_offer>& offers);
  void offer_again();
  void one_answered();
  [[nodiscard]] messages::status_rows report() const;

  const node_parts& parts_;
  const supervision::child_context self_;
  std::size_t unanswered_ = 0;  ///< offers on their way
  bool started_ = false;
  std::shared_ptr<const configs::loaded> current_;  ///< as it was last read
  engine_labels engine_;
  last_good_files last_good_;
  source_offers files_, compose_, entry_points_;
  std::shared_ptr<watcher> watcher_;
  bool reading_ = false;
  bool again_ = false;  ///< changed while they were being read
  mono_time last_read_{};
  std::set<std::string> told_;  ///< errors of the last reading: each is logged once
  std::size_t problems_ = 0;
  tick_timer throttle_;
};

}  // namespace stagedoor::actors
