// SPDX-License-Identifier: Apache-2.0
// Drives a supervisor_state in virtual time and keeps what it did as short words:
// "spawn a", "stop a", "kill a", "up", "finish <reason>", "restarting a", "1:location a".
#pragma once

#include "actors/supervision/supervisor_state.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace stagedoor::supervision {

// -- specs in few words ------------------------------------------------------------------

inline child_spec child_with(std::string id, restart_type restart = restart_type::permanent,
                             start_mode start = start_mode::when_spawned) {
  child_spec spec{std::move(id), {}};
  spec.policy.restart = restart;
  spec.policy.start = start;
  return spec;
}

inline child_spec reporting(std::string id) {
  return child_with(std::move(id), restart_type::permanent, start_mode::when_reported);
}

inline supervisor_options options_for(strategy how) {
  supervisor_options options;
  options.how = how;
  options.backoff = {milliseconds{100}, milliseconds{1600}, 0, seconds{60}};
  return options;
}

inline std::vector<child_spec> abc() { return {child_with("a"), child_with("b"), child_with("c")}; }

class state_rig {
 public:
  state_rig(supervisor_options options, const std::vector<child_spec>& listed)
      : state(std::move(options), listed) {}

  supervisor_state state;
  mono_time now{std::chrono::hours{1}};
  std::vector<std::string> words;            ///< since the last take()
  std::map<std::string, instance_id> lives;  ///< the newest instance by id
  std::optional<mono_time> alarm;

  void start() { run(state.start(now)); }
  void stop() { run(state.stop({end_kind::shutdown, {}}, now)); }
  void started(const std::string& id) { run(state.started(lives.at(id), now)); }
  void ends(const std::string& id, end_reason reason = {end_kind::shutdown, {}}) {
    run(state.ended(lives.at(id), reason, now));
  }
  void crashes(const std::string& id) { ends(id, {end_kind::crashed, "boom"}); }
  void add(const std::string& id, request_id request = 0) {
    run(state.start_child(id, {}, request, now));
  }

  /// Lets time pass, with a tick whenever the state asked for one.
  void pass(milliseconds duration) {
    const auto last = now + duration;
    while (alarm && *alarm <= last) {
      now = std::max(now, *alarm);
      alarm.reset();
      run(state.tick(now));
    }
    now = last;
  }

  [[nodiscard]] std::vector<std::string> take() { return std::exchange(words, {}); }
  [[nodiscard]] messages::child_entry entry(const std::string& id) const {
    for (const auto& child : state.list(1000, now).children)
      if (child.id == id) return child;
    return {};
  }
  [[nodiscard]] child_state state_of(const std::string& id) const { return entry(id).state; }

  void run(const effects& todo) {
    for (const auto& step : todo) std::visit([this](const auto& e) { keep(e); }, step);
  }

 private:
  [[nodiscard]] std::string id_of(instance_id instance) const {
    for (const auto& [id, life] : lives)
      if (life == instance) return id;
    return "?";
  }
  void keep(const spawn_child& e) {
    lives[e.id] = e.instance;
    words.push_back("spawn " + e.id);
  }
  void keep(const stop_instance& e) { words.push_back("stop " + id_of(e.instance)); }
  void keep(const kill_instance& e) { words.push_back("kill " + id_of(e.instance)); }
  void keep(const wake_at& e) { alarm = e.when; }
  void keep(const all_started&) { words.push_back("up"); }
  void keep(const finish& e) { words.push_back("finish " + to_string(e.reason)); }
  void keep(const child_notice& e) {
    static const char* const names[] = {"restarting", "left",  "given_up",
                                        "overdue",    "stuck", "escalating"};
    words.push_back(std::string(names[static_cast<int>(e.what)]) + " " + e.id);
    last_wait = e.wait;
  }
  void keep(const answer_location& e) {
    words.push_back(std::to_string(e.request) + ":location " + e.id + (e.instance ? "" : " down"));
  }
  void keep(const answer_stopped& e) {
    words.push_back(std::to_string(e.request) + ":stopped " + e.id + " " + to_string(e.reason));
  }
  void keep(const answer_done& e) { words.push_back(std::to_string(e.request) + ":done"); }
  void keep(const answer_fault& e) {
    words.push_back(std::to_string(e.request) + ":" + std::string(to_string(e.why.kind)));
  }

 public:
  milliseconds last_wait{0};  ///< of the last notice
};

}  // namespace stagedoor::supervision
