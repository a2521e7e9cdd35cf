// SPDX-License-Identifier: Apache-2.0
#include "runtime/snapshot/missing_names.hpp"

#include <algorithm>
#include <mutex>

namespace stagedoor::snapshot {

// Answers come from other threads and may outlive this object and its loop.
struct missing_names::gate {
  std::mutex mutex;
  missing_names* owner = nullptr;  ///< guarded by mutex; null = gone

  static void answer(const std::shared_ptr<gate>& g, std::uint64_t question, activation outcome) {
    const std::lock_guard lock(g->mutex);
    if (g->owner == nullptr) return;
    // A mailbox that is full answers nobody; the deadline does.
    (void)g->owner->loop_.post([g, question, outcome] {
      // On the loop, where the owner ends too: no lock is needed, nor may one be held, for those
      // who are told may ask again.
      auto* const asker = g->owner;
      if (asker == nullptr) return;
      asker->questions_.answer(question, outcome, asker->loop_.now());
      asker->arm();
    });
  }
};

missing_names::missing_names(loop& owner, missing_names_options options, activate_function activate)
    : loop_(owner),
      activate_(std::move(activate)),
      questions_(options),
      deadline_([this] {
        questions_.expire(loop_.now());
        arm();
      }),
      gate_(std::make_shared<gate>()) {
  gate_->owner = this;
}

missing_names::~missing_names() {
  const std::lock_guard lock(gate_->mutex);
  gate_->owner = nullptr;
}

std::optional<activation> missing_names::ask(std::string_view name, name_waiter& who) {
  const auto verdict = questions_.ask(name, who, loop_.now());
  if (verdict.question != 0) {
    if (!deadline_.armed()) arm();
    activate_(std::string(name), [g = gate_, number = verdict.question](activation outcome) {
      gate::answer(g, number, outcome);
    });
  }
  return verdict.known;
}

// Left where it is when the question it stands for is over: it fires once too often, at most.
void missing_names::arm() {
  if (const auto next = questions_.next_deadline()) loop_.arm(deadline_, *next);
}

bool is_host_label(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 63 && name.front() != '-' && name.back() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

}  // namespace stagedoor::snapshot
