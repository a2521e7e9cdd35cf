// SPDX-License-Identifier: Apache-2.0
#include "cluster/node.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/providers/provider_state.hpp"
#include "actors/root.hpp"
#include "actors/support/actor_names.hpp"
#include "cluster/doorkeeper.hpp"
#include "cluster/edge_settings.hpp"
#include "cluster/limits.hpp"
#include "configs/defaults.hpp"
#include "messages/admin.hpp"
#include "runtime/base/log.hpp"

#include <algorithm>

namespace stagedoor::cluster {

node::node(node_options options, std::optional<successor> takes_over)
    : options_(std::move(options)),
      control_({.name = "control", .index = 0, .mailbox_limit = 1U << 20U}),
      files_({.name = "files", .index = 0, .mailbox_limit = 4096}),
      system_config_(is_clustered(options_.config.node)),
      takes_over_(std::move(takes_over)),
      door_(control_, [this](net::handover_channel channel) {
        const std::lock_guard lock(mutex_);
        if (knocking_.size() == defaults::handover_knocking) return;  // closes it
        knocking_.push_back(std::move(channel));
        changed_.notify_all();
      }) {
  if (takes_over_) inherited_ = takes_over_->take_sockets();
}

node::~node() { stop(); }

// -- start ----------------------------------------------------------------------------

result<void> node::start() {
  parts_.version = options_.version;
  parts_.incarnation = to_hex(random_incarnation());
  parts_.clustered = is_clustered(options_.config.node);
  parts_.settings_path = options_.settings_path;
  parts_.settings_named = options_.settings_named;
  parts_.config = std::make_shared<const configs::loaded>(options_.config);
  parts_.control = &control_;
  parts_.files = &files_;
  if (!takes_over_)
    if (auto r = lock_data_dir(); !r) return r;
  // Before the loops run: what comes out of them finds its way by name.
  system_ = std::make_unique<caf::actor_system>(system_config_);
  listen_to_the_tree();

  parts_.entry_points =
      actors::list_entry_points(options_.config.edge, options_.config.node.node.port_offset);
  configs::diagnostics problems;  // the file provider says them again, with what changed since
  parts_.first_catalog =
      actors::build_routing(options_.config, parts_.entry_points, problems).middlewares;
  parts_.dns = actors::plan_dns(options_.config.dns, options_.config.node, problems);

  if (auto r = make_lanes(); !r) return r;
  if (auto r = wire_tables(); !r) return r;
  if (auto r = wire_zones(); !r) return r;
  resolver_ = std::make_unique<net::resolver>(control_, limits::resolver());
  http_ = std::make_unique<client::http_client>(control_, *resolver_, limits::http_client());
  parts_.resolver = resolver_.get();
  parts_.http = http_.get();
  if (auto r = connect_redis(); !r) return r;
  passwords_.start();
  for (auto& l : lanes_)
    if (auto r = l->start(); !r) return r;
  if (auto r = check_ports(); !r) return r;
  if (auto r = own(); !r) return r;
  files_.start();
  control_.start();
  start_tree();
  return {};
}

result<void> node::join_cluster() {
  cluster_ = std::make_unique<cluster_side>(parts_, [this] { stop_when_answered(); });
  if (auto r = cluster_->start(*system_); !r) return r;
  parts_.cluster = cluster_->plan();
  return {};
}

result<void> node::open_admin_socket() {
  const auto& settings = options_.config.node;
  const auto handle = [this](http::local_request request,
                             const http::local_server::responder& respond) {
    const auto api = actors::find_name(*system_, "admin");
    if (!api) return respond({503, "application/json", R"({"message":"the node is starting"})"});
    actors::loop_gateway::ask<messages::admin_response>(
        *system_, api,
        messages::admin_request{std::move(request.method), std::move(request.path),
                                std::move(request.query), std::move(request.body)},
        defaults::admin_answer_deadline, [respond](result<messages::admin_response> answer) {
          if (answer)
            respond({static_cast<std::uint16_t>(answer->status), "application/json",
                     std::move(answer->body)});
          else
            respond({503, "application/json", R"({"message":"the admin actor does not answer"})"});
        });
  };
  admin_ = std::make_unique<http::local_server>(control_, handle, limits::admin_socket());
  if (!settings.admin.socket.empty())
    if (auto r = admin_->listen_unix(settings.admin.socket); !r) return r;
  if (settings.admin.listen) {
    const auto at = to_address(*settings.admin.listen, settings.node.port_offset);
    if (!at) return at.error();
    if (auto r = admin_->listen_tcp(*at); !r) return r;
  }
  return {};
}

// Called by actors and lanes, on any thread.
void node::listen_to_the_tree() {
  parts_.on_zone_read = [this](const std::string& name) {
    const std::lock_guard lock(mutex_);
    zones_read_.insert(name);
    changed_.notify_all();
  };
  parts_.publish_down = [this](std::shared_ptr<const http::down_servers> down) {
    // All are told, also behind one that is full: it is told again.
    return std::count_if(lanes_.begin(), lanes_.end(),
                         [&](const auto& l) { return !l->set_down_servers(down); }) == 0;
  };
  parts_.forget_missing = [this](const std::string& slug) {
    for (auto& l : lanes_) (void)l->forget_missing(slug);  // one that is full forgets in seconds
  };
  parts_.on_look_ups_served = [this] {
    const std::lock_guard lock(mutex_);
    look_ups_served_ = true;
    changed_.notify_all();
  };
  parts_.on_stored_teams_live = [this] {
    const std::lock_guard lock(mutex_);
    stored_teams_live_ = true;
    changed_.notify_all();
  };
}

void node::start_tree() {
  const auto note = [this](auto change) {
    const std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  };
  root_ = system_->spawn<doorkeeper>(
      actors::root_plan(parts_), [this, note] { note([this] { tree_up_ = true; }); },
      [this, note](std::string why) { note([this, &why] { ended_ = std::move(why); }); });
}

// -- waiting --------------------------------------------------------------------------

result<bool> node::wait_until_ready() {
  {
    std::unique_lock lock(mutex_);
    const auto over = [this] { return stop_requested_ || ended_.has_value(); };
    changed_.wait(lock, [&] { return tree_up_ || over(); });
    const auto content_live = [&] {
      return look_ups_served_ && zones_read_.size() == parts_.dns.zones.size();
    };
    // Whoever replaces a node that has all of it waits for it, or leaves that one in its place.
    // Also for teams that could be looked up: under load, too many would be at once.
    const auto patience = takes_over_ ? defaults::handover_content : defaults::start_content;
    changed_.wait_for(lock, patience, [&] {
      return over() || (content_live() && (!takes_over_ || stored_teams_live_));
    });
    const bool live = content_live() || over();
    if (!live && takes_over_)
      return fault{fault_kind::timed_out, fault_side::self, retryable::yes,
                   "teams and zones are not live in time, the running node goes on"};
    if (!live)
      log::warning("not everything is live yet", {{"waited_s", defaults::start_content.count()},
                                                  {"look_ups_served", look_ups_served_},
                                                  {"zones_read", zones_read_.size()},
                                                  {"zones", parts_.dns.zones.size()}});
    if (over()) return false;
  }
  if (auto opened = open_lanes(); !opened) return std::move(opened).error();
  if (takes_over_) takes_over_->serving();
  takes_over_.reset();
  return true;
}

result<void> node::open_lanes() {
  auto given = net::deal_out(std::exchange(inherited_, {}), lanes_.size());
  for (std::size_t i = 0; i < lanes_.size(); ++i)
    if (auto opened = lanes_[i]->open(std::move(given[i])); !opened) return opened;
  return {};
}

std::optional<std::string> node::wait() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stop_requested_ || ended_ || !knocking_.empty(); });
    if (stop_requested_ || ended_) return ended_;
    auto channel = std::move(knocking_.front());
    knocking_.pop_front();
    lock.unlock();
    if (hand_over(std::move(channel))) return std::nullopt;
  }
}

