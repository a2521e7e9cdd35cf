// SPDX-License-Identifier: Apache-2.0
// What a Docker engine runs, followed from afar: one list, then one inspection for what changed.
//
//   begin ▶ event stream open ▶ list ▶ each event: inspect that container ▶ ... ▶ lost ▶ pause ▶
//   begin
//
// The stream is opened before the list is asked for, so nothing happens between the two unseen; and
// every event, whatever it says, means only "look at this container": what counts is what the
// engine answers then. What was known stays known while the engine is out of reach.
// Owner: the docker_provider. Runs on: the scheduler; no CAF type in it, time comes in.
// Bounded by: docker_limits; the engine's answers by docker_engine.
#pragma once

#include "configs/container.hpp"
#include "configs/defaults.hpp"
#include "configs/static_config.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/client/docker_container.hpp"
#include "runtime/client/docker_event.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace stagedoor::actors {

// -- news from the engine -------------------------------------------------------------

struct engine_opened {};  ///< the event stream is open
struct engine_listed {
  result<std::vector<client::container>> all;
};
struct engine_changed {
  std::string container;  ///< its id
};
struct engine_inspected {
  std::string container;
  result<client::container> found;
};
struct engine_ended {  ///< the event stream
  fault why;
};
using engine_event =
    std::variant<engine_opened, engine_listed, engine_changed, engine_inspected, engine_ended>;

// -- effects --------------------------------------------------------------------------

/// Every request of a session is answered with its number; what an older session hears is dropped.
struct open_engine_events {
  std::uint64_t session;
};
struct close_engine_events {};
struct list_containers {
  std::uint64_t session;
};
struct inspect_container {
  std::uint64_t session;
  std::string id;
};
/// routable() may have changed.
struct route_containers {};
/// The engine can be reached (again), or no longer; said once for each change.
struct engine_found {
  std::size_t containers;
};
struct engine_out_of_reach {
  std::string why;
};
/// This container's inspection made no sense: it is not routed.
struct container_unreadable {
  std::string id;
  std::string why;
};

using docker_effect =
    std::variant<open_engine_events, close_engine_events, list_containers, inspect_container,
                 route_containers, engine_found, engine_out_of_reach, container_unreadable>;
using docker_effects = std::vector<docker_effect>;

struct docker_limits {
  milliseconds first_pause = defaults::docker_first_pause;
  milliseconds longest_pause = defaults::docker_longest_pause;
  milliseconds patience =
      defaults::docker_patience;  ///< for the stream to open and the list to come
  milliseconds resync =
      defaults::docker_resync;  ///< all is listed again: finds a dead engine, and what was missed
  milliseconds throttle{2000};  ///< between two route_containers
  std::size_t inspections_at_once = 4;
  std::size_t max_pending = 256;  ///< changes to inspect; with more, all are listed again
};

class docker_provider_state {
 public:
  explicit docker_provider_state(configs::docker_provider options, docker_limits limits = {})
      : options_(std::move(options)), limits_(limits), pause_(limits.first_pause) {}

  [[nodiscard]] docker_effects start(mono_time now);
  [[nodiscard]] docker_effects heard(std::uint64_t session, engine_event what, mono_time now);
  [[nodiscard]] docker_effects tick(mono_time now);
  [[nodiscard]] std::optional<mono_time> next_tick() const;

  // -- observers ------------------------------------------------------------------------

  /// The containers that routes may lead to: those that run and are not unhealthy; with
  /// allowEmptyServices or traefik.docker.allownonrunning others too, without a server of theirs.
  [[nodiscard]] std::vector<configs::container> routable() const;
  [[nodiscard]] std::size_t known() const noexcept { return known_.size(); }
  /// "connected", "connecting", "out of reach: why".
  [[nodiscard]] std::string state() const;

 private:
  enum class phase : std::uint8_t { idle, pausing, opening, listing, following };

  void begin(mono_time now, docker_effects& out);
  void ask_list(mono_time now, docker_effects& out);
  void apply(engine_opened what, mono_time now, docker_effects& out);
  void apply(engine_listed what, mono_time now, docker_effects& out);
  void apply(engine_changed what, mono_time now, docker_effects& out);
  void apply(engine_inspected what, mono_time now, docker_effects& out);
  void apply(const engine_ended& what, mono_time now, docker_effects& out);
  void lost(const fault& why, mono_time now, docker_effects& out);
  void proceed(mono_time now, docker_effects& out);
  [[nodiscard]] const client::container* find(std::string_view id_or_name) const;
  [[nodiscard]] configs::container described(const client::container& c) const;

  const configs::docker_provider options_;
  const docker_limits limits_;
  phase at_ = phase::idle;
  std::uint64_t session_ = 0;
  mono_time due_{};  ///< pausing: try again; opening, listing: give up; following: list again
  std::optional<mono_time> since_;  ///< when the engine was found; none = it is out of reach
  milliseconds pause_;              ///< before the next try
  std::string trouble_;             ///< why it is out of reach
  std::map<std::string, client::container> known_;  ///< by id
  std::set<std::string> pending_;                   ///< ids to inspect
  std::map<std::string, bool> inspecting_;          ///< id → changed again meanwhile
  std::optional<mono_time> changed_since_;          ///< something is not routed yet
  std::optional<mono_time> routed_at_;
};

}  // namespace stagedoor::actors
