// SPDX-License-Identifier: Apache-2.0
// What one loop counted since it started. Plain numbers of the loop's own; whoever wants them posts
// a task that copies the struct.
#pragma once

#include <array>
#include <cstdint>

namespace stagedoor::dns {

struct counters {
  std::uint64_t udp_queries = 0;
  std::uint64_t tcp_queries = 0;
  std::array<std::uint64_t, 24> answers{};  ///< by rcode; the last place counts all above
  std::uint64_t truncated = 0;              ///< answers with TC
  std::uint64_t dropped = 0;                ///< packets that deserve no answer
  std::uint64_t send_failures = 0;          ///< datagrams the kernel did not take
  std::uint64_t tcp_accepted = 0;
  std::uint64_t tcp_rejected = 0;  ///< over a connection limit
  std::uint64_t tcp_open = 0;
  std::uint64_t forwarded = 0;
  std::uint64_t forward_retries = 0;
  std::uint64_t forward_failed = 0;   ///< answered SERVFAIL
  std::uint64_t forward_refused = 0;  ///< over max_concurrent or the table's limit
  std::uint64_t forward_bogus = 0;    ///< packets from upstream that answer nothing we asked
  std::uint64_t log_lines = 0;
  std::uint64_t log_dropped = 0;  ///< lines the sink had no room for

  void answered(std::uint16_t rcode) noexcept {
    ++answers[rcode < answers.size() - 1 ? rcode : answers.size() - 1];
  }
};

}  // namespace stagedoor::dns
