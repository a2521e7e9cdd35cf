// SPDX-License-Identifier: Apache-2.0
#include "actors/providers/docker_provider_state.hpp"

#include "configs/values.hpp"
#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

constexpr std::size_t max_network_hops =
    8;  ///< containers that share the network of one that shares ...

fault silence(std::string_view what) {
  return {fault_kind::timed_out, fault_side::upstream, retryable::yes,
          fmt::format("the Docker engine did not {} in time", what)};
}

/// The engine answered, about this one container.
bool concerns_one(const fault& f) {
  return f.kind == fault_kind::not_found || f.kind == fault_kind::refused ||
         f.kind == fault_kind::malformed || f.kind == fault_kind::too_large ||
         f.kind == fault_kind::invalid;
}

std::string label_of(const client::container& c, const std::string& key) {
  const auto it = c.labels.find(key);
  return it == c.labels.end() ? std::string() : it->second;
}

bool allows_non_running(const client::container& c) {
  for (const auto& [key, value] : c.labels)
    if (ascii::iequals(key, "traefik.docker.allownonrunning"))
      return configs::parse_bool(value).value_or(false);
  return false;
}

bool runs(const client::container& c) { return c.state == client::container_state::running; }

bool is_well(const client::container& c) {
  return c.health == client::container_health::none ||
         c.health == client::container_health::healthy;
}

}  // namespace

// -- sessions -------------------------------------------------------------------------

docker_effects docker_provider_state::start(mono_time now) {
  docker_effects out;
  begin(now, out);
  return out;
}

void docker_provider_state::begin(mono_time now, docker_effects& out) {
  ++session_;
  pending_.clear();
  inspecting_.clear();
  if (!options_.watch) return ask_list(now, out);
  at_ = phase::opening;
  due_ = now + limits_.patience;
  out.emplace_back(open_engine_events{session_});
}

void docker_provider_state::ask_list(mono_time now, docker_effects& out) {
  at_ = phase::listing;
  due_ = now + limits_.patience;
  pending_.clear();  // the list says more
  out.emplace_back(list_containers{session_});
}

docker_effects docker_provider_state::heard(std::uint64_t session, engine_event what,
                                            mono_time now) {
  docker_effects out;
  if (session != session_ || at_ == phase::pausing) return out;
  std::visit([&](auto& one) { apply(std::move(one), now, out); }, what);
  proceed(now, out);
  return out;
}

void docker_provider_state::apply(engine_opened, mono_time now, docker_effects& out) {
  if (at_ == phase::opening) ask_list(now, out);
}

void docker_provider_state::apply(engine_listed what, mono_time now, docker_effects& out) {
  if (at_ != phase::listing) return;
  if (!what.all) return lost(what.all.error(), now, out);
  known_.clear();
  for (auto& c : *what.all) known_.insert_or_assign(c.id, std::move(c));
  at_ = phase::following;
  due_ = now + limits_.resync;
  trouble_.clear();
  if (!since_) {
    since_ = now;
    out.emplace_back(engine_found{known_.size()});
  }
  if (!changed_since_) changed_since_ = now;
}

void docker_provider_state::apply(engine_changed what, mono_time now, docker_effects& out) {
  if (what.container.empty() || at_ == phase::opening) return;
  if (const auto it = inspecting_.find(what.container); it != inspecting_.end()) {
    it->second = true;
    return;
  }
  pending_.insert(std::move(what.container));
  if (pending_.size() > limits_.max_pending && at_ == phase::following) ask_list(now, out);
}

void docker_provider_state::apply(engine_inspected what, mono_time now, docker_effects& out) {
  const auto it = inspecting_.find(what.container);
  if (it == inspecting_.end()) return;
  const bool again = it->second;
  inspecting_.erase(it);
  if (!what.found && !concerns_one(what.found.error())) return lost(what.found.error(), now, out);
  if (again) pending_.insert(what.container);
  if (what.found) {
    known_.insert_or_assign(what.found->id, *std::move(what.found));
  } else {
    known_.erase(what.container);
    if (what.found.error().kind != fault_kind::not_found)
      out.emplace_back(container_unreadable{what.container, what.found.error().detail});
  }
  if (!changed_since_) changed_since_ = now;
}

void docker_provider_state::apply(const engine_ended& what, mono_time now, docker_effects& out) {
  lost(what.why, now, out);
}

