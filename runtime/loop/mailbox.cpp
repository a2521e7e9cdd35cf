// SPDX-License-Identifier: Apache-2.0
#include "runtime/loop/mailbox.hpp"

#include <sys/eventfd.h>
#include <system_error>

namespace stagedoor {

mailbox::mailbox(std::size_t limit)
    : limit_(limit), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

bool mailbox::push(task t) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || waiting_.size() >= limit_) return false;
    was_empty = waiting_.empty();
    waiting_.push_back(std::move(t));
  }
  if (was_empty) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  }
  return true;
}

void mailbox::drain() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wake_.get(), &count, sizeof count);
  {
    const std::lock_guard lock(mutex_);
    running_.swap(waiting_);
  }
  for (auto& t : running_) t();
  running_.clear();
}

void mailbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

}  // namespace stagedoor
