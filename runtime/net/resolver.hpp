// SPDX-License-Identifier: Apache-2.0
// Host names to addresses without ever blocking a loop.
//
// getaddrinfo() is the only way to see what the machine sees (hosts file, Docker's resolver,
// search domains), but it blocks for as long as its name servers do and cannot be cancelled. So a
// few threads, started when names come, call it; equal names are asked once; whoever waits has a
// deadline of its own, and a thread that is stuck is left behind, never waited for.
// Owner: the composition root; a Redis client. Runs on: its loop; resolve() any thread.
// Bounded by: |threads| calls at once, |max_lookups| names and |max_waiters| callers in flight,
// |max_cached| answers kept for |cache_for|, 16 addresses of a name.
// On failure: not_found, unreachable, timed_out, overloaded, invalid, internal.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/net/address.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace stagedoor::net {

using addresses = std::vector<address>;  ///< in the order to try them, port 0

/// Asks the machine's own resolver; blocks. Numeric addresses are answered too.
[[nodiscard]] result<addresses> system_lookup(const std::string& host);

struct resolver_options {
  unsigned threads = 4;
  std::size_t max_lookups = 256;
  std::size_t max_waiters = 4096;
  std::size_t max_cached = 1024;
  seconds cache_for{30};  ///< getaddrinfo tells no TTL; 0 = nothing is kept
  std::function<result<addresses>(const std::string&)> lookup = system_lookup;
};

class resolver {
 public:
  using callback = std::function<void(result<addresses>)>;

  explicit resolver(loop& where, resolver_options options = {});
  ~resolver();
  resolver(const resolver&) = delete;
  resolver& operator=(const resolver&) = delete;

  /// Calls |done| once, on the loop, in a later step than this call. Loop thread only.
  void lookup(const std::string& host, mono_time deadline, callback done);

  /// The same from any thread; false (and no call) when the loop's mailbox is full.
  [[nodiscard]] bool resolve(std::string host, milliseconds timeout, callback done);

  /// Forgets everyone who waits, without calling them. Loop thread, or after the loop has stopped.
  void stop();

 private:
  class state;
  std::shared_ptr<state> state_;
};

}  // namespace stagedoor::net
