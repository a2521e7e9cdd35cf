// SPDX-License-Identifier: Apache-2.0
#include "actors/admin/admin_json.hpp"

#include "actors/teams/team_spec_json.hpp"

#include <nlohmann/json.hpp>

namespace stagedoor::actors {
namespace {

using nlohmann::json;

// Texts come from outside in part: what is no UTF-8 is replaced, never thrown at.
std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

const char* name_of(messages::child_state state) {
  switch (state) {
    case messages::child_state::idle: return "idle";
    case messages::child_state::waiting: return "waiting";
    case messages::child_state::starting: return "starting";
    case messages::child_state::running: return "running";
    case messages::child_state::stopping: return "stopping";
    case messages::child_state::killing: return "killing";
    case messages::child_state::stuck: return "stuck";
  }
  return "idle";
}

}  // namespace

std::string to_json(const messages::team_listing& m) {
  return dump({{"teams", m.slugs}, {"total", m.total}});
}

std::string to_json(const messages::team_description& m) {
  json out = json::parse(to_json(m.spec));
  out["host"] = m.spec.host;
  out["state"] = m.state;
  out["certificate"] = m.certificate;
  out["servers"] = m.servers;
  return dump(out);
}

std::string to_json(const messages::team_flow_finished& m) {
  return dump({{"team", m.slug},
               {"host", m.host},
               {"certificate", m.certificate},
               {"unhealthy", m.unhealthy}});
}

std::string to_json(const messages::tree_listing& m) {
  json rows = json::array();
  for (const auto& e : m.entries) {
    json row = {{"depth", e.depth},
                {"id", e.child.id},
                {"actor", e.actor},
                {"state", name_of(e.child.state)},
                {"restarts", e.child.restarts},
                {"in_state_ms", e.child.in_state.count()},
                {"last_end", e.child.last_end},
                {"children", e.children}};
    row["mailbox"] = e.mailbox_depth ? json(*e.mailbox_depth) : json(nullptr);
    rows.push_back(std::move(row));
  }
  return dump({{"tree", std::move(rows)}});
}

std::string to_json(const messages::status_rows& m) {
  json out = json::object();
  for (const auto& row : m.rows) out[row.subsystem][row.key] = row.value;
  return dump(out);
}

std::string to_json(const messages::certificate_listing& m) {
  json rows = json::array();
  for (const auto& r : m.rows)
    rows.push_back({{"host", r.host},
                    {"state", r.state},
                    {"source", r.source},
                    {"last_error", r.last_error},
                    {"next_try", r.next_try},
                    {"attempts", r.attempts}});
  return dump({{"certificates", std::move(rows)}, {"total", m.total}});
}

std::string to_json(const messages::node_listing& m) {
  json nodes = json::array();
  for (const auto& n : m.nodes) {
    json owned = json::object();
    for (const auto& k : n.owned) owned[k.kind] = k.owned;
    json row{{"name", n.name},   {"incarnation", n.run},        {"address", n.address},
             {"build", n.build}, {"draining", n.draining},      {"link", n.link},
             {"owned", owned},   {"link_detail", n.link_detail}};
    row["speaks"] = {{"lowest", n.protocol_min}, {"highest", n.protocol_max}};
    row["protocol"] = n.protocol != 0 ? json(n.protocol) : json(nullptr);
    row["lease_age_ms"] = n.lease_age_ms ? json(*n.lease_age_ms) : json(nullptr);
    row["cpu_percent"] = n.cpu_percent ? json(*n.cpu_percent) : json(nullptr);
    nodes.push_back(std::move(row));
  }
  return dump({{"self", m.self}, {"member", m.member}, {"nodes", std::move(nodes)}});
}

std::string to_json(const messages::owner_listing& m) {
  json owners = json::array();
  for (const auto& o : m.owners)
    owners.push_back({{"kind", o.work.kind},
                      {"id", o.work.id},
                      {"slot", o.work.slot},
                      {"node", o.node},
                      {"incarnation", o.run},
                      {"fence", o.fence}});
  const auto total = owners.size();
  return dump({{"owners", std::move(owners)}, {"total", total}, {"complete", m.complete}});
}

std::string to_json(const fault& f) {
  return dump({{"message", f.detail}, {"kind", to_string(f.kind)}});
}

}  // namespace stagedoor::actors
