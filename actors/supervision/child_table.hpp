// SPDX-License-Identifier: Apache-2.0
// A supervisor's children: found by id and by instance, each with at most one deadline.
//
// Sized for a hundred thousand children that come and go: every operation is O(1), or O(log n)
// where a deadline moves; what only a failing child needs is allocated when it fails. Owner:
// supervisor_state. Bounded by: its limit of children; the deadline heap by four times the number
// of children that wait for something.
#pragma once

#include "actors/supervision/child_spec.hpp"
#include "actors/supervision/effects.hpp"
#include "actors/supervision/restart_window.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace stagedoor::supervision {

/// Why a child is being ended, which decides what follows.
enum class intent : std::uint8_t {
  none,          ///< it is not being ended
  regroup,       ///< it belongs to a group that restarts, or the supervisor stops
  forget,        ///< stop_child
  restart_now,   ///< restart_child
  failed_start,  ///< it missed its start deadline
};

/// Of a child that failed, or was made with an argument, or has somebody waiting for it.
struct child_extra {
  restart_window restarts;
  std::string last_end;
  std::string argument;
  std::vector<request_id> waiting_for_start;
  std::vector<request_id> waiting_for_stop;
};

struct child {
  std::string id;
  mono_time since{};     ///< when it got into its state
  mono_time deadline{};  ///< when tick() must look at it; epoch = never
  std::uint32_t slot = 0;
  std::uint32_t starts = 0;  ///< of the slot, ever: the upper half of the instance
  std::uint32_t restarts = 0;
  std::uint32_t policy = 0;  ///< index of its policy, and its rank in the start order
  child_state state = child_state::idle;
  intent ending = intent::none;
  origin from = origin::listed;
  std::uint8_t attempt = 0;  ///< failures since it was last healthy, saturating
  bool wanted = true;        ///< false after stop_child: a restarting group leaves it out
  bool used = false;         ///< false = a free slot
  std::unique_ptr<child_extra> rare;

  [[nodiscard]] child_extra& extra() {
    if (!rare) rare = std::make_unique<child_extra>();
    return *rare;
  }
  [[nodiscard]] instance_id instance() const noexcept {
    return (static_cast<instance_id>(starts) << 32U) | slot;
  }
  /// It has a process of its own that will report its end.
  [[nodiscard]] bool alive() const noexcept {
    return state != child_state::idle && state != child_state::waiting &&
           state != child_state::stuck;
  }
  [[nodiscard]] bool coming_or_up() const noexcept {
    return state == child_state::starting || state == child_state::running;
  }
};

class child_table {
 public:
  /// `id` must be new.
  child& add(std::string id, origin from, std::uint32_t policy);
  void remove(child& c);

  [[nodiscard]] child* find(std::string_view id);
  /// The child whose current life this is, or none.
  [[nodiscard]] child* find(instance_id instance);

  [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }
  /// All slots in order of creation, free ones (used == false) among them.
  [[nodiscard]] std::deque<child>& slots() noexcept { return slots_; }
  [[nodiscard]] const std::deque<child>& slots() const noexcept { return slots_; }

  void set_deadline(child& c, mono_time when);
  void clear_deadline(child& c) noexcept;
  /// The earliest deadline, if any child waits for one.
  [[nodiscard]] std::optional<mono_time> next_deadline();
  /// Takes the next child whose deadline has passed, and clears that deadline; none when all did.
  [[nodiscard]] child* take_due(mono_time now);

 private:
  struct alarm {
    mono_time when;
    std::uint32_t slot;
  };
  [[nodiscard]] bool current(const alarm& a) const noexcept;
  void drop_outdated();

  std::deque<child> slots_;  ///< a deque, because the index points into it
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::string_view, std::uint32_t> index_;
  std::vector<alarm> alarms_;  ///< a min-heap; outdated entries are skipped
  std::size_t armed_ = 0;      ///< children with a deadline
};

}  // namespace stagedoor::supervision
