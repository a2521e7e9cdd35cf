// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/resolver.hpp"

#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <netdb.h>
#include <system_error>
#include <thread>

namespace stagedoor::net {

namespace {

constexpr std::size_t max_host_name = 253;  // RFC 1035 2.3.4, as text without the last dot
constexpr std::size_t max_addresses = 16;   // of one name; no caller tries more

fault lookup_fault(const std::string& host, int code, int error_number) {
  if (code == EAI_SYSTEM) return errno_fault(fault_side::upstream, "resolve " + host, error_number);
  fault_kind kind = fault_kind::internal;
  retryable retry = retryable::no;
  if (code == EAI_NONAME || code == EAI_NODATA) kind = fault_kind::not_found;
  if (code == EAI_AGAIN || code == EAI_FAIL) {
    kind = fault_kind::unreachable;
    retry = retryable::yes;
  }
  if (code == EAI_MEMORY) {
    kind = fault_kind::overloaded;
    retry = retryable::yes;
  }
  return {kind, fault_side::upstream, retry,
          fmt::format("resolve {}: {}", host, ::gai_strerror(code))};
}

bool plausible(std::string_view host) {
  if (host.empty() || host.size() > max_host_name) return false;
  for (const char c : host)
    if (!ascii::is_alpha(c) && !ascii::is_digit(c) && c != '.' && c != '-' && c != '_' && c != ':')
      return false;
  return true;
}

}  // namespace

result<addresses> system_lookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (code != 0) return lookup_fault(host, code, errno);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, &::freeaddrinfo);
  addresses found;
  for (const auto* one = list; one != nullptr && found.size() < max_addresses; one = one->ai_next)
    if (one->ai_family == AF_INET || one->ai_family == AF_INET6)
      found.emplace_back(one->ai_addr, one->ai_addrlen);
  if (found.empty()) return lookup_fault(host, EAI_NONAME, 0);
  return found;
}

// Threads share the queue under mutex_; everything else belongs to the loop's thread.
class resolver::state : public std::enable_shared_from_this<state> {
 public:
  state(loop& where, resolver_options options) : options_(std::move(options)), loop_(&where) {}

  void stop() {
    std::unique_lock lock(mutex_);
    loop_ = nullptr;
    queue_.clear();
    work_there_.notify_all();
    // Threads inside getaddrinfo leave by themselves, holding only this object.
    thread_left_.wait(lock, [this] { return idle_or_busy_ == busy_; });
    lock.unlock();
    asked_.clear();
    waiters_ = 0;
    cache_.clear();
  }

  void lookup(const std::string& host, mono_time deadline, callback done);
  [[nodiscard]] bool post(std::string host, milliseconds timeout, callback done);

 private:
  struct waiter {
    std::uint64_t id;
    callback done;
    std::unique_ptr<timer> deadline;
  };
  struct answer {
    addresses found;
    mono_time until;
  };

  void work();
  void deliver(const std::string& host, result<addresses> found);
  void answered(const std::string& host, result<addresses> found);
  void expired(const std::string& host, std::uint64_t id);
  void later(callback done, result<addresses> found) {
    loop_->defer([done = std::move(done), found = std::move(found)] { done(found); });
  }
  [[nodiscard]] const addresses* cached(const std::string& host);
  void remember(const std::string& host, const addresses& found);
  [[nodiscard]] bool staffed();
  [[nodiscard]] bool enqueue(const std::string& host);
  [[nodiscard]] bool withdraw(const std::string& host);

  const resolver_options options_;

  std::mutex mutex_;
  std::condition_variable work_there_;
  std::condition_variable thread_left_;
  std::deque<std::string> queue_;  ///< guarded by mutex_
  loop* loop_;                     ///< guarded by mutex_ for the threads; null = stopped
  unsigned idle_or_busy_ = 0;      ///< threads, guarded by mutex_
  unsigned busy_ = 0;              ///< of them inside a lookup, guarded by mutex_

  std::map<std::string, std::vector<waiter>> asked_;
  std::size_t waiters_ = 0;
  std::uint64_t last_waiter_ = 0;
  std::map<std::string, answer> cache_;
};

void resolver::state::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_there_.wait(lock, [this] { return loop_ == nullptr || !queue_.empty(); });
    if (loop_ == nullptr) break;
    const std::string host = std::move(queue_.front());
    queue_.pop_front();
    ++busy_;
    lock.unlock();
    auto found = options_.lookup(host);
    lock.lock();
    --busy_;
    if (loop_ != nullptr) deliver(host, std::move(found));
  }
  --idle_or_busy_;
  thread_left_.notify_all();
}

// A full mailbox loses the answer; the waiters then meet their deadline.
void resolver::state::deliver(const std::string& host, result<addresses> found) {
  (void)loop_->post([weak = weak_from_this(), host, found = std::move(found)] {
    if (const auto self = weak.lock()) self->answered(host, found);
  });
}

