// SPDX-License-Identifier: Apache-2.0
#include "cluster/cluster_side.hpp"

#include "actors/root.hpp"
#include "actors/supervision/plans.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/support/calls.hpp"
#include "cluster/advertise.hpp"
#include "cluster/coordinator.hpp"
#include "cluster/edge_settings.hpp"
#include "cluster/membership/redis_lease_store.hpp"
#include "cluster/membership/sole_lease_store.hpp"
#include "cluster/node_agent.hpp"
#include "cluster/release.hpp"
#include "runtime/base/log.hpp"

#include <caf/io/middleman.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

namespace stagedoor::cluster {
namespace {

constexpr const char* run_file = "/incarnation";

bool is_of_this_machine(const std::string& address) {
  return address.rfind("127.", 0) == 0 || address.rfind("[::1]", 0) == 0;
}

/// Kinds of owned work, and on how many nodes each piece of it is done.
std::map<std::string, std::size_t, std::less<>> kinds() {
  return {{"team", 1}, {"janitor", 1}, {"zone", 1}};
}

/// The side that dials takes a peer that has one of its own: two releases meet when they have a
/// version in common.
std::vector<std::string> app_identifiers(link::protocol_range spoken) {
  std::vector<std::string> out;
  for (unsigned v = spoken.lowest; v <= spoken.highest; ++v)
    out.push_back(fmt::format("stagedoor-{}", v));
  return out;
}

}  // namespace

bool is_clustered(const configs::settings& s) { return !s.cluster.certificate.path.empty(); }

node_system_config::node_system_config(bool clustered) {
  if (!clustered) return;
  load<caf::io::middleman>();
  set("middleman.heartbeat-interval", caf::timespan(defaults::basp_heartbeat));
  set("middleman.connection-timeout", caf::timespan(defaults::basp_silence));
  set("middleman.enable-automatic-connections", false);
  set("middleman.app-identifiers", app_identifiers(spoken()));
  set("middleman.workers", std::size_t{0});
}

cluster_side::cluster_side(actors::node_parts& parts, std::function<void()> on_left)
    : parts_(parts), on_left_(std::move(on_left)), clustered_(is_clustered(parts.config->node)) {}

cluster_side::~cluster_side() = default;

result<void> cluster_side::start(caf::actor_system& system) {
  *last_run_ = remembered();
  if (!clustered_) {
    store_ = std::make_shared<sole_lease_store>();
    address_ = "-";
    return {};
  }
  store_ = std::make_shared<redis_lease_store>(
      [client = parts_.redis](const redis::script& script, std::vector<std::string> keys,
                              std::vector<std::string> arguments, mono_time deadline,
                              std::function<void(result<redis::reply>)> done) {
        client->eval(script, std::move(keys), std::move(arguments), deadline, std::move(done));
      },
      defaults::lease);
  return open_links(system);
}

result<void> cluster_side::open_links(caf::actor_system& system) {
  const auto& settings = parts_.config->node;
  const auto listen = to_address(settings.cluster.listen, settings.node.port_offset);
  if (!listen) return listen.error();
  const auto run = link::incarnation::parse(parts_.incarnation);
  if (!run)
    return fault{fault_kind::internal, fault_side::self, retryable::no,
                 "this process has no valid incarnation"};

  peer_links_options options;
  options.me = {settings.node.name, parts_.version, *run, spoken()};
  options.listen = *listen;
  options.files = {settings.cluster.certificate.path, settings.cluster.key.path,
                   settings.cluster.ca.path};
  const auto agent = [&system] { return actors::find_name(system, "agent"); };
  peer_links::hooks to;
  to.up = [agent](const std::string& node, const std::string& process, std::uint16_t port) {
    actors::tell(agent(), link_changed{node, process, true, port, ""});
  };
  to.down = [agent](const std::string& node, const std::string& detail) {
    actors::tell(agent(), link_changed{node, "", false, 0, detail});
  };
  to.gone = [&system](const std::string& node, const std::string& process) {
    actors::tell(actors::find_name(system, "cluster"), peer_is_gone{node, process});
  };
  links_ = std::make_unique<peer_links>(*parts_.control, *parts_.files, *parts_.resolver,
                                        std::move(options), std::move(to));
  door_ = system.spawn<agent_door>();
  const auto port = system.middleman().publish(door_, 0, "127.0.0.1", false);
  if (!port)
    return fault{
        fault_kind::internal, fault_side::self, retryable::no,
        fmt::format("no port of 127.0.0.1 for actor messages: {}", system.render(port.error()))};
  if (auto started = links_->start(*port); !started) return started;
  auto address = advertised_address(settings, links_->address().port());
  if (!address) return address.error();
  address_ = *std::move(address);
  if (settings.cluster.advertise.empty() && is_of_this_machine(address_))
    log::warning("only nodes on this machine reach this one",
                 {{"address", address_},
                  {"then", "set cluster.advertise, or name Redis by its address in the network"}});
  return {};
}

// A restarted node takes its old place at once, instead of when its old lease ends: whoever holds
// the lock of the data directory knows that the run in this file is over.
incarnation cluster_side::remembered() const {
  std::ifstream file(parts_.config->node.node.data_dir + run_file);
  std::string text;
  file >> text;
  return parse_incarnation(text).value_or(incarnation{});
}

void cluster_side::remember(const incarnation& run) {
  *last_run_ = run;
  if (!clustered_) return;
  const auto path = parts_.config->node.node.data_dir + run_file;
  const auto write = [path, text = to_hex(run)] {
    const auto fresh = path + ".new";
    std::ofstream(fresh) << text << "\n";
    std::error_code error;
    std::filesystem::rename(fresh, path, error);
    if (error)
      log::warning("incarnation not kept",
                   {{"file", path},
                    {"error", error.message()},
                    {"then", "after a crash this node joins when its old lease has ended"}});
  };
  if (!parts_.files->post(write)) log::warning("incarnation not kept", {{"error", "busy"}});
}

supervision::supervisor_plan cluster_side::plan() {
  const auto& settings = parts_.config->node;
  coordinator_options options;
  auto& self = options.membership.self;
  self.who.node = settings.node.name;
  self.address = address_;
  self.protocol_min = spoken().lowest;
  self.protocol_max = spoken().highest;
  self.build = parts_.version;
  self.process = parts_.incarnation;
  options.reconciler.kinds = kinds();
  options.store = store_;
  options.fixed_ids = {{"janitor", {"queues"}}, {"zone", {}}};
  if (clustered_)  // alone, zones count their serials themselves
    for (const auto& zone : parts_.dns.zones) options.fixed_ids["zone"].push_back(zone.name);
  options.listed_by = {{"team", "teamdir"}};
  options.alone = !clustered_;
  options.remember_run = [this](const incarnation& run) { remember(run); };
  options.on_left = on_left_;
  options.subscribe = [client = parts_.redis, alone = !clustered_, node = settings.node.name](
                          const std::function<void(std::string)>& heard) -> std::function<void()> {
    if (alone) return [] {};
    std::vector<redis::subscription_id> ids;
    for (const auto& channel : {hint_channel(), hint_channel(node)})
      ids.push_back(client->subscribe(
          {redis::topic_kind::channel, channel},
          {[heard](const redis::message& m) { heard(m.payload); }, [heard] { heard(""); }}));
    return [client, ids] {
      for (const auto id : ids) client->unsubscribe(id);
    };
  };

  auto plan = supervision::plan_of("cluster", supervision::strategy::rest_for_one);
  auto coordinating = supervision::worker(
      "coordinator", [this, options](actors::shell& parent, const supervision::child_context&) {
        auto mine = options;
        mine.membership.previous = *last_run_;
        return parent.spawn<coordinator>(std::move(mine));
      });
  coordinating.spec.policy.stop_deadline = defaults::leave_patience + seconds(1);
  plan.children.push_back(std::move(coordinating));
  plan.children.push_back(supervision::subtree(actors::work_plan(parts_)));
  plan.children.push_back(supervision::worker(
      "node_agent",
      [this, name = settings.node.name](actors::shell& parent, const supervision::child_context&) {
        return parent.spawn<node_agent>(
            node_agent_options{name, parts_.incarnation, parts_.version, spoken(), links_.get()});
      }));
  return plan;
}

void cluster_side::stop() {
  if (links_ != nullptr) links_->stop();
  if (door_) actors::stop(door_);
  door_ = nullptr;
}

}  // namespace stagedoor::cluster
