// SPDX-License-Identifier: Apache-2.0
#include "cluster/node_agent.hpp"

#include "actors/support/actor_names.hpp"
#include "configs/defaults.hpp"
#include "messages/support.hpp"
#include "messages/team.hpp"
#include "runtime/base/log.hpp"

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/middleman_actor.hpp>
#include <fmt/format.h>
#include <set>

namespace stagedoor::cluster {

using actors::find_name;
using actors::promise;
using actors::tell;

namespace {

/// An answer that is complete when every peer that was asked has answered, or has not in time.
template <class Reply>
struct gathering {
  explicit gathering(caf::local_actor* self) : caller(self) {}
  promise<Reply> caller;
  Reply found;
  std::size_t open = 1;  ///< this function's own: nobody answers before all were asked
  void one_less() {
    if (--open == 0) caller.deliver(std::move(found));
  }
};

}  // namespace

node_agent::node_agent(caf::actor_config& cfg, node_agent_options options)
    : shell(cfg, "node_agent"), options_(std::move(options)) {
  self_.node = options_.node;
}

caf::behavior node_agent::make_behavior() {
  actors::publish_name(system(), "agent", caf::actor_cast<caf::actor>(this));
  tell(find_name(system(), "cluster"), agent_ready{});
  return {
      [this](const members_are& m) { members(m); },
      [this](const link_changed& m) { link(m); },
      [this](const meet_again& m) {
        const auto it = peers_.find(m.node);
        if (it != peers_.end() && it->second.linked && it->second.meeting == m.meeting)
          connect(m.node);
      },
      [this](const actors::health_found& m) { found(m); },
      [this](const messages::spread_change& m) { spread(m); },
      [this](const messages::list_nodes&) { list(); },
      [this](const messages::describe_member& m) { describe_member(m); },
      [this](const messages::meet_node& m) { return greeted(m); },
      [this](const messages::catch_up_node& m) { catch_up(m); },
      [this](const messages::tell_health& m) { told(m); },
      [this](const messages::report_member& m) { report(m); },
      [this](const messages::describe_node& m) { describe(m); },
  };
}

// -- the links -----------------------------------------------------------------------------------

void node_agent::members(const members_are& m) {
  self_ = m.self;
  members_ = m.members;
  std::vector<wanted_peer> wanted;
  std::map<std::string, peer> next;
  for (const auto& one : m.members) {
    if (one.who.node == options_.node) continue;
    auto before = peers_.extract(one.who.node);
    auto& p = next[one.who.node];
    const bool known = before && before.mapped().said.process == one.process;
    if (known) p = std::move(before.mapped());
    p.said = one;
    if (!known) introduce(p);
    if (p.protocol != 0) wanted.push_back({one.who.node, one.process, one.address});
  }
  peers_ = std::move(next);
  if (options_.links == nullptr) return;
  options_.links->want(std::move(wanted));
  if (!std::exchange(told_links_, true)) options_.links->report();
}

void node_agent::introduce(peer& p) const {
  const auto& theirs = p.said;
  const auto& ours = options_.protocols;
  if (const auto agreed = link::agree(ours, {theirs.protocol_min, theirs.protocol_max})) {
    p.protocol = *agreed;
    return;
  }
  p.detail = fmt::format("no protocol in common: it speaks {} to {}, this node {} to {}",
                         theirs.protocol_min, theirs.protocol_max, ours.lowest, ours.highest);
  log::error("no link to a node", {{"node", theirs.who.node},
                                   {"build", theirs.build},
                                   {"own_build", options_.build},
                                   {"why", p.detail}});
}

void node_agent::link(const link_changed& m) {
  const auto it = peers_.find(m.node);
  if (it == peers_.end()) return;
  auto& p = it->second;
  if (!m.up) {
    p.linked = false;
    p.detail = m.detail;
    return lost(m.node);
  }
  if (p.said.process != m.process) return;  // the list of members is about to say so
  ++p.meeting;
  p.linked = true;
  p.port = m.port;
  p.detail.clear();
  if (p.port != 0) connect(m.node);  // otherwise the peer does
}

// BASP over the link. The answer is the peer's door; the first words go there.
void node_agent::connect(const std::string& node) {
  auto& p = peers_.at(node);
  const auto meeting = p.meeting;
  const auto still = [this, node, meeting] {
    const auto it = peers_.find(node);
    return it != peers_.end() && it->second.meeting == meeting && it->second.linked;
  };
  request(system().middleman().actor_handle(), caf::duration(defaults::peer_answer),
          caf::connect_atom::value, std::string("127.0.0.1"), p.port)
      .then(
          [this, node, still](const caf::node_id&, const caf::strong_actor_ptr& door,
                              const std::set<std::string>&) {
            if (still() && door) meet(node, caf::actor_cast<caf::actor>(door));
          },
          [this, node, still](const caf::error& e) {
            if (!still()) return;
            auto& broken = peers_.at(node);
            broken.detail = to_string(actors::to_fault(e));
            log::warning("peer's actors not reached", {{"node", node}, {"error", broken.detail}});
            actors::after(this, defaults::peer_again, meet_again{node, broken.meeting});
          });
}

void node_agent::meet(const std::string& node, const caf::actor& door) {
  actors::ask<messages::node_met>(
      this, door, messages::meet_node{options_.node, options_.process}, defaults::peer_answer,
      [this, node](messages::node_met& m) {
        const auto it = peers_.find(node);
        if (it == peers_.end() || m.node != node || m.run != it->second.said.process) return;
        // Who answers is the agent behind the door: its end is noticed, the door's would not be.
        met(node, caf::actor_cast<caf::actor>(current_sender()));
      },
      [this, node](const fault& f) {
        const auto it = peers_.find(node);
        if (it == peers_.end() || !it->second.linked) return;
        it->second.detail = to_string(f);
        actors::after(this, defaults::peer_again, meet_again{node, it->second.meeting});
      });
}

void node_agent::met(const std::string& node, const caf::actor& agent) {
  auto& p = peers_.at(node);
  if (p.agent) unwatch(p.agent);
  p.agent = agent;
  p.linked = true;
  p.detail.clear();
  watch(agent, [this, node, agent](const actors::end_reason&) {
    const auto it = peers_.find(node);
    if (it == peers_.end() || it->second.agent != agent) return;
    it->second.agent = nullptr;
    // Its agent started again while the link stands: meet the new one.
    if (it->second.linked && it->second.port != 0)
      actors::after(this, defaults::peer_again, meet_again{node, it->second.meeting});
  });
  log::info("met a node", {{"node", node},
                           {"address", p.said.address},
                           {"build", p.said.build},
                           {"protocol", p.protocol}});
  for (const auto& [slug, down] : health_)
    tell(agent, messages::tell_health{p.said.process, slug, down});
}

void node_agent::lost(const std::string& node) {
  auto& p = peers_.at(node);
  ++p.meeting;
  if (!p.agent) return;
  unwatch(p.agent);
  p.agent = nullptr;
  log::warning("link to a node is down", {{"node", node}, {"why", p.detail}});
}

// -- for this node -------------------------------------------------------------------------------

void node_agent::spread(const messages::spread_change& m) {
  const auto all = std::make_shared<gathering<messages::change_spread>>(this);
  for (const auto& [node, p] : peers_) {
    if (!p.agent) {
      all->found.missing.push_back(node);
      continue;
    }
    ++all->open;
    actors::ask<messages::caught_up>(
        this, p.agent, messages::catch_up_node{p.said.process, m.version}, m.deadline,
        [all](messages::caught_up&) {
          ++all->found.nodes;
          all->one_less();
        },
        [all, node = node](const fault& f) {
          log::warning("a node does not have the change yet",
                       {{"node", node}, {"error", to_string(f)}});
          all->found.missing.push_back(node);
          all->one_less();
        });
  }
  all->one_less();
}

void node_agent::found(const actors::health_found& m) {
  auto down = m.down;
  if (down.size() > defaults::told_down_servers) down.resize(defaults::told_down_servers);
  if (down.empty())
    health_.erase(m.slug);
  else
    health_[m.slug] = down;
  for (const auto& [node, p] : peers_)
    if (p.agent) tell(p.agent, messages::tell_health{p.said.process, m.slug, down});
}

void node_agent::list() {
  const auto all = std::make_shared<gathering<messages::node_listing>>(this);
  all->found.self = options_.node;
  for (const auto& m : members_) {
    messages::node_entry entry{m.who.node,
                               to_hex(m.who.run),
                               m.address,
                               m.build,
                               m.protocol_min,
                               m.protocol_max,
                               0,
                               m.draining,
                               "self",
                               "",
                               {},
                               {},
                               {}};
    const bool own = m.who == self_;
    if (own) all->found.member = true;
    caf::actor to = own ? find_name(system(), "cluster") : caf::actor{};
    if (!own) {
      const auto it = peers_.find(m.who.node);
      to = it == peers_.end() ? caf::actor{} : it->second.agent;
      entry.link = to ? "up" : "down";
      if (it != peers_.end()) {
        entry.protocol = it->second.protocol;
        entry.link_detail = it->second.detail;
      }
    }
    const auto at = all->found.nodes.size();
    all->found.nodes.push_back(std::move(entry));
    if (!to) continue;
    ++all->open;
    actors::ask<messages::member_report>(
        this, to, messages::report_member{own ? options_.process : m.process},
        defaults::peer_answer,
        [all, at](messages::member_report& r) {
          auto& e = all->found.nodes[at];
          e.lease_age_ms = r.lease_age_ms;
          e.cpu_percent = r.cpu_percent;
          e.owned = std::move(r.owned);
          all->one_less();
        },
        [all, at](const fault& f) {
          all->found.nodes[at].link_detail = to_string(f);
          all->one_less();
        });
  }
  all->one_less();
}

void node_agent::describe_member(const messages::describe_member& m) {
  if (m.node == options_.node)
    return pass_on<messages::tree_listing>("root", messages::describe_tree{m.deadline, m.limit},
                                           m.deadline);
  const auto caller = std::make_shared<promise<messages::tree_listing>>(this);
  const auto it = peers_.find(m.node);
  if (it == peers_.end())
    return caller->fail({fault_kind::not_found, fault_side::client, retryable::no,
                         fmt::format("there is no node \"{}\"", m.node)});
  if (!it->second.agent)
    return caller->fail(
        {fault_kind::unreachable, fault_side::peer, retryable::yes,
         fmt::format("there is no link to node {}: {}", m.node, it->second.detail)});
  actors::ask<messages::tree_listing>(
      this, it->second.agent, messages::describe_node{it->second.said.process, m.deadline, m.limit},
      m.deadline + defaults::peer_answer,
      [caller](messages::tree_listing& found) { caller->deliver(std::move(found)); },
      [caller](const fault& f) { caller->fail(f); });
}

// -- for peers -----------------------------------------------------------------------------------

std::optional<fault> node_agent::not_for_us(const std::string& to_run) const {
  if (to_run == options_.process) return std::nullopt;
  return fault{fault_kind::stale, fault_side::peer, retryable::no,
               fmt::format("node {} was restarted since", options_.node)};
}

// Who asks is the peer's agent: the handle to answer it by, later, comes with the question.
caf::result<messages::node_met> node_agent::greeted(const messages::meet_node& m) {
  const auto it = peers_.find(m.node);
  if (it == peers_.end() || it->second.said.process != m.run)
    return actors::to_error(
        {fault_kind::refused, fault_side::peer, retryable::yes,
         fmt::format("node {} does not know that process of {} yet", options_.node, m.node)});
  met(m.node, caf::actor_cast<caf::actor>(current_sender()));
  return messages::node_met{options_.node, options_.process, options_.build, it->second.protocol};
}

template <class Reply, class Order>
void node_agent::pass_on(const char* service, Order order, milliseconds deadline) {
  const auto caller = std::make_shared<promise<Reply>>(this);
  actors::ask<Reply>(
      this, find_name(system(), service), std::move(order), deadline,
      [caller](Reply& reply) { caller->deliver(std::move(reply)); },
      [caller](const fault& f) { caller->fail(f); });
}

void node_agent::catch_up(const messages::catch_up_node& m) {
  if (const auto wrong = not_for_us(m.to_run))
    return promise<messages::caught_up>(this).fail(*wrong);
  pass_on<messages::caught_up>("teamdir", messages::catch_up_to{m.version}, defaults::catch_up);
}

void node_agent::told(const messages::tell_health& m) {
  if (not_for_us(m.to_run)) return;
  health_.erase(m.slug);  // another node checks that team now
  tell(find_name(system(), "health"), m);
}

void node_agent::report(const messages::report_member& m) {
  if (const auto wrong = not_for_us(m.to_run))
    return promise<messages::member_report>(this).fail(*wrong);
  pass_on<messages::member_report>("cluster", m, defaults::peer_answer);
}

void node_agent::describe(const messages::describe_node& m) {
  if (const auto wrong = not_for_us(m.to_run))
    return promise<messages::tree_listing>(this).fail(*wrong);
  pass_on<messages::tree_listing>("root", messages::describe_tree{m.deadline, m.limit},
                                  m.deadline + milliseconds(500));
}

// -- the door --------------------------------------------------------------------------------------

caf::behavior agent_door::make_behavior() {
  // A question keeps its sender, so the agent's answer goes to the peer itself.
  const auto pass = [this](auto message) {
    const auto to = find_name(system(), "agent");
    delegate(to, std::move(message));
  };
  return {
      [pass](const messages::meet_node& m) { pass(m); },
      [pass](const messages::catch_up_node& m) { pass(m); },
      [pass](const messages::tell_health& m) { pass(m); },
      [pass](const messages::report_member& m) { pass(m); },
      [pass](const messages::describe_node& m) { pass(m); },
  };
}

}  // namespace stagedoor::cluster
