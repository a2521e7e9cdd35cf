// SPDX-License-Identifier: Apache-2.0
#include "actors/admin/admin_api.hpp"

#include "actors/admin/admin_json.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/teams/team_spec_json.hpp"
#include "messages/certificates.hpp"
#include "messages/supervision.hpp"
#include "messages/support.hpp"
#include "messages/team.hpp"
#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <array>
#include <caf/actor_cast.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <vector>

namespace stagedoor::actors {
namespace {

using messages::admin_request;
using messages::admin_response;

/// The value of ?name=; only what the API itself uses: no percent-encoding needed.
std::string parameter(const admin_request& m, std::string_view name) {
  for (const auto part : ascii::split(m.query, '&')) {
    const auto equals = part.find('=');
    if (part.substr(0, equals) == name && equals != std::string_view::npos)
      return std::string(part.substr(equals + 1));
  }
  return {};
}

std::uint32_t number(const admin_request& m, std::string_view name, std::uint32_t fallback) {
  const auto text = parameter(m, name);
  return text.empty() ? fallback : ascii::parse_number<std::uint32_t>(text).value_or(fallback);
}

fault unknown(const admin_request& m) {
  return {fault_kind::not_found, fault_side::client, retryable::no,
          fmt::format("there is nothing at {}", m.path)};
}

admin_response wrong_method(const admin_request& m, std::string_view allowed) {
  return {405, to_json(fault{fault_kind::unsupported, fault_side::client, retryable::no,
                             fmt::format("{} takes {}, not {}", m.path, allowed, m.method)})};
}

bool reads(const admin_request& m) { return m.method == "GET" || m.method == "HEAD"; }

/// The object in |body|; nothing for anything else. Deep nesting is refused while it is read: the
/// writer of JSON calls itself once a level.
std::optional<nlohmann::json> object_of(const std::string& body) {
  constexpr int most_levels = 16;
  bool too_deep = false;
  const auto watch = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep |= depth > most_levels;
    return !too_deep;
  };
  auto document = nlohmann::json::parse(body.empty() ? "{}" : body, watch, false);
  if (too_deep || !document.is_object()) return std::nullopt;
  return document;
}

}  // namespace

std::uint32_t status_of(const fault& f) noexcept {
  switch (f.kind) {
    case fault_kind::malformed:
    case fault_kind::invalid:
    case fault_kind::too_large: return 400;
    case fault_kind::not_found: return 404;
    case fault_kind::conflict: return 409;
    case fault_kind::timed_out: return 504;
    case fault_kind::overloaded:
    case fault_kind::unreachable:
    case fault_kind::closed:
    case fault_kind::refused: return 503;
    case fault_kind::unsupported: return 501;
    case fault_kind::stale: return 409;
    case fault_kind::internal: return 500;
  }
  return 500;
}

admin_api::admin_api(caf::actor_config& cfg, admin_api_options options)
    : shell(cfg, "admin_api"),
      options_(std::move(options)),
      incarnation_(fmt::format("{:08x}", std::random_device{}())) {}

caf::behavior admin_api::make_behavior() {
  publish_name(system(), "admin", caf::actor_cast<caf::actor>(this));
  return {
      [this](const admin_request& m) { handle(m); },
      [](const messages::team_flow_progressed&) {},  // whoever waits over HTTP waits for the end
  };
}

std::function<void(const fault&)> admin_api::failed(const reply_to& to) {
  return [to](const fault& f) { to->deliver({status_of(f), to_json(f)}); };
}

void admin_api::handle(const admin_request& m) {
  const auto to = std::make_shared<promise<admin_response>>(this);
  constexpr std::string_view teams_prefix = "/api/teams/";
  if (m.path == "/api/teams") return teams(m, to);
  if (m.path.rfind(teams_prefix, 0) == 0) return team(m, m.path.substr(teams_prefix.size()), to);
  if (m.path == "/api/drain") return drain(m, to);
  static constexpr std::array read_only = {"/ping",      "/api/version",      "/api/status",
                                           "/api/tree",  "/api/certificates", "/api/nodes",
                                           "/api/owners"};
  if (std::find(read_only.begin(), read_only.end(), m.path) == read_only.end())
    return failed(to)(unknown(m));
  if (!reads(m)) return to->deliver(wrong_method(m, "GET"));
  if (m.path == "/ping") return to->deliver({200, "\"OK\""});
  if (m.path == "/api/version")
    return to->deliver({200, nlohmann::json{{"version", options_.version}}.dump()});
  if (m.path == "/api/status") return status(to);
  if (m.path == "/api/tree") return tree(m, to);
  if (m.path == "/api/nodes")
    return show<messages::node_listing>("agent", messages::list_nodes{}, options_.deadline, to);
  if (m.path == "/api/owners")
    return show<messages::owner_listing>(
        "cluster", messages::list_owners{parameter(m, "kind"), number(m, "limit", 1000)},
        options_.deadline + seconds(5), to);
  certificates(m, to);
}

