// SPDX-License-Identifier: Apache-2.0
// Finds the address of the server to talk to, now.
//
// With one host in the URL: its address. With Sentinels: each is asked in turn, beginning with the
// one that answered last, for the master's address (SENTINEL get-master-addr-by-name).
// Owner: a session. Runs on: the loop's thread.
// Bounded by: |step_timeout| for each name lookup and each Sentinel.
// On failure: unreachable, refused, not_found (no Sentinel knows the master).
#pragma once

#include "runtime/net/resolver.hpp"
#include "runtime/redis/endpoint.hpp"
#include "runtime/redis/wire.hpp"

#include <functional>
#include <memory>

namespace stagedoor::redis {

class locator final : public wire::listener {
 public:
  using callback = std::function<void(result<net::address>)>;

  locator(loop& l, net::resolver& names, const endpoint& where, wire_options wires,
          milliseconds step_timeout = milliseconds(2000));
  ~locator();
  locator(const locator&) = delete;
  locator& operator=(const locator&) = delete;

  /// Calls |done| exactly once unless cancelled. One search at a time.
  void locate(callback done);
  void cancel();

 private:
  void wire_opened() override;
  void wire_reply(reply&& r) override;
  void wire_lost(const fault& why) override;

  /// A name with several addresses gives another one with each call.
  void resolve(const host_port& host, callback then);
  void ask_sentinel();
  void sentinel_failed(const fault& why);
  void close_wire();
  void finish(result<net::address> found);

  loop& loop_;
  net::resolver& names_;
  const endpoint endpoint_;
  const wire_options wires_;
  const milliseconds step_timeout_;
  callback done_;
  std::uint64_t step_ = 0;  ///< answers of earlier steps are ignored
  std::size_t lookups_ = 0;
  std::size_t sentinel_ = 0;     ///< index of the one being asked
  std::size_t asked_ = 0;        ///< in this search
  unsigned replies_wanted_ = 0;  ///< of the Sentinel
  std::unique_ptr<wire> wire_;
  timer timeout_;
  std::function<void()> on_timeout_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace stagedoor::redis
