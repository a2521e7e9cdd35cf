// SPDX-License-Identifier: Apache-2.0
// The DNS server of one loop: its sockets, its view of the tables, its forwarder, its log.
//
// Every loop has one, with sockets of its own on the same addresses (SO_REUSEPORT), so the loops
// share nothing but immutable shards.
// Owner: the composition root. Runs on: the loop, all of it; before the loop starts also elsewhere.
// Bounded by: server_options. On failure: start() says which address could not be had.
#pragma once

#include "runtime/dns/counters.hpp"
#include "runtime/dns/forwarder.hpp"
#include "runtime/dns/parked_queries.hpp"
#include "runtime/dns/pipeline.hpp"
#include "runtime/dns/query_log.hpp"
#include "runtime/dns/tcp_listener.hpp"
#include "runtime/dns/udp_socket.hpp"
#include "runtime/net/open_socket.hpp"

#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace stagedoor::dns {

struct server_options {
  /// Asked about the names of lookups.asked_about; of the server's own loop, outlives it. Null =
  /// all names there are are in the table.
  snapshot::missing_names* missing_names = nullptr;
  lookup_limits lookups = {};
  udp_options udp = {};
  tcp_options tcp = {};
  forwarder_options forwards = {};
  query_log_options log = {};
};

/// One address to answer on, by UDP and TCP.
struct listener_options {
  listener_id id;
  net::address at;
};

class server final : private reply_port {
 public:
  server(loop& owner, server_options options);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  // -- lifecycle ---------------------------------------------------------------------------------

  /// Opens what is listed and not open, closes what is open and not listed; all or nothing for what
  /// is to be opened. Call again after a reload. On failure: conflict, refused, overloaded,
  /// internal.
  /// |given|: sockets that are open already, of a process that this one replaces; those of a
  /// listener are taken out and used, and only where there is none one is opened.
  [[nodiscard]] result<void> listen(std::span<const listener_options> listeners,
                                    std::vector<net::open_socket>& given);
  [[nodiscard]] result<void> listen(std::span<const listener_options> listeners) {
    std::vector<net::open_socket> none;
    return listen(listeners, none);
  }
  /// Adds a copy of each open socket.
  void copy_sockets(std::vector<net::open_socket>& to) const;
  /// For a node that is replaced: takes no more datagrams and connections. |drained| is called when
  /// every query that came is answered and every client has closed, or after |grace|.
  void hand_over(milliseconds grace, std::function<void()> drained);
  /// Closes everything; queries that are forwarded or wait are forgotten.
  void stop();

  // -- tables, for snapshot::subscription::apply ---------------------------------------------------

  void apply(const snapshot::delta<zone_node>& changes) { tables_.names.apply(changes); }
  void apply(const snapshot::delta<zone_route>& changes);

  // -- what is known about it --------------------------------------------------------------------

  [[nodiscard]] const counters& count() const noexcept { return count_; }
  [[nodiscard]] const dns_tables& tables() const noexcept { return tables_; }
  /// Where the listener really listens (port 0 was asked for).
  [[nodiscard]] result<net::address> address_of(listener_id id) const;

 private:
  /// Several of each only where a process with more loops was replaced.
  struct listening {
    listener_options options;
    std::vector<std::unique_ptr<udp_socket>> udp;
    std::vector<std::unique_ptr<tcp_listener>> tcp;
  };
  void deliver(const client_ref& to, std::span<const std::uint8_t> message) override;
  [[nodiscard]] result<listening> open(const listener_options& options,
                                       std::vector<net::open_socket>& given);
  void check_drained();
  void close(listening& l);
  void resume(std::span<const std::uint8_t> packet, client_ref& client, snapshot::activation asked);

  loop& loop_;
  const server_options options_;
  counters count_;
  dns_tables tables_;
  query_log log_;
  parked_queries parked_;
  forwarder forwarder_;
  pipeline pipeline_;
  udp_batch batch_;
  tcp_connections connections_;
  std::vector<std::uint8_t> scratch_;  ///< an answer to a query that waited
  std::vector<listening> open_;
  std::uint64_t next_socket_ = 1;
  timer drain_;
  mono_time drain_until_{};
  std::function<void()> drained_;
  std::shared_ptr<server*> alive_;  ///< for the hook, which the loop keeps longer than this lives
};

}  // namespace stagedoor::dns