// Whoever asked for the drain is still to hear that it began: its answer goes through actors that
// end with the node.
void node::stop_when_answered() {
  const bool posted = control_.post([this] {
    answered_by_ = mono_clock::now() + defaults::drain_answer;
    look_whether_answered();
  });
  if (!posted) request_stop();
}

void node::look_whether_answered() {
  if (!admin_ || admin_->idle() || mono_clock::now() >= answered_by_) return request_stop();
  control_.arm_after(answered_, milliseconds(5));
}

void node::request_stop() {
  const std::lock_guard lock(mutex_);
  stop_requested_ = true;
  changed_.notify_all();
}

void node::reopen_logs() {
  for (auto& l : lanes_) l->reopen_logs();
}

// -- stop -----------------------------------------------------------------------------

bool node::stop_tree() {
  actors::stop(root_);
  std::unique_lock lock(mutex_);
  const bool ended =
      changed_.wait_for(lock, defaults::tree_stop, [this] { return ended_.has_value(); });
  root_ = nullptr;
  return ended;
}

void node::drain_lanes() {
  struct count {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t open;
  };
  const auto all = std::make_shared<count>();  // a lane that is late may come when nobody waits
  all->open = lanes_.size();
  const auto drained = [all] {
    const std::lock_guard lock(all->mutex);
    --all->open;
    all->changed.notify_all();
  };
  for (auto& l : lanes_) replaced_ ? l->hand_over(drained) : l->drain(drained);
  // Each lane has its own grace; this is for one that does not keep it. A node that was replaced
  // may linger for long, and ends when it is told to.
  const auto until = mono_clock::now() + defaults::lanes_stop +
                     (replaced_ ? defaults::handover_patience : seconds(0));
  std::unique_lock lock(all->mutex);
  while (all->open > 0 && mono_clock::now() < until && !(replaced_ && stopping()))
    all->changed.wait_for(lock, milliseconds(100));
}

void node::stop() {
  if (std::exchange(stopped_, true)) return;
  if (root_ || replaced_) drain_lanes();
  if (root_) (void)stop_tree();
  if (cluster_) cluster_->stop();
  for (auto& l : lanes_) l->stop();
  passwords_.stop();
  if (parts_.redis) parts_.redis->stop();
  files_.stop();
  control_.stop();
  door_.close();
  cluster_.reset();
  former_.clear();
  admin_.reset();
  http_.reset();
  resolver_.reset();
  system_.reset();
}

}  // namespace stagedoor::cluster
