// SPDX-License-Identifier: Apache-2.0
// Where a loop asks about a name that none of its tables has, but that may exist nonetheless: of a
// team that is stored and not in memory.
//
// The edge and the DNS server of a lane share one, so that a browser's query and its request are
// one question. Whoever asks parks what it was doing until name_answered() is called, on the loop.
// Owner: a lane; outlives those who wait. Runs on: its loop. Bounded by: missing_names_options.
// On failure: activation::failed.
#pragma once

#include "runtime/loop/loop.hpp"
#include "runtime/snapshot/open_questions.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace stagedoor::snapshot {

/// Brings |name| into the tables, or finds out that it does not exist. Must not block; |done| is
/// called once, on any thread, and may come late or never: nobody waits beyond the deadline.
using activate_function =
    std::function<void(std::string name, std::function<void(activation)> done)>;

class missing_names {
 public:
  missing_names(loop& owner, missing_names_options options, activate_function activate);
  ~missing_names();
  missing_names(const missing_names&) = delete;
  missing_names& operator=(const missing_names&) = delete;

  /// The answer when it is known, or when |who| would be one too many. Nothing: |who| waits, and
  /// name_answered() is called in a later turn. |name|: one label, as in a key of the tables.
  [[nodiscard]] std::optional<activation> ask(std::string_view name, name_waiter& who);

  /// |name| may exist from now on.
  void forget(std::string_view name) { questions_.forget(name); }

  [[nodiscard]] const missing_names_counters& counters() const noexcept {
    return questions_.counters();
  }

 private:
  struct gate;
  void arm();

  loop& loop_;
  const activate_function activate_;
  open_questions questions_;
  timer deadline_;
  std::shared_ptr<gate> gate_;  ///< what other threads hold
};

/// Whether |name| can be the name of a team: a host name's label (RFC 1123 section 2.1), in lower
/// case. Whatever else a stranger asks for is known not to exist.
[[nodiscard]] bool is_host_label(std::string_view name) noexcept;

}  // namespace stagedoor::snapshot
