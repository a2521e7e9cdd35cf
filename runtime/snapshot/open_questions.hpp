// SPDX-License-Identifier: Apache-2.0
// What is being asked about names that no table has, who waits for it, and which names are known
// not to exist: the bookkeeping of missing_names, without a clock, a loop or a thread.
//
// Strangers choose the names. A flood of random ones must neither grow memory nor reach the store
// more than a bounded number of times at once, and one name asked by thousands is one question.
// So everything here has a limit, and whoever is over one is told `failed` at once.
// Owner: a missing_names. Runs on: its loop. Bounded by: missing_names_options.
#pragma once

#include "runtime/base/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace stagedoor::snapshot {

/// What came of asking about a name.
enum class activation : std::uint8_t {
  active,   ///< it is in the tables of every loop now
  unknown,  ///< there is no such name
  failed,   ///< nobody could say; the client may try again
};

struct missing_names_options {
  seconds deadline{2};           ///< of a question; then `failed`
  seconds remember_unknown{5};   ///< a name that does not exist, before it is asked again
  std::size_t unknown = 65'536;  ///< names that do not exist; the oldest makes room
  std::size_t waiters = 4'096;   ///< at once; more are told `failed`
  std::size_t in_flight = 256;   ///< questions at once; more are told `failed`
};

struct missing_names_counters {
  std::uint64_t parked = 0;     ///< had to wait for an answer
  std::uint64_t activated = 0;  ///< of these: the name is there now
  std::uint64_t unknown = 0;    ///< there is no such name; asked, or remembered
  std::uint64_t failed = 0;     ///< the answer was a failure, or did not come in time
  std::uint64_t refused = 0;    ///< over a limit
  std::uint64_t questions = 0;  ///< asked
};

class open_questions;
struct open_question;

/// Somebody who cannot go on without the answer. Leaves the queue when it is destroyed.
class name_waiter {
 public:
  name_waiter() = default;
  name_waiter(const name_waiter&) = delete;
  name_waiter& operator=(const name_waiter&) = delete;

  /// Waits no longer; nothing happens when it does not wait.
  void stop_waiting() noexcept;
  [[nodiscard]] bool waiting() const noexcept { return for_ != nullptr; }

 protected:
  virtual ~name_waiter() { stop_waiting(); }

 private:
  friend class open_questions;
  /// Once for each ask() that parked it. It waits no longer, and may ask again or be destroyed.
  virtual void name_answered(activation outcome) = 0;

  open_question* for_ = nullptr;  ///< null = does not wait
  name_waiter* previous_ = nullptr;
  name_waiter* next_ = nullptr;
};

/// A question without an answer yet.
struct open_question {
  open_questions& owner;
  std::string name;
  std::uint64_t number = 0;
  mono_time deadline{};
  bool outdated = false;  ///< `unknown` must not be remembered
  name_waiter* first = nullptr;
  name_waiter* last = nullptr;
};

class open_questions {
 public:
  explicit open_questions(missing_names_options options) : options_(options) {}
  ~open_questions();
  open_questions(const open_questions&) = delete;
  open_questions& operator=(const open_questions&) = delete;

  /// What ask() decided.
  struct verdict {
    std::optional<activation> known;  ///< the answer; nothing = |who| waits for it
    std::uint64_t question = 0;       ///< to be asked now; 0 = somebody has asked it already
  };
  [[nodiscard]] verdict ask(std::string_view name, name_waiter& who, mono_time now);

  /// The answer to |question|; one that is over is ignored. Tells everyone who waits.
  void answer(std::uint64_t question, activation outcome, mono_time now);
  /// Tells those that waited too long.
  void expire(mono_time now);
  /// When expire() has something to do next; nothing = no question is open.
  [[nodiscard]] std::optional<mono_time> next_deadline() const noexcept;

  /// |name| may exist from now on: what is known, or being found out, is worth nothing.
  void forget(std::string_view name);

  [[nodiscard]] const missing_names_counters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::size_t waiters() const noexcept { return waiters_; }
  [[nodiscard]] std::size_t in_flight() const noexcept { return open_.size(); }
  [[nodiscard]] std::size_t remembered() const noexcept { return unknown_.size(); }

 private:
  friend class name_waiter;
  using questions = std::list<open_question>;
  struct absence {
    std::string name;
    mono_time until{};
  };
  using absences = std::list<absence>;

  void join(open_question& q, name_waiter& who) noexcept;
  void leave(name_waiter& who) noexcept;
  void settle(questions::iterator it, activation outcome);
  [[nodiscard]] bool known_unknown(std::string_view name, mono_time now);
  void remember(std::string name, mono_time now);
  void drop_oldest();

  const missing_names_options options_;
  missing_names_counters counters_;
  std::uint64_t last_number_ = 0;
  std::size_t waiters_ = 0;

  questions open_;  ///< in the order asked, so in the order of their deadlines
  std::unordered_map<std::string_view, questions::iterator> by_name_;
  std::unordered_map<std::uint64_t, questions::iterator> by_number_;

  absences order_;  ///< in the order remembered, so in the order they end
  std::unordered_map<std::string_view, absences::iterator> unknown_;
};

}  // namespace stagedoor::snapshot
