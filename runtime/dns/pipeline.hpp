// SPDX-License-Identifier: Apache-2.0
// The way of a query, from the packet to the answer: read pipeline.cpp top to bottom.
// Owner: the server of a loop. Runs on: that loop. Bounded by: the buffers handed in.
#pragma once

#include "runtime/dns/answer.hpp"
#include "runtime/dns/client.hpp"
#include "runtime/dns/counters.hpp"
#include "runtime/dns/lookup.hpp"
#include "runtime/dns/query.hpp"
#include "runtime/dns/query_log.hpp"
#include "runtime/dns/routes.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace stagedoor::dns {

inline constexpr std::size_t max_message_bytes = 65535;

/// Takes a query that an upstream shall answer.
class forward_port {
 public:
  enum class verdict : std::uint8_t { taken, refused, failed };
  /// |rule| is of |chain|. When taken, the answer reaches the client through the reply_port.
  virtual verdict forward(const query& q, const std::shared_ptr<const plugin_chain>& chain,
                          const forward_options& rule, const client_ref& client) = 0;

 protected:
  ~forward_port() = default;
};

/// The tables of one loop.
struct dns_tables {
  name_table names;
  route_table routes{route_shard_bits};
};

class pipeline {
 public:
  pipeline(const dns_tables& tables, lookup_limits limits, query_log& log, counters& count,
           forward_port* forwards)
      : tables_(tables),
        lookup_(tables.names, tables.routes, limits),
        log_(log),
        count_(count),
        forwards_(forwards) {}

  struct handled {
    std::size_t size = 0;  ///< of the answer in |out|, 0 = none now
    bool pending = false;  ///< the answer comes through the reply_port
  };
  /// Answers |packet| into |out|, which takes at least 512 bytes for UDP, max_message_bytes for
  /// TCP.
  [[nodiscard]] handled handle(std::span<const std::uint8_t> packet, client_ref& client,
                               std::span<std::uint8_t> out);

 private:
  enum class outcome : std::uint8_t { ready, pending };
  outcome answer(const zone_route* route, const client_ref& client);
  outcome forward(const zone_route& route, const client_ref& client);
  [[nodiscard]] const zone_route* route_of(listener_id on) noexcept;

  const dns_tables& tables_;
  lookup lookup_;
  query_log& log_;
  counters& count_;
  forward_port* const forwards_;  ///< null = this server has no forwarder
  query query_;
  answer_writer writer_;
};

}  // namespace stagedoor::dns