template <class Reply, class Question>
void admin_api::show(const char* service, Question question, milliseconds deadline,
                     const reply_to& to) {
  ask<Reply>(
      this, find_name(system(), service), std::move(question), deadline,
      [to](Reply& found) {
        to->deliver({200, to_json(found)});
      },
      failed(to));
}

// -- teams ------------------------------------------------------------------------

void admin_api::teams(const admin_request& m, const reply_to& to) {
  if (!reads(m)) return to->deliver(wrong_method(m, "GET"));
  show<messages::team_listing>("teamdir",
                               messages::list_teams{parameter(m, "after"), number(m, "limit", 100)},
                               options_.deadline, to);
}

void admin_api::team(const admin_request& m, const std::string& slug, const reply_to& to) {
  if (const auto checked = check_slug(slug); !checked) return failed(to)(checked.error());
  if (m.method == "PUT") return put_team(slug, m.body, to);
  if (m.method == "DELETE") return delete_team(slug, to);
  if (!reads(m)) return to->deliver(wrong_method(m, "GET, PUT, DELETE"));
  ask<messages::team_description>(
      this, find_name(system(), "teamdir"), messages::show_team{slug},
      options_.deadline + seconds(5),
      [to](messages::team_description& found) {
        to->deliver({200, to_json(found)});
      },
      failed(to));
}

void admin_api::put_team(const std::string& slug, const std::string& body, const reply_to& to) {
  auto document = object_of(body);
  if (!document)
    return failed(to)(
        {fault_kind::malformed, fault_side::client, retryable::no, "body: expected a JSON object"});
  (*document)["slug"] = slug;
  auto spec = parse_team_spec(
      document->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), options_.domain);
  if (!spec) return failed(to)(spec.error());
  messages::provision_team order{fmt::format("admin-{}-{}", incarnation_, next_flow_++), "",
                                 *std::move(spec)};
  ask<messages::team_flow_finished>(
      this, find_name(system(), "teams"), std::move(order), options_.flow_deadline,
      [to](messages::team_flow_finished& f) {
        to->deliver({200, to_json(f)});
      },
      failed(to));
}

void admin_api::delete_team(const std::string& slug, const reply_to& to) {
  messages::deprovision_team order{fmt::format("admin-{}-{}", incarnation_, next_flow_++), "", slug,
                                   1};
  ask<messages::team_flow_finished>(
      this, find_name(system(), "teams"), std::move(order), options_.flow_deadline,
      [to](messages::team_flow_finished& f) {
        to->deliver({200, to_json(f)});
      },
      failed(to));
}

// -- the node -----------------------------------------------------------------------

void admin_api::status(const reply_to& to) {
  struct collection {
    reply_to to;
    messages::status_rows rows;
    std::size_t missing = 0;
    void done() {
      if (--missing == 0) to->deliver({200, to_json(rows)});
    }
  };
  std::vector services = {"redis",    "teamdir", "teams",     "zonedir", "certs",  "queues",
                          "liveness", "health",  "providers", "loops",   "cluster"};
  // Where an engine is configured; where this node owns the work.
  for (const char* name : {"docker", "janitor"})
    if (find_name(system(), name)) services.push_back(name);
  const auto all = std::make_shared<collection>();
  all->to = to;
  all->missing = services.size() + 1;
  for (const char* name : services) {
    ask<messages::status_rows>(
        this, find_name(system(), name), messages::report_status{}, options_.deadline,
        [all](messages::status_rows& found) {
          for (auto& row : found.rows) all->rows.rows.push_back(std::move(row));
          all->done();
        },
        [all, name](const fault& f) {
          all->rows.rows.push_back({name, "state", to_string(f)});
          all->done();
        });
  }
  all->done();
}

void admin_api::tree(const messages::admin_request& m, const reply_to& to) {
  const auto limit = number(m, "limit", 20);
  const auto node = parameter(m, "node");
  const auto patience = options_.deadline + seconds(1);
  if (node.empty())
    return show<messages::tree_listing>("root", messages::describe_tree{options_.deadline, limit},
                                        patience, to);
  show<messages::tree_listing>("agent", messages::describe_member{node, options_.deadline, limit},
                               patience + seconds(2), to);
}

void admin_api::certificates(const messages::admin_request& m, const reply_to& to) {
  show<messages::certificate_listing>(
      "certs", messages::list_certificates{number(m, "limit", 1000)}, options_.deadline, to);
}

void admin_api::drain(const messages::admin_request& m, const reply_to& to) {
  if (m.method != "POST") return to->deliver(wrong_method(m, "POST"));
  ask<messages::done>(
      this, find_name(system(), "cluster"), messages::drain_node{}, options_.deadline,
      [to](messages::done&) {
        to->deliver({202, R"({"message":"this node drains"})"});
      },
      failed(to));
}

}  // namespace stagedoor::actors
