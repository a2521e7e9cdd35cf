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
#include "runtime/snapshot/open_questions.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

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

/// Takes a query for a name that may exist although no table has it.
class parking_port {
 public:
  /// The answer when it is known. Nothing: the query is kept, and pipeline::resume() is called with
  /// it later.
  virtual std::optional<snapshot::activation> park(std::string_view label, const query& q,
                                                   const client_ref& client) = 0;

 protected:
  ~parking_port() = default;
};

/// The tables of one loop.
struct dns_tables {
  name_table names;
  route_table routes{route_shard_bits};
};

class pipeline {
 public:
  pipeline(const dns_tables& tables, lookup_limits limits, query_log& log, counters& count,
           forward_port* forwards, parking_port* parking = nullptr)
      : tables_(tables),
        lookup_(tables.names, tables.routes, std::move(limits)),
        log_(log),
        count_(count),
        forwards_(forwards),
        parking_(parking) {}

  struct handled {
    std::size_t size = 0;  ///< of the answer in |out|, 0 = none now
    bool pending = false;  ///< the answer comes through the reply_port
  };
  /// Answers |packet| into |out|, which takes at least 512 bytes for UDP, max_message_bytes for
  /// TCP.
  [[nodiscard]] handled handle(std::span<const std::uint8_t> packet, client_ref& client,
                               std::span<std::uint8_t> out);
  /// Goes on with a query that was parked, now that it is known whether its name exists. The answer
  /// is the caller's to deliver; pending: it is with an upstream.
  [[nodiscard]] handled resume(std::span<const std::uint8_t> packet, client_ref& client,
                               std::span<std::uint8_t> out, snapshot::activation asked);

 private:
  enum class outcome : std::uint8_t { ready, pending, absent };
  using knowledge = std::optional<snapshot::activation>;  ///< nothing = nobody was asked yet
  handled respond(verdict read, client_ref& client, std::span<std::uint8_t> out, knowledge asked);
  outcome answer(const zone_route* route, const client_ref& client, knowledge asked);
  outcome forward(const zone_route& route, const client_ref& client);
  [[nodiscard]] const zone_route* route_of(listener_id on) noexcept;

  const dns_tables& tables_;
  lookup lookup_;
  query_log& log_;
  counters& count_;
  forward_port* const forwards_;  ///< null = this server has no forwarder
  parking_port* const parking_;   ///< null = the tables have all names there are
  query query_;
  answer_writer writer_;
};

}  // namespace stagedoor::dns
