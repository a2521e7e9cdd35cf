// SPDX-License-Identifier: Apache-2.0
// The actor that knows which certificates there are and sees to those that are missing.
//
// | receives                      | replies                       | then                       |
// |-------------------------------|-------------------------------|----------------------------|
// | messages::want_certificate    | messages::certificate_status  | orders one if none is there |
// | messages::release_certificate | messages::done                | abandons its order         |
// | messages::list_certificates   | messages::certificate_listing |                            |
// | watch_certificate_files       |                               | reads all sources again    |
// | certificates_loaded           |                               | serves what changed        |
// | order_over                    |                               | serves it, or tries later  |
// | messages::report_status       | messages::status_rows         |                            |
//
// Sends: change_certificates to the certificate table; start_child to the orders' supervisor.
// Sources are read again every reread_interval, in the files loop; nothing is ordered before they
// were read once, or a restart would order what is on the disk.
// Owner: the certificate_supervisor, its last child. Runs on: the scheduler. Bounded by:
// keeper_limits; one reading at a time. Stops when: told to.
#pragma once

#include "actors/certificates/certificate_keeper_state.hpp"
#include "actors/certificates/certificate_messages.hpp"
#include "actors/node_parts.hpp"
#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "messages/admin.hpp"
#include "messages/certificates.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace stagedoor::actors {

/// What outlives a keeper that crashed: the next one goes on with it.
struct certificate_memory {
  explicit certificate_memory(const configs::static_config& edge);

  certificate_keeper_state state;
  /// Named by the configuration; null until the file_provider has told.
  std::shared_ptr<const std::vector<configs::tls_certificate>> files;
  /// Fingerprints of each source, to skip what did not change.
  std::map<std::string, std::vector<std::string>> seen;
};

class certificate_keeper final : public shell {
 public:
  /// |parts| outlives the actor. |memory| is used by one keeper at a time.
  certificate_keeper(caf::actor_config& cfg, const node_parts& parts,
                     std::shared_ptr<certificate_memory> memory);
  caf::behavior make_behavior() override;

 private:
  static constexpr milliseconds reread_interval{30'000};
  static constexpr int rest_per_reading = 20;  ///< reading takes at most a twentieth of the time
  static constexpr milliseconds retry_interval{1'000};
  /// For the first watch_certificate_files, before orders begin without it.
  static constexpr milliseconds files_grace{10'000};

  [[nodiscard]] messages::certificate_status want(const messages::want_certificate& m);
  void read_sources();
  void loaded(const certificates_loaded& m);
  void maybe_order();
  void order_ended(const order_over& m);
  void run(keeper_effects effects);
  void publish(const std::vector<std::string>& names);
  void begin(const begin_order& order);
  void ticked();
  void arm();
  [[nodiscard]] messages::certificate_listing list(std::size_t limit) const;
  [[nodiscard]] messages::status_rows report() const;

  const node_parts& parts_;
  const std::shared_ptr<certificate_memory> memory_;
  certificate_keeper_state& state_;
  const mono_time started_;
  mono_time next_read_{};
  mono_time reading_since_{};
  bool reading_ = false;
  bool again_ = false;  ///< what is to be read changed during the reading
  bool has_read_ = false;
  bool has_read_files_ = false;  ///< those that the configuration names among them
  bool reading_files_ = false;
  std::set<std::string> unpublished_;  ///< names whose publishing failed: tried again
  std::set<std::string> told_;         ///< problems of the last reading: each is logged once
  tick_timer timer_;
};

}  // namespace stagedoor::actors
