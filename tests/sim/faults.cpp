// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/faults.hpp"

#include <cmath>
#include <fmt/format.h>

namespace stagedoor::test {
namespace {

using namespace std::chrono_literals;

constexpr micros first_fault = 3s;
constexpr micros last_fault = 30s;
constexpr micros all_mended = 33s;  // a failover loses up to 3 s: those that were begun are over
// The pause after a failover (4 s), a lease that was just renewed (4 s), the longest pause between
// two claims (4 s), and a second for the messages.
constexpr micros heals_within = 13s;
constexpr micros placed_within = 60s;

class scenario {
 public:
  explicit scenario(std::uint64_t seed) : w_(seed) {}

  simulation_report run() {
    try {
      build();
      schedule();
      w_.run_until(all_mended);
      mend();
      heal();
    } catch (const violation& v) {
      report_.failure = fmt::format("at {} ms: {}", w_.now().count() / 1'000, v.what());
    }
    report_.counters = w_.counters;
    return report_;
  }

 private:
  /// 5 to 200, as many below 32 as above.
  void build() {
    const auto exponent = static_cast<double>(w_.below(1'000)) / 1'000.0;
    report_.nodes = static_cast<std::size_t>(5.0 * std::pow(40.0, exponent));
    if (w_.chance(2)) report_.nodes = 200;
    std::vector<std::string> teams, zones, checks;
    report_.ids = report_.nodes * (1 + w_.below(4)) + w_.below(60);
    for (std::size_t i = 0; i < report_.ids; ++i)
      (i % 4 == 0   ? zones
       : i % 4 == 1 ? checks
                    : teams)
          .push_back(fmt::format("id-{}", next_id_++));
    w_.change_desired("team", teams, {});
    w_.change_desired("zone", zones, {});
    w_.change_desired("check", checks, {});
    for (std::size_t n = 0; n < report_.nodes; ++n) {
      w_.add_node();
      w_.after(w_.between(0us, 1s), [this, n] { w_.start_process(n); });
    }
  }

  void schedule() {
    for (auto when = first_fault; when < last_fault; when += w_.between(100ms, 2'500ms))
      w_.at(when, [this] { strike(); });
  }

  std::size_t any_node() { return w_.below(w_.nodes().size()); }
  micros while_() { return w_.between(200ms, 10s); }

  void strike() {
    switch (w_.below(16)) {
      case 0:
      case 1: return pause(any_node());
      case 2:
      case 3: return kill(any_node());
      case 4: return cut_from_store(1);
      case 5: return cut_from_store(w_.nodes().size() / 2);
      case 6: return cut_peers();
      case 7: return bad_weather();
      case 8: return restart_store();
      case 9: return fail_over();
      case 10: return set_clock();
      case 11: return join();
      case 12: return leave();
      case 13:
      case 14: return change_desired();
      default:
        w_.report_gone(any_node(), any_node());
        if (w_.chance(5)) w_.lose_everything();
    }
  }

  void pause(std::size_t n) {
    w_.freeze(n);
    w_.after(while_(), [this, n] { w_.thaw(n); });
  }

  void kill(std::size_t n) {
    if (w_.live() < 4) return;
    w_.kill(n);
    if (w_.chance(70)) w_.after(while_(), [this, n] { w_.start_process(n); });
  }

  void cut_from_store(std::size_t how_many) {
    const auto length = while_();
    for (; how_many > 0; --how_many) {
      const auto n = any_node();
      w_.at(n).cut_from_store = true;
      w_.after(length, [this, n] { w_.at(n).cut_from_store = false; });
    }
  }

  void cut_peers() {
    for (std::size_t i = w_.nodes().size(); i > 0; --i) {
      const auto a = any_node(), b = any_node();
      w_.cut_peers(a, b, true);
      w_.after(while_(), [this, a, b] { w_.cut_peers(a, b, false); });
    }
  }

  void bad_weather() {
    w_.sky = {w_.between(2ms, 3s), w_.below(35)};
    w_.after(w_.between(500ms, 6s), [this] { w_.sky = {}; });
  }

  void restart_store() {
    const auto lost = w_.chance(50) ? w_.between(0us, 1s) : 0us;
    w_.fail_over_after(lost);
    w_.after(lost, [this] {
      if (calm_) return;
      w_.store_down(true);
      w_.after(w_.between(100ms, 8s), [this] { w_.store_down(false); });
    });
  }

  void fail_over() {
    const auto lost = w_.between(0us, 3s);
    w_.fail_over_after(lost);
    if (w_.chance(50)) return;
    w_.after(lost, [this] {
      if (calm_) return;
      w_.store_down(true);
      w_.after(w_.between(1ms, 2s), [this] { w_.store_down(false); });
    });
  }

  void set_clock() {
    const auto jump = static_cast<std::int64_t>(w_.chance(50) ? 3'600'000 : w_.below(5'000));
    w_.set_server_clock(w_.chance(50) ? jump : -jump);
  }

  void join() {
    for (std::size_t i = 1 + w_.below(3); i > 0 && w_.nodes().size() < 220; --i)
      w_.start_process(w_.add_node());
  }

  void leave() {
    if (w_.live() < 4) return;
    w_.drain(any_node());
  }

  void change_desired() {
    const std::string kind = w_.chance(50) ? "team" : "check";
    std::vector<std::string> added, removed;
    for (std::size_t i = w_.below(10); i > 0; --i)
      added.push_back(fmt::format("id-{}", next_id_++));
    for (const auto& id : w_.ids(kind))
      if (w_.chance(3)) removed.push_back(id);
    w_.change_desired(kind, added, removed);
  }

  void mend() {
    calm_ = true;
    w_.sky = {};
    w_.store_down(false);
    for (std::size_t n = 0; n < w_.nodes().size(); ++n) {
      w_.at(n).cut_from_store = false;
      w_.thaw(n);
    }
    if (w_.live() == 0) w_.start_process(0);
  }

  void heal() {
    const auto begin = w_.now();
    std::string what;
    do {
      if (w_.now() - begin > heals_within) throw violation("it does not heal: " + what);
      w_.run_until(w_.now() + 250ms);
      what = w_.missing();
    } while (!what.empty());
    report_.healed = w_.now() - begin;
    do {
      if (w_.now() - begin > placed_within) throw violation("not where it should be: " + what);
      w_.run_until(w_.now() + 250ms);
      what = w_.missing().empty() ? w_.misplaced() : w_.missing();
    } while (!what.empty());
    report_.placed = w_.now() - begin;
  }

  world w_;
  simulation_report report_;
  std::size_t next_id_ = 0;
  bool calm_ = false;
};

}  // namespace

simulation_report simulate(std::uint64_t seed) { return scenario(seed).run(); }

}  // namespace stagedoor::test
