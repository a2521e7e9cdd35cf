// SPDX-License-Identifier: Apache-2.0
// The actor that owns one zone: its file, what was added at run time, its serial.
//
// | receives                | replies               | then                                      |
// |-------------------------|-----------------------|-------------------------------------------|
// | add_zone_records        | messages::published   | every loop answers them                   |
// | remove_zone_records     | messages::published   | no loop answers them                      |
// | zone_file_read          |                       | names that differ are published           |
// | use_serial              |                       | the SOA record has that serial            |
// | messages::report_zone   | messages::zone_report | at once                                   |
//
// A file that cannot be read or parsed is logged, shown in the report, and tried again; what was
// served before stays; records for a zone that was never loaded wait for it. A change that the
// publisher did not confirm is published again until it is, whoever asked for it. The zone_state
// outlives the actor, so a restart loses nothing. Owner: the dns_supervisor. Runs on: the
// scheduler; files are read in the files loop. Stops when: told to; the loops keep the zone.
#pragma once

#include "actors/dns/zone_messages.hpp"
#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "messages/dns.hpp"
#include "messages/publishing.hpp"
#include "runtime/dns/zone_state.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace stagedoor::actors {

/// Reads and parses the zone; may block. Not on an actor's thread.
using zone_reader = std::function<result<dns::zone_data>()>;

struct dns_zone_options {
  std::shared_ptr<dns::zone_state> state;
  zone_reader read;
  bool has_file = true;         ///< false: |read| makes the content, and its serial means nothing
  milliseconds reload{60'000};  ///< between looks at the file; 0 = never again
  /// Runs a blocking task elsewhere; false when that is full.
  std::function<bool(std::function<void()>)> run_blocking;
  milliseconds publish_deadline = seconds(5);
  /// The zone is live for the first time, or its file could not be read; on the scheduler.
  std::function<void()> on_first_read = [] {};
};

class dns_zone final : public shell {
 public:
  dns_zone(caf::actor_config& cfg, dns_zone_options options);
  caf::behavior make_behavior() override;

 private:
  void add(const add_zone_records& m);
  void remove(const remove_zone_records& m);
  void read();
  void catch_up();
  void loaded(const result<dns::zone_data>& content);
  void publish(result<dns::change_set> change, promise<messages::published> caller);
  /// Exactly one of the two is called, in this actor's context.
  void make_live(dns::change_set change, std::function<void(messages::published)> live,
                 std::function<void(const fault&)> failed);
  void wake_at(std::optional<mono_time>& what, mono_time when);
  void arm();
  void wake();
  [[nodiscard]] messages::zone_report report() const;

  const dns_zone_options options_;
  std::string last_error_;
  // What was added before the zone could be loaded; bounded by the teams. While the first read is
  // under way the callers wait for it; when it has failed they do not, the zone answers nobody.
  bool read_once_ = false;
  std::vector<dns::record> early_;
  std::vector<promise<messages::published>> early_callers_;
  std::optional<mono_time> read_at_;
  /// Names that the state has changed and the loops may not have; bounded by the zone.
  std::set<dns::wire_name> lost_;
  std::optional<mono_time> publish_at_;
  tick_timer alarm_;  ///< at the earlier of the two
};

}  // namespace stagedoor::actors