void docker_provider_state::lost(const fault& why, mono_time now, docker_effects& out) {
  out.emplace_back(close_engine_events{});
  // An engine that comes and goes is not asked every second.
  if (since_ && now - *since_ >= limits_.longest_pause) pause_ = limits_.first_pause;
  at_ = phase::pausing;
  due_ = now + pause_;
  pause_ = std::min(pause_ * 2, limits_.longest_pause);
  if (since_ || trouble_.empty()) out.emplace_back(engine_out_of_reach{why.detail});
  since_.reset();
  trouble_ = why.detail.empty() ? "no reason was given" : why.detail;
}

// -- time -----------------------------------------------------------------------------

docker_effects docker_provider_state::tick(mono_time now) {
  docker_effects out;
  if (now >= due_) {
    switch (at_) {
      case phase::pausing: begin(now, out); break;
      case phase::opening: lost(silence("open its event stream"), now, out); break;
      case phase::listing: lost(silence("list its containers"), now, out); break;
      case phase::following:
        if (options_.watch) ask_list(now, out);
        break;
      case phase::idle: break;
    }
  }
  proceed(now, out);
  return out;
}

// Inspections wait for a list under way: its answer may be older than theirs. Routes wait for the
// inspections, so that ten containers that start together are one change, but not for ever.
void docker_provider_state::proceed(mono_time now, docker_effects& out) {
  while (at_ == phase::following && !pending_.empty() &&
         inspecting_.size() < limits_.inspections_at_once) {
    auto id = pending_.extract(pending_.begin()).value();
    inspecting_.emplace(id, false);
    out.emplace_back(inspect_container{session_, std::move(id)});
  }
  if (!changed_since_) return;
  const bool settled = at_ != phase::following || (pending_.empty() && inspecting_.empty());
  if (!settled && now < *changed_since_ + limits_.throttle) return;
  if (routed_at_ && now < *routed_at_ + limits_.throttle) return;
  changed_since_.reset();
  routed_at_ = now;
  out.emplace_back(route_containers{});
}

std::optional<mono_time> docker_provider_state::next_tick() const {
  std::optional<mono_time> next;
  if (at_ != phase::idle && (at_ != phase::following || options_.watch)) next = due_;
  if (changed_since_) {
    const bool settled = at_ != phase::following || (pending_.empty() && inspecting_.empty());
    auto when = settled ? *changed_since_ : *changed_since_ + limits_.throttle;
    if (routed_at_) when = std::max(when, *routed_at_ + limits_.throttle);
    if (!next || when < *next) next = when;
  }
  return next;
}

// -- observers ------------------------------------------------------------------------

std::string docker_provider_state::state() const {
  if (since_) return "connected";
  return trouble_.empty() ? "connecting" : "out of reach: " + trouble_;
}

std::vector<configs::container> docker_provider_state::routable() const {
  std::vector<configs::container> out;
  for (const auto& [id, c] : known_) {
    if (!runs(c) && !allows_non_running(c)) continue;
    if (!is_well(c) && !options_.allow_empty_services) continue;
    out.push_back(described(c));
    out.back().serves = runs(c) && is_well(c);
  }
  return out;
}

const client::container* docker_provider_state::find(std::string_view id_or_name) const {
  for (const auto& [id, c] : known_)
    if (id == id_or_name || c.name == id_or_name) return &c;
  return nullptr;
}

configs::container docker_provider_state::described(const client::container& c) const {
  configs::container out;
  out.id = c.id;
  out.name = c.name;
  out.service = label_of(c, "com.docker.compose.service");
  out.project = label_of(c, "com.docker.compose.project");
  out.file = "container " + c.name;
  for (const auto& [key, value] : c.labels) out.labels.push_back({key, value, {}});
  const auto* network = &c;
  for (std::size_t hops = 0; network != nullptr && !network->shares_network_of().empty(); ++hops)
    network = hops < max_network_hops ? find(network->shares_network_of()) : nullptr;
  if (network != nullptr && network->host_mode()) {
    out.networks.push_back({"host", "127.0.0.1"});  // this process and the container share the host
  } else if (network != nullptr) {
    for (const auto& n : network->networks)
      if (const auto& address = n.ip.empty() ? n.ipv6 : n.ip; !address.empty())
        out.networks.push_back({n.name, address});
  }
  for (const auto& p : c.ports)
    if (std::find(out.ports.begin(), out.ports.end(), p.port) == out.ports.end())
      out.ports.push_back(p.port);
  return out;
}

}  // namespace stagedoor::actors