bool resolver::state::post(std::string host, milliseconds timeout, callback done) {
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return false;
  return loop_->post(
      [weak = weak_from_this(), host = std::move(host), timeout, done = std::move(done)]() mutable {
        const auto self = weak.lock();
        if (self && self->loop_ != nullptr)
          self->lookup(host, self->loop_->now() + timeout, std::move(done));
      });
}

void resolver::state::lookup(const std::string& host, mono_time deadline, callback done) {
  if (loop_ == nullptr) return;
  if (auto numeric = address::parse_ip(host, 0)) return later(std::move(done), addresses{*numeric});
  if (!plausible(host))
    return later(std::move(done),
                 fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
                       fmt::format("not a host name: {}", host.substr(0, 64))});
  if (const auto* known = cached(host)) return later(std::move(done), *known);
  if (waiters_ >= options_.max_waiters || !enqueue(host))
    return later(std::move(done), fault{fault_kind::overloaded, fault_side::self, retryable::yes,
                                        fmt::format("resolve {}: too many lookups wait", host)});
  const auto id = ++last_waiter_;
  auto expiry = std::make_unique<timer>([this, host, id] { expired(host, id); });
  loop_->arm(*expiry, deadline);
  asked_[host].push_back({id, std::move(done), std::move(expiry)});
  ++waiters_;
}

// Threads are started when names come, up to their number: who uses numeric addresses has none.
// False when the machine gives us not even one.
bool resolver::state::staffed() {
  const auto idle = idle_or_busy_ - busy_;
  if (idle > queue_.size() || idle_or_busy_ >= std::max(options_.threads, 1U)) return true;
  try {
    std::thread([self = shared_from_this()] { self->work(); }).detach();
    ++idle_or_busy_;
  } catch (const std::system_error&) {
    return idle_or_busy_ > 0;
  }
  return true;
}

bool resolver::state::enqueue(const std::string& host) {
  if (asked_.contains(host)) return true;
  if (asked_.size() >= options_.max_lookups) return false;
  const std::lock_guard lock(mutex_);
  if (!staffed()) return false;
  queue_.push_back(host);
  work_there_.notify_one();
  return true;
}

void resolver::state::answered(const std::string& host, result<addresses> found) {
  if (found) remember(host, *found);
  const auto entry = asked_.extract(host);
  if (entry.empty()) return;
  waiters_ -= entry.mapped().size();
  for (auto& w : entry.mapped()) {
    if (loop_ == nullptr) return;  // a callback stopped us
    w.deadline->cancel();
    w.done(found);
  }
}

void resolver::state::expired(const std::string& host, std::uint64_t id) {
  auto& waiting = asked_.at(host);
  const auto at =
      std::find_if(waiting.begin(), waiting.end(), [id](auto& w) { return w.id == id; });
  // The timer that is firing must not be destroyed before its function returns.
  auto gone = std::make_unique<waiter>(std::move(*at));
  waiting.erase(at);
  --waiters_;
  if (waiting.empty() && withdraw(host)) asked_.erase(host);
  auto done = std::move(gone->done);
  loop_->dispose(std::move(gone));
  done(fault{fault_kind::timed_out, fault_side::upstream, retryable::yes,
             fmt::format("resolve {}: no answer in time", host)});
}

// True when no thread has begun with |host|; otherwise its entry stays until the thread is back,
// so that a name whose servers are silent never occupies two threads.
bool resolver::state::withdraw(const std::string& host) {
  const std::lock_guard lock(mutex_);
  const auto at = std::find(queue_.begin(), queue_.end(), host);
  if (at == queue_.end()) return false;
  queue_.erase(at);
  return true;
}

const addresses* resolver::state::cached(const std::string& host) {
  const auto at = cache_.find(host);
  if (at == cache_.end()) return nullptr;
  if (at->second.until > loop_->now()) return &at->second.found;
  cache_.erase(at);
  return nullptr;
}

void resolver::state::remember(const std::string& host, const addresses& found) {
  if (options_.cache_for == seconds(0) || options_.max_cached == 0) return;
  const auto now = loop_->now();
  if (cache_.size() >= options_.max_cached)
    std::erase_if(cache_, [now](const auto& entry) { return entry.second.until <= now; });
  if (cache_.size() >= options_.max_cached) cache_.erase(cache_.begin());
  cache_[host] = {found, now + options_.cache_for};
}

resolver::resolver(loop& where, resolver_options options)
    : state_(std::make_shared<state>(where, std::move(options))) {}

resolver::~resolver() { state_->stop(); }

void resolver::lookup(const std::string& host, mono_time deadline, callback done) {
  state_->lookup(host, deadline, std::move(done));
}

bool resolver::resolve(std::string host, milliseconds timeout, callback done) {
  return state_->post(std::move(host), timeout, std::move(done));
}

void resolver::stop() { state_->stop(); }

}  // namespace stagedoor::net
