// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/password_checker.hpp"

#include "runtime/http/htpasswd.hpp"

namespace stagedoor::http {

void password_checker::start() {
  const std::lock_guard lock(mutex_);
  if (running_) return;
  running_ = true;
  thread_ = std::thread([this] { run(); });
}

void password_checker::stop() {
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    waiting_.clear();
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const password_check> password_checker::submit(std::string hash,
                                                               std::string password) {
  auto check = std::make_shared<password_check>();
  check->hash = std::move(hash);
  check->password = std::move(password);
  {
    const std::lock_guard lock(mutex_);
    if (!running_ || waiting_.size() >= max_waiting_checks) return nullptr;
    waiting_.push_back(check);
  }
  wake_.notify_one();
  return check;
}

void password_checker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return !running_ || !waiting_.empty(); });
    if (!running_) return;
    const auto check = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    // Only this thread and one loop hold it. If the loop let go, nobody wants to know.
    if (check.use_count() > 1) {
      const bool right = verify_password(check->hash, check->password);
      check->password.clear();
      check->state.store(right ? check_state::right : check_state::wrong,
                         std::memory_order_release);
    }
    lock.lock();
  }
}

}  // namespace stagedoor::http
