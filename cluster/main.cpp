// SPDX-License-Identifier: Apache-2.0
// The command line. What the commands do is in commands.cpp and run_node.cpp.
#include "cluster/cluster_commands.hpp"
#include "cluster/commands.hpp"
#include "cluster/release.hpp"
#include "runtime/redis/lifeline.hpp"

#include <CLI/CLI.hpp>

namespace {

using namespace stagedoor::cluster;  // NOLINT: main's own vocabulary

void add_team_commands(CLI::App& app, const settings_source& from, team_options& o, int& code) {
  auto* team = app.add_subcommand("team", "Teams of a running node");
  team->require_subcommand(1);
  const auto with_slug = [&](CLI::App* command) {
    command->add_option("slug", o.slug, "the team's slug")->required();
  };
  const auto with_json = [&](CLI::App* command) {
    command->add_flag("--json", o.json, "print the node's answer");
  };

  auto* add = team->add_subcommand("add", "Make a team live, or change it");
  with_slug(add);
  add->add_option("--api", o.api, "a server of /api, http://host:port (repeatable)");
  add->add_option("--web", o.web, "a server of everything else, http://host:port (repeatable)");
  add->add_option("--middleware", o.middlewares,
                  "e.g. secure-headers@file (repeatable, outermost first)");
  add->add_option("--health-path", o.health_path,
                  "GET this of each server; one that does not answer 2xx or 3xx gets no requests");
  add->add_option("--health-interval-ms", o.health_interval_ms,
                  "how often (default 0: once, when it is added)");
  with_json(add);
  add->callback([&] { code = team_add(from, o); });

  auto* remove = team->add_subcommand("remove", "Take a team back");
  with_slug(remove);
  with_json(remove);
  remove->callback([&] { code = team_remove(from, o); });

  auto* list = team->add_subcommand("list", "Slugs, sorted");
  list->add_option("--after", o.after, "start behind this slug");
  list->add_option("--limit", o.limit, "at most 1000")->check(CLI::Range(1, 1000));
  with_json(list);
  list->callback([&] { code = team_list(from, o); });

  auto* show = team->add_subcommand("show", "One team");
  with_slug(show);
  with_json(show);
  show->callback([&] { code = team_show(from, o); });
}

void add_cluster_commands(CLI::App& app, cluster_options& o, int& code) {
  auto* cluster = app.add_subcommand("cluster", "The authority and the certificates of a cluster");
  cluster->require_subcommand(1);
  const auto with_directory = [&](CLI::App* command) {
    command->add_option("--dir", o.directory, "where the files are (default: cluster)");
  };

  auto* init = cluster->add_subcommand("init", "Make the authority; once for each cluster");
  with_directory(init);
  init->callback([&] { code = cluster_init(o); });

  auto* add = cluster->add_subcommand("add", "Make a node's certificate, or replace it");
  add->add_option("name", o.name, "the node's name, as in its stagedoor.yml")->required();
  with_directory(add);
  add->callback([&] { code = cluster_add(o); });
}

struct view_options {
  bool json = false;
  std::string node;  ///< of tree
  std::string kind;  ///< of owners
};

void add_view_commands(CLI::App& app, const settings_source& from, view_options& o, int& code) {
  const auto view = [&](const char* name, const char* what, auto show) {
    auto* command = app.add_subcommand(name, what);
    command->add_flag("--json", o.json, "print the node's answer");
    command->callback([&, show] { code = show(from, o.json); });
  };
  auto* tree = app.add_subcommand("tree", "The supervision tree of a running node");
  tree->add_option("--node", o.node, "another node of the cluster");
  tree->add_flag("--json", o.json, "print the node's answer");
  tree->callback([&] { code = show_tree(from, o.json, o.node); });
  auto* owners = app.add_subcommand("owners", "What is owned in the cluster, and by whom");
  owners->add_option("--kind", o.kind, "only of this")
      ->check(CLI::IsMember({"team", "janitor", "zone", "flow"}));
  owners->add_flag("--json", o.json, "print the node's answer");
  owners->callback([&] { code = show_owners(from, o.json, o.kind); });
  view("nodes", "The members of the cluster: links, leases, load, owners", show_nodes);
  app.add_subcommand("drain", "Give the owners of a running node to the others, then end it")
      ->callback([&] { code = drain(from); });
  view("status", "What each part of a running node says of itself", show_status);
  view("certificates", "Certificates: valid, pending, and why", show_certificates);
}

struct keeper_options {
  int lifeline = 0;
  std::string server;
};

/// For the node itself, which starts it: see runtime/redis/lifeline.hpp.
void add_keeper(CLI::App& app, keeper_options& o) {
  auto* keep = app.add_subcommand("keep-redis", "")->group("");
  keep->add_option("lifeline", o.lifeline)->required();
  keep->add_option("server", o.server)->required();
  keep->callback([&] { stagedoor::redis::keep(o.lifeline, o.server); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Stagedoor: reverse proxy, DNS server, certificate client and task-queue workers in one "
      "program"};
  app.set_version_flag("--version", version());
  app.require_subcommand(1);
  app.fallthrough();

  settings_source from;
  team_options team;
  cluster_options cluster;
  view_options views;
  int code = exit_ok;
  app.add_option("--config,-c", from.path,
                 "stagedoor.yml (default: the one in this folder, else built-in defaults)")
      ->each([&](const std::string&) { from.named = stagedoor::configs::named::explicitly; });

  bool take_over = false;
  auto* run = app.add_subcommand("run", "Run a node until it is told to stop");
  run->add_flag("--take-over", take_over,
                "replace the running node of the same configuration; no request is lost");
  run->callback(
      [&] { code = run_node(from, take_over ? start_mode::take_over : start_mode::fresh); });
  app.add_subcommand("check", "Report every error of every configuration file")->callback([&] {
    code = check(from);
  });
  keeper_options keeper;
  add_keeper(app, keeper);
  add_team_commands(app, from, team, code);
  add_cluster_commands(app, cluster, code);
  add_view_commands(app, from, views, code);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  return code;
}
