// SPDX-License-Identifier: Apache-2.0
// One node: its lanes, its loops for everything else, its actors. The composition root.
//
// Start: tables are wired, the tree of actors is started, the stored teams and the zones are made
// live; only then are the sockets opened, so that nobody is told "404" or SERVFAIL by a node that
// has not read them. What takes longer than content_grace is not waited for. Stop: lanes drain (no
// new connections, open requests finish), the tree stops in reverse order, then the loops. Owner:
// main(). Runs on: main's thread. On failure: start() says what could not be had; afterwards a tree
// that gives up ends wait().
#pragma once

#include "actors/node_parts.hpp"
#include "cluster/cluster_side.hpp"
#include "cluster/handover.hpp"
#include "cluster/lane.hpp"
#include "configs/check.hpp"
#include "runtime/http/local_server.hpp"
#include "runtime/http/password_checker.hpp"

#include <caf/actor_system.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace stagedoor::cluster {

struct node_options {
  std::string settings_path;
  configs::named settings_named = configs::named::by_default;
  configs::loaded config;
  std::string version;
};

class node {
 public:
  /// |takes_over|: the conversation with the node that this one replaces.
  explicit node(node_options options, std::optional<successor> takes_over = {});
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  [[nodiscard]] result<void> start();
  /// Until the sockets are open. Holds false when the tree gave up, or a signal came, before.
  /// On failure: a socket could not be opened.
  [[nodiscard]] result<bool> wait_until_ready();
  /// Until request_stop(), the end of the tree, or until another process has taken over. The reason
  /// of the second, or nothing.
  [[nodiscard]] std::optional<std::string> wait();
  /// Another process serves and owns; stop() finishes what is open.
  [[nodiscard]] bool replaced() const noexcept { return replaced_; }
  void stop();

  /// Any thread, also from a signal watcher.
  void request_stop();
  void reopen_logs();

 private:
  [[nodiscard]] result<void> lock_data_dir();
  [[nodiscard]] result<void> make_lanes();
  [[nodiscard]] result<void> connect_redis();
  [[nodiscard]] result<void> wire_tables();
  [[nodiscard]] result<void> wire_zones();
  [[nodiscard]] result<void> open_admin_socket();
  [[nodiscard]] result<void> own();
  [[nodiscard]] result<void> join_cluster();
  void listen_to_the_tree();
  void start_tree();
  [[nodiscard]] bool stop_tree();
  [[nodiscard]] result<void> check_ports() const;
  [[nodiscard]] result<void> open_lanes();
  void drain_lanes();
  void stop_when_answered();
  void look_whether_answered();
  [[nodiscard]] bool stopping();
  [[nodiscard]] bool hand_over(net::handover_channel channel);
  [[nodiscard]] bool give_up_owning();
  void own_again();
  [[nodiscard]] lane_options options_of(unsigned index, const tls::server_options& tls);

  const node_options options_;
  unique_fd data_lock_;
  http::password_checker passwords_;  ///< shared by the lanes
  std::vector<std::unique_ptr<lane>> lanes_;
  loop control_;
  loop files_;
  std::unique_ptr<net::resolver> resolver_;
  std::unique_ptr<client::http_client> http_;
  std::unique_ptr<http::local_server> admin_;
  timer answered_{[this] { look_whether_answered(); }};
  mono_time answered_by_{};
  actors::node_parts parts_;

  std::unique_ptr<cluster_side> cluster_;
  std::vector<std::unique_ptr<cluster_side>> former_;  ///< of hand-overs that came to nothing
  node_system_config system_config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::actor root_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool tree_up_ = false;  ///< guarded by mutex_, as those below
  bool look_ups_served_ = false;
  bool stored_teams_live_ = false;
  std::set<std::string> zones_read_;
  bool stop_requested_ = false;
  std::optional<std::string> ended_;  ///< why the tree gave up
  std::deque<net::handover_channel> knocking_;
  bool stopped_ = false;
  bool replaced_ = false;

  std::optional<successor> takes_over_;
  std::vector<net::open_socket> inherited_;
  net::handover_door door_;
};

}  // namespace stagedoor::cluster
