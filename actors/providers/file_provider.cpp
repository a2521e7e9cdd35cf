// SPDX-License-Identifier: Apache-2.0
#include "actors/providers/file_provider.hpp"

#include "actors/certificates/certificate_messages.hpp"
#include "actors/loop_gateway.hpp"
#include "actors/providers/provider_messages.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/teams/routing_messages.hpp"
#include "messages/certificates.hpp"
#include "messages/publishing.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"

#include <caf/actor_cast.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <set>

namespace stagedoor::actors {
namespace {

/// The folders whose changes matter: a file is watched through the folder it is in, since editors
/// replace files.
std::vector<std::string> folders_of(const configs::loaded& config) {
  std::set<std::string> folders;
  const auto add = [&](const std::string& path) {
    if (path.empty()) return;
    std::error_code error;
    const bool folder = std::filesystem::is_directory(path, error);
    folders.insert(folder ? path : std::filesystem::path(path).parent_path().string());
  };
  if (config.edge.file && config.edge.file->watch)
    for (const auto& path : config.dynamic_paths) add(path);
  add(config.node.edge.compose.path);
  folders.erase("");
  return {folders.begin(), folders.end()};
}

}  // namespace

/// Touched by the control loop only.
struct file_provider::watcher {
  std::unique_ptr<directory_watch> folders;
};

file_provider::file_provider(caf::actor_config& cfg, const node_parts& parts,
                             supervision::child_context self)
    : shell(cfg, "file_provider"),
      parts_(parts),
      self_(std::move(self)),
      watcher_(std::make_shared<watcher>()) {}

caf::behavior file_provider::make_behavior() {
  publish_name(system(), "providers", caf::actor_cast<caf::actor>(this));
  ++unanswered_;  // until everything is sent
  current_ = parts_.config;
  apply();
  one_answered();
  start_watching();
  return {
      [this](const files_changed&) {
        if (reading_)
          again_ = true;
        else if (!throttle_.when())
          throttle_.arm(*this,
                        std::max(now(), last_read_ + std::chrono::duration_cast<milliseconds>(
                                                         parts_.config->edge.provider_throttle)));
      },
      [this](const files_read& m) {
        reading_ = false;
        current_ = m.config;
        apply();
        if (std::exchange(again_, false)) tell(caf::actor_cast<caf::actor>(this), files_changed{});
      },
      [this](const containers_known& m) {
        engine_.labels = m.labels;
        apply();
      },
      [this](const containers_live&) {
        if (!std::exchange(engine_.serves, true)) apply();
      },
      [this](const messages::tick& t) {
        if (throttle_.due(*this, t)) read();
      },
      [this](const messages::report_status&) { return report(); },
  };
}

void file_provider::on_exit() {
  (void)parts_.control->post([w = watcher_] { w->folders.reset(); });
  shell::on_exit();
}

void file_provider::start_watching() {
  const auto folders = folders_of(*parts_.config);
  if (folders.empty()) return;
  const bool posted = parts_.control->post([w = watcher_, to = address(), folders,
                                            l = parts_.control] {
    w->folders = std::make_unique<directory_watch>(
        *l, folders, [to] { loop_gateway::send(to, files_changed{}); });
    if (const auto started = w->folders->start(); !started)
      log::warning("configuration files are not watched", {{"error", to_string(started.error())}});
  });
  if (!posted)
    log::warning("configuration files are not watched", {{"error", "the control loop is busy"}});
}

void file_provider::read() {
  reading_ = true;
  last_read_ = now();
  const bool posted = parts_.files->post([to = address(), config = parts_.config] {
    auto fresh = std::make_shared<configs::loaded>(*config);
    fresh->problems = {};
    configs::load_files(*fresh, configs::process_environment());
    configs::load_compose(*fresh, configs::process_environment());
    loop_gateway::send(to, files_read{std::move(fresh)});
  });
  if (!posted) {
    reading_ = false;
    throttle_.arm(*this, now() + seconds(1));
  }
}

void file_provider::apply() {
  auto config = *current_;
  engine_.join(config);
  last_good_.patch(config);
  auto problems = config.problems;
  auto routing = build_routing(config, parts_.entry_points, problems);
  complain(problems);

  // Middlewares first: a route that comes with a new one finds it.
  const use_catalog news{routing.middlewares};
  tell(find_name(system(), "registry"), news);
  tell(find_name(system(), "teams"), news);
  tell(find_name(system(), "teamdir"), news);
  tell(find_name(system(), "docker"), news);
  offer("entrypoints", entry_points_, routing.from_entry_points);
  offer("file", files_, routing.from_files);
  offer("compose", compose_, routing.from_compose);

  const auto keeper = find_name(system(), "certs");
  tell(keeper, watch_certificate_files{std::move(routing.certificate_files)});
  for (const auto& [host, resolver] : routing.certificates)
    tell(keeper, messages::want_certificate{host, resolver});

  // A registry that was restarted has forgotten the offers.
  watch(find_name(system(), "registry"), [this](const end_reason&) { offer_again(); });
}

void file_provider::complain(const configs::diagnostics& problems) {
  std::set<std::string> all;
  for (const auto& d : problems.sorted())
    if (d.level == configs::severity::error) all.insert(configs::to_string(d));
  for (const auto& text : all)
    if (!told_.contains(text)) log::error("configuration", {{"error", text}});
  told_ = std::move(all);
  problems_ = problems.errors();
}

void file_provider::offer(const std::string& source, source_offers& offers,
                          const plans_by_host& now) {
  send(source, offers.change(now));
}

void file_provider::send(const std::string& source, const std::vector<source_offer>& offers) {
  for (const auto& o : offers) {
    ++unanswered_;
    ask<messages::published>(
        this, find_name(system(), "registry"), offer_routes{o.host, source, o.routes}, longest_wait,
        [this, source, host = o.host](messages::published&) {
          log::info("site published", {{"site", host.empty() ? "*" : host}, {"source", source}});
          one_answered();
        },
        [this, source, host = o.host](const fault& f) {
          log::error("site not published",
                     {{"site", host}, {"source", source}, {"error", to_string(f)}});
          one_answered();
        });
  }
}

void file_provider::one_answered() {
  if (--unanswered_ == 0 && !std::exchange(started_, true)) supervision::report_started(self_);
}

void file_provider::offer_again() {
  const auto registry = find_name(system(), "registry");
  if (!registry) {  // its supervisor is about to start it
    files_ = {}, compose_ = {}, entry_points_ = {};
    throttle_.arm(*this, now() + seconds(1));
    return;
  }
  send("entrypoints", entry_points_.all());
  send("file", files_.all());
  send("compose", compose_.all());
  watch(registry, [this](const end_reason&) { offer_again(); });
}

messages::status_rows file_provider::report() const {
  messages::status_rows out;
  const auto row = [&](const char* key, std::string value) {
    out.rows.push_back({"providers", key, std::move(value)});
  };
  row("files", fmt::format("{} sites", files_.all().size()));
  row("compose", fmt::format("{} sites", compose_.all().size()));
  row("errors", fmt::format("{}", problems_));
  return out;
}

}  // namespace stagedoor::actors
