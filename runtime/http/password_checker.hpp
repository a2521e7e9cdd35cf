// SPDX-License-Identifier: Apache-2.0
// Checks passwords on a thread of its own: a bcrypt check takes a loop's time for thousands of
// requests.
//
// A loop hands a check in, keeps the pointer, and looks again later; nothing calls back into it.
// Owner: the composition root. Runs on: submit() any thread; the checks on its own.
// Bounded by: max_waiting_checks. On failure: submit() returns null.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace stagedoor::http {

inline constexpr std::size_t max_waiting_checks = 256;

enum class check_state : unsigned char { waiting, right, wrong };

struct password_check {
  std::string hash;      ///< of an htpasswd line
  std::string password;  ///< forgotten once checked
  std::atomic<check_state> state{check_state::waiting};
};

class password_checker {
 public:
  password_checker() = default;
  ~password_checker() { stop(); }
  password_checker(const password_checker&) = delete;
  password_checker& operator=(const password_checker&) = delete;

  void start();
  /// Checks that still wait stay waiting. Idempotent.
  void stop();

  /// Null when too many are waiting already, or when stopped.
  [[nodiscard]] std::shared_ptr<const password_check> submit(std::string hash,
                                                             std::string password);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<password_check>> waiting_;  ///< guarded by mutex_
  bool running_ = false;                                 ///< guarded by mutex_
  std::thread thread_;
};

}  // namespace stagedoor::http
