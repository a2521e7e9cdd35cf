// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/resolver.hpp"

#include <fmt/format.h>
#include <mutex>
#include <netdb.h>
#include <system_error>
#include <thread>

namespace stagedoor::redis {
namespace {

constexpr std::size_t max_addresses = 16;  // of one name

result<std::vector<net::address>> resolve(const host_port& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.host.c_str(), nullptr, &hints, &found);
  if (error != 0)
    return fault{fault_kind::unreachable, fault_side::store, retryable::yes,
                 fmt::format("resolve {}: {}", host.host, ::gai_strerror(error))};
  std::vector<net::address> all;
  for (const addrinfo* each = found; each != nullptr && all.size() < max_addresses;
       each = each->ai_next) {
    all.emplace_back(each->ai_addr, each->ai_addrlen);
    all.back().set_port(host.port);
  }
  ::freeaddrinfo(found);
  return all;
}

/// False when the machine has no more threads to give.
template <class Job>
bool detach_thread(Job job) {
  try {
    std::thread(std::move(job)).detach();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace

/// What a lookup's thread may touch; it outlives the resolver while getaddrinfo() hangs.
struct resolver::shared {
  std::mutex mutex;
  loop* owner = nullptr;    ///< guarded by mutex; null once the resolver is gone
  std::size_t running = 0;  ///< guarded by mutex
};

resolver::resolver(loop& l, std::size_t max_lookups)
    : shared_(std::make_shared<shared>()), max_lookups_(max_lookups) {
  shared_->owner = &l;
}

resolver::~resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->owner = nullptr;
}

void resolver::lookup(const host_port& host, callback done) {
  if (auto numeric = net::address::parse_ip(host.host, host.port)) {
    done(std::vector{*std::move(numeric)});
    return;
  }
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->running >= max_lookups_) {
      // The callback must not run under the lock: it may start the next lookup.
      shared_->owner->defer([done = std::move(done)] {
        done(fault{fault_kind::overloaded, fault_side::self, retryable::yes,
                   "too many host name lookups at once"});
      });
      return;
    }
    ++shared_->running;
  }
  const bool started = detach_thread([state = shared_, host, done]() mutable {
    auto found = resolve(host);
    const std::lock_guard lock(state->mutex);
    --state->running;
    if (state->owner == nullptr) return;
    // A full mailbox drops the answer; the caller's deadline covers that.
    (void)state->owner->post(
        [weak = std::weak_ptr(state), found = std::move(found), done = std::move(done)] {
          if (const auto alive = weak.lock(); alive && alive->owner != nullptr) done(found);
        });
  });
  if (started) return;
  {
    const std::lock_guard lock(shared_->mutex);
    --shared_->running;
  }
  done(fault{fault_kind::overloaded, fault_side::self, retryable::yes,
             "no thread for a host name lookup"});
}

}  // namespace stagedoor::redis
