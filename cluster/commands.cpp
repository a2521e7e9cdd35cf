// SPDX-License-Identifier: Apache-2.0
#include "cluster/commands.hpp"

#include "cluster/admin_client.hpp"
#include "cluster/check.hpp"
#include "runtime/base/ascii.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

namespace stagedoor::cluster {
namespace {

using nlohmann::json;

int complain(const std::string& what) {
  fmt::print(stderr, "stagedoor: {}\n", what);
  return exit_failed;
}

std::optional<configs::settings> settings_of(const settings_source& from) {
  configs::diagnostics problems;
  auto found = configs::load_settings(from.path, from.named, problems);
  if (!problems.has_errors()) return found;
  fmt::print(stderr, "{}", problems.print());
  return std::nullopt;
}

/// One request to the node; |show| prints its answer. Errors of the node are printed as it said
/// them.
int ask(const settings_source& from, const char* method, const std::string& target,
        const std::string& body, bool as_json, const std::function<void(const json&)>& show) {
  const auto settings = settings_of(from);
  if (!settings) return exit_failed;
  const auto answer = ask_admin(settings->admin.socket, method, target, body);
  if (!answer) return complain(answer.error().detail);
  const auto document = json::parse(answer->body, nullptr, false);
  if (answer->status >= 300) {
    if (document.is_object() && document.contains("message"))
      return complain(document.value("message", std::string("unknown error")));
    return complain(fmt::format("the node answered {}", answer->status));
  }
  if (document.is_discarded()) return complain("the node answered with something that is not JSON");
  if (as_json)
    fmt::print("{}\n", answer->body);
  else
    show(document);
  return exit_ok;
}

/// What a person typed, as part of a target: a blank would be the end of it.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '_' || c == '.')
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

}  // namespace

int check(const settings_source& from) {
  const auto config = check_everything(from.path, from.named);
  fmt::print(stderr, "{}", config.problems.print());
  if (config.problems.has_errors()) return exit_failed;
  fmt::print("configuration is valid: {} entry points, {} routers, {} server blocks, {} warnings\n",
             config.edge.entry_points.size(),
             config.from_files.routers.size() + config.from_compose.routers.size(),
             config.dns.blocks.size(), config.problems.warnings());
  return exit_ok;
}

// -- teams ------------------------------------------------------------------------

int team_add(const settings_source& from, const team_options& o) {
  json body = json::object();
  if (!o.api.empty()) body["api"] = o.api;
  if (!o.web.empty()) body["web"] = o.web;
  if (!o.middlewares.empty()) body["middlewares"] = o.middlewares;
  if (!o.health_path.empty()) body["health"]["path"] = o.health_path;
  if (o.health_interval_ms) body["health"]["interval_ms"] = *o.health_interval_ms;
  return ask(from, "PUT", "/api/teams/" + escaped(o.slug), body.dump(), o.json,
             [](const json& answer) {
               fmt::print("{} is live as {} (certificate: {})\n", text_of(answer["team"]),
                          text_of(answer["host"]), text_of(answer["certificate"]));
               for (const auto& server : answer["unhealthy"])
                 fmt::print("  does not answer yet: {}\n", text_of(server));
             });
}

int team_remove(const settings_source& from, const team_options& o) {
  return ask(from, "DELETE", "/api/teams/" + escaped(o.slug), "", o.json,
             [&](const json&) { fmt::print("{} is removed\n", o.slug); });
}

int team_list(const settings_source& from, const team_options& o) {
  const auto target = fmt::format("/api/teams?limit={}&after={}", o.limit, escaped(o.after));
  return ask(from, "GET", target, "", o.json, [](const json& answer) {
    for (const auto& slug : answer["teams"]) fmt::print("{}\n", text_of(slug));
    const auto shown = answer["teams"].size();
    const auto total = answer["total"].get<std::size_t>();
    if (shown < total)
      fmt::print(stderr, "{} of {} teams; more with --after {}\n", shown, total,
                 shown > 0 ? text_of(answer["teams"].back()) : "");
  });
}

int team_show(const settings_source& from, const team_options& o) {
  return ask(from, "GET", "/api/teams/" + escaped(o.slug), "", o.json, [](const json& answer) {
    fmt::print("team         {}\nhost         {}\nstate        {}\ncertificate  {}\n",
               text_of(answer["slug"]), text_of(answer["host"]), text_of(answer["state"]),
               text_of(answer["certificate"]));
    for (const auto& server : answer["servers"]) fmt::print("server       {}\n", text_of(server));
    if (answer.contains("middlewares"))
      for (const auto& m : answer["middlewares"]) fmt::print("middleware   {}\n", text_of(m));
  });
}

// -- the node -----------------------------------------------------------------------

int show_tree(const settings_source& from, bool as_json, const std::string& node) {
  const auto target = node.empty() ? std::string("/api/tree") : "/api/tree?node=" + escaped(node);
  return ask(from, "GET", target, "", as_json, [](const json& answer) {
    fmt::print("{:<48} {:<10} {:>8} {:>8}  {}\n", "actor", "state", "restarts", "mailbox",
               "last end");
    for (const auto& row : answer["tree"]) {
      const std::string name =
          std::string(2 * row["depth"].get<std::size_t>(), ' ') + text_of(row["id"]);
      const auto children = row["children"].get<std::uint64_t>();
      const std::string shown = children > 0 ? fmt::format("{} ({})", name, children) : name;
      fmt::print("{:<48} {:<10} {:>8} {:>8}  {}\n", shown, text_of(row["state"]),
                 text_of(row["restarts"]), row["mailbox"].is_null() ? "-" : text_of(row["mailbox"]),
                 text_of(row["last_end"]));
    }
  });
}

int show_nodes(const settings_source& from, bool as_json) {
  return ask(from, "GET", "/api/nodes", "", as_json, [](const json& answer) {
    fmt::print("{:<16} {:<10} {:>8} {:>6} {:>8}  {:<22} {:<10} {:<8} {}\n", "node", "link",
               "lease ms", "cpu %", "owned", "address", "build", "protocol", "incarnation");
    for (const auto& row : answer["nodes"]) {
      std::uint64_t owned = 0;
      for (const auto& [kind, count] : row["owned"].items()) owned += count.get<std::uint64_t>();
      const auto or_dash = [&](const char* key) {
        return row[key].is_null() ? std::string("-") : text_of(row[key]);
      };
      const bool draining = row["draining"].get<bool>();
      // Agreed, and of what: "1 (1-2)". With itself a node agrees on nothing.
      const auto protocol =
          fmt::format("{} ({}-{})", or_dash("protocol"), text_of(row["speaks"]["lowest"]),
                      text_of(row["speaks"]["highest"]));
      fmt::print("{:<16} {:<10} {:>8} {:>6} {:>8}  {:<22} {:<10} {:<8} {}{}\n",
                 text_of(row["name"]), text_of(row["link"]), or_dash("lease_age_ms"),
                 or_dash("cpu_percent"), owned, text_of(row["address"]), text_of(row["build"]),
                 protocol, text_of(row["incarnation"]).substr(0, 8), draining ? "  draining" : "");
      if (!text_of(row["link_detail"]).empty())
        fmt::print("{:<16} {}\n", "", text_of(row["link_detail"]));
    }
    if (!answer["member"].get<bool>())
      fmt::print(stderr,
                 "{} is not a member at the moment: it serves, and owns nothing; "
                 "`stagedoor status` says why\n",
                 text_of(answer["self"]));
  });
}

int show_owners(const settings_source& from, bool as_json, const std::string& kind) {
  const auto target =
      kind.empty() ? std::string("/api/owners") : "/api/owners?kind=" + escaped(kind);
  return ask(from, "GET", target, "", as_json, [](const json& answer) {
    fmt::print("{:<10} {:<40} {:<16} {:>8}  {}\n", "kind", "id", "node", "fence", "incarnation");
    for (const auto& row : answer["owners"])
      fmt::print("{:<10} {:<40} {:<16} {:>8}  {}\n", text_of(row["kind"]), text_of(row["id"]),
                 text_of(row["node"]), text_of(row["fence"]),
                 text_of(row["incarnation"]).substr(0, 8));
    if (!answer["complete"].get<bool>()) fmt::print(stderr, "there are more\n");
  });
}

int drain(const settings_source& from) {
  return ask(from, "POST", "/api/drain", "", false,
             [](const json&) { fmt::print("the node gives its owners away and ends then\n"); });
}

int show_status(const settings_source& from, bool as_json) {
  return ask(from, "GET", "/api/status", "", as_json, [](const json& answer) {
    for (const auto& [subsystem, rows] : answer.items())
      for (const auto& [key, value] : rows.items())
        fmt::print("{:<12} {:<20} {}\n", subsystem, key, text_of(value));
  });
}

int show_certificates(const settings_source& from, bool as_json) {
  return ask(from, "GET", "/api/certificates", "", as_json, [](const json& answer) {
    for (const auto& row : answer["certificates"]) {
      fmt::print("{:<40} {}\n", text_of(row["host"]), text_of(row["state"]));
      if (!text_of(row["next_try"]).empty())
        fmt::print("{:<40}   next try {}\n", "", text_of(row["next_try"]));
    }
  });
}

}  // namespace stagedoor::cluster
