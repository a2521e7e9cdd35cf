// SPDX-License-Identifier: Apache-2.0
// The actor that speaks for this node to the others, and to the others for this node.
//
// | receives                  | replies                 | from |
// |---------------------------|-------------------------|------------------------------------------|
// | members_are               |                         | the coordinator | | link_changed | |
// peer_links                               | | actors::health_found      | | the health_board: told
// to all peers      | | messages::spread_change   | messages::change_spread | the coordinator | |
// messages::list_nodes      | messages::node_listing  | the admin API                            |
// | messages::describe_member | messages::tree_listing  | the admin API | | messages::meet_node |
// messages::node_met      | a peer, over a new link                  | | messages::catch_up_node |
// messages::caught_up     | a peer: "teamdir" here does it           | | messages::tell_health | |
// a peer: the health_board here is told    | | messages::report_member   | messages::member_report
// | a peer: the coordinator here answers     | | messages::describe_node   | messages::tree_listing
// | a peer: the root here answers            |
//
// A handle of a peer's agent is worth something only while its link stands (CAF keeps dead ones
// that swallow everything): it is got anew with each link, watched, and never leaves peer_table.
// A member that speaks none of our versions (release.hpp) is not linked to. Both sides stay
// members, and leases keep their owners apart; what goes over links (health, hot-adds at once) does
// not reach it, and it catches up from Redis. Owner: the cluster supervisor, last. Runs on: the
// scheduler. Bounded by: the members. On failure: a peer that does not answer costs its deadline,
// and is named.
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/teams/routing_messages.hpp"
#include "cluster/local_messages.hpp"
#include "cluster/peer_links.hpp"
#include "messages/cluster.hpp"
#include "messages/supervision.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace stagedoor::cluster {

struct node_agent_options {
  std::string node;
  std::string process;  ///< what messages for this node are addressed to
  std::string build;
  link::protocol_range protocols;
  peer_links* links = nullptr;  ///< null = no cluster
};

class node_agent final : public actors::shell {
 public:
  node_agent(caf::actor_config& cfg, node_agent_options options);
  caf::behavior make_behavior() override;

 private:
  struct peer {
    member said;
    std::uint16_t protocol = 0;  ///< agreed: decides which of a message's versions it is sent;
                                 ///< 0 = none in common, and no link
    bool linked = false;
    std::uint16_t port = 0;  ///< of our end, when we dialled
    std::string detail = "not dialled yet";
    caf::actor agent;           ///< none = not met
    std::uint64_t meeting = 0;  ///< counts links: an answer over an older one is dropped
  };

  // -- the links ---------------------------------------------------------------------------------
  void members(const members_are& m);
  void link(const link_changed& m);
  void connect(const std::string& node);
  void meet(const std::string& node, const caf::actor& door);
  void met(const std::string& node, const caf::actor& agent);
  void lost(const std::string& node);
  /// Agrees with a member that is new here; or says once why that cannot be.
  void introduce(peer& p) const;

  // -- for this node -----------------------------------------------------------------------------
  void spread(const messages::spread_change& m);
  void found(const actors::health_found& m);
  void list();
  void describe_member(const messages::describe_member& m);

  // -- for peers ---------------------------------------------------------------------------------
  [[nodiscard]] caf::result<messages::node_met> greeted(const messages::meet_node& m);
  void catch_up(const messages::catch_up_node& m);
  void told(const messages::tell_health& m);
  void report(const messages::report_member& m);
  void describe(const messages::describe_node& m);
  /// Hands |order| to a service of this node and its answer to whoever asked.
  template <class Reply, class Order>
  void pass_on(const char* service, Order order, milliseconds deadline);
  /// A fault unless the message was meant for this process.
  [[nodiscard]] std::optional<fault> not_for_us(const std::string& to_run) const;

  const node_agent_options options_;
  node_run self_;
  bool told_links_ = false;  ///< what was up before this agent started was asked for
  std::vector<member> members_;
  std::map<std::string, peer> peers_;  ///< by node; the other members
  /// Down servers of teams that are checked here, for peers that come.
  std::map<std::string, std::vector<messages::down_server>> health_;
};

/// What BASP leads to: it lives as long as the node and hands everything to the agent of the
/// moment.
class agent_door final : public actors::shell {
 public:
  explicit agent_door(caf::actor_config& cfg) : shell(cfg, "agent_door") {}
  caf::behavior make_behavior() override;
};

}  // namespace stagedoor::cluster
