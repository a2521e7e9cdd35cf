// SPDX-License-Identifier: Apache-2.0
// Host names to addresses without blocking a loop.
//
// The system's getaddrinfo() blocks, for half a minute when a DNS server is gone. Numeric
// addresses are answered at once; each name gets a short-lived thread, and the caller keeps the
// deadline: an answer that comes too late is dropped.
// Owner: a client. Runs on: the loop's thread; the callback too.
// Bounded by: |max_lookups| at once. On failure: overloaded, unreachable.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/net/address.hpp"
#include "runtime/redis/endpoint.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace stagedoor::redis {

class resolver {
 public:
  /// All addresses of the name, in the system's order; at least one.
  using callback = std::function<void(result<std::vector<net::address>>)>;

  explicit resolver(loop& l, std::size_t max_lookups = 8);
  ~resolver();
  resolver(const resolver&) = delete;
  resolver& operator=(const resolver&) = delete;

  /// Calls |done| at most once, maybe before it returns; never after the resolver is gone. The
  /// caller needs a deadline of its own.
  void lookup(const host_port& host, callback done);

 private:
  struct shared;
  std::shared_ptr<shared> shared_;
  std::size_t max_lookups_;
};

}  // namespace stagedoor::redis
