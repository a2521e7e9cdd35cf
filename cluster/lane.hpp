// SPDX-License-Identifier: Apache-2.0
// One loop with everything the data plane keeps in it: its edge, its DNS server, its views of the
// tables.
//
// A node has as many lanes as cores; they share nothing but immutable shards.
// Owner: the node. Runs on: its loop's thread, but for construction and start().
#pragma once

#include "messages/admin.hpp"
#include "runtime/dns/server.hpp"
#include "runtime/http/edge.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/snapshot/missing_names.hpp"
#include "runtime/snapshot/publisher.hpp"
#include "runtime/tls/context.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stagedoor::cluster {

struct lane_options {
  unsigned index = 0;
  http::edge_options edge;
  std::vector<http::entry_point> entry_points;
  std::optional<http::access_log_options> access_log;  ///< nothing = requests are not logged
  std::uint8_t ping_entry_point = 255;  ///< index of the one that answers /ping; 255 = none
  dns::server_options dns;
  std::vector<dns::listener_options> dns_listeners;
  tls::server_options tls;
  /// Brings a name of the platform into the tables; null = all names there are are in them.
  snapshot::activate_function activate;
  snapshot::missing_names_options missing_names;
};

class lane {
 public:
  explicit lane(lane_options options);
  ~lane();
  lane(const lane&) = delete;
  lane& operator=(const lane&) = delete;

  /// Runs, and takes tables; no socket is open yet. On failure: invalid, internal, not_found,
  /// refused (the access log).
  [[nodiscard]] result<void> start();
  /// Opens every socket; waits for it. |given|: sockets of the process that this one replaces, used
  /// where their address is listened on. On failure: conflict, refused, overloaded, internal.
  [[nodiscard]] result<void> open(std::vector<net::open_socket> given = {});
  /// A copy of every open socket; waits for it.
  [[nodiscard]] std::vector<net::open_socket> copy_sockets();
  /// No new connections; calls back, on the loop, when the open ones are done.
  void drain(const std::function<void()>& drained);
  /// As drain(), when another process has the sockets already: no client notices.
  void hand_over(const std::function<void()>& drained);
  void stop();

  // -- for the publishers -------------------------------------------------------------------------

  [[nodiscard]] snapshot::subscription<http::site> sites();
  [[nodiscard]] snapshot::subscription<tls::certificate> certificates();
  [[nodiscard]] snapshot::subscription<dns::zone_node> names();
  [[nodiscard]] snapshot::subscription<dns::zone_route> zones();
  [[nodiscard]] snapshot::subscription<std::string> challenges();

  /// Servers that take no traffic; null = all do. False when the mailbox is full.
  [[nodiscard]] bool set_down_servers(std::shared_ptr<const http::down_servers> down);

  /// A name of the platform may exist from now on: what this lane remembers of its absence is
  /// forgotten. False when the mailbox is full.
  [[nodiscard]] bool forget_missing(std::string label);

  /// The status rows of this lane, made on its loop. False when its mailbox is full.
  [[nodiscard]] bool report(const std::function<void(std::vector<messages::status_row>)>& tell);
  /// Log files were moved away: goes on in new ones.
  void reopen_logs();

  [[nodiscard]] loop& owner() noexcept { return loop_; }

 private:
  template <class Value>
  snapshot::subscription<Value> subscription(
      std::function<void(const snapshot::delta<Value>&)> apply);
  [[nodiscard]] bool answer(http::exchange& x);
  [[nodiscard]] std::vector<messages::status_row> rows() const;

  const lane_options options_;
  loop loop_;
  tls::certificate_table certificates_;
  snapshot::table_view<std::string> challenges_;
  std::unique_ptr<snapshot::missing_names> missing_;  ///< null = nothing is asked
  std::unique_ptr<tls::server_context> tls_;
  std::unique_ptr<http::edge> edge_;
  std::unique_ptr<dns::server> dns_;
  std::string scratch_;  ///< key of a challenge look-up
  bool draining_ = false;
};

}  // namespace stagedoor::cluster
