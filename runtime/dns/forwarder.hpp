// SPDX-License-Identifier: Apache-2.0
// The forward plugin of one loop: passes queries on and answers back, without waiting.
//
// Upstreams that answer late or never may not cost the others anything: what is in flight is
// bounded, each attempt and each query has a deadline, and an upstream that failed is probed in the
// background instead of being tried by everyone.
// Owner: the server of a loop. Runs on: that loop. Bounded by: forwarder_options.
#pragma once

#include "runtime/dns/counters.hpp"
#include "runtime/dns/pipeline.hpp"
#include "runtime/dns/upstream.hpp"

#include <memory>
#include <unordered_map>
#include <vector>

namespace stagedoor::dns {

/// What a loop knows about one `forward` line.
struct forward_group {
  std::shared_ptr<const plugin_chain> owner;  ///< keeps |rule| alive
  std::shared_ptr<const forward_options> rule;
  std::vector<std::unique_ptr<upstream>> upstreams;
  std::size_t next = 0;  ///< for round_robin
  std::uint32_t active = 0;
};

class forwarder final : public forward_port, private exchange_events {
 public:
  forwarder(loop& owner, forwarder_options options, reply_port& replies, query_log& log,
            counters& count);
  ~forwarder();

  verdict forward(const query& q, const std::shared_ptr<const plugin_chain>& chain,
                  const forward_options& rule, const client_ref& client) override;

  /// Drops the state of rules that no published route mentions any more.
  void forget_unused();
  void stop();
  [[nodiscard]] std::size_t in_flight() const noexcept { return used_; }

 private:
  forward_group& group_of(const std::shared_ptr<const plugin_chain>& chain,
                          const forward_options& rule);
  exchange* acquire();
  void release(exchange& e);

  [[nodiscard]] bool attempt(exchange& e);
  [[nodiscard]] upstream* choose(exchange& e);
  void retry(exchange& e, std::string_view why);
  void give_up(exchange& e, std::string_view why);
  void reply(exchange& e, std::span<std::uint8_t> message);
  void timed_out(exchange& e);

  void replied(exchange& e, std::span<const std::uint8_t> message) override;
  void failed(exchange& e, std::string_view why) override;
  void bogus() override { ++count_.forward_bogus; }

  void suspect(upstream& u, forward_group& group);
  void check(upstream& u, forward_group& group);
  void checked(exchange& e, bool alive);

  loop& loop_;
  const forwarder_options options_;
  reply_port& replies_;
  query_log& log_;
  counters& count_;
  id_source ids_;
  std::vector<std::uint8_t> scratch_;
  std::unordered_map<const forward_options*, std::unique_ptr<forward_group>> groups_;
  std::vector<std::unique_ptr<exchange>> exchanges_;
  std::vector<exchange*> free_;
  std::size_t used_ = 0;
};

}  // namespace stagedoor::dns
