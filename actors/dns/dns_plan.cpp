// SPDX-License-Identifier: Apache-2.0
#include "actors/dns/dns_plan.hpp"

#include "runtime/dns/zone_file.hpp"
#include "runtime/net/socket.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <map>

namespace stagedoor::actors {
namespace {

using configs::diagnostics;

class planner {
 public:
  planner(const configs::settings& node, diagnostics& out) : node_(node), out_(out) {}

  dns_plan plan(const configs::dns_config& from) {
    for (const auto& block : from.blocks) add(block);
    add_platform_zone();
    add_team_zones();
    return std::move(plan_);
  }

 private:
  // -- names and addresses ------------------------------------------------------

  dns::wire_name wire(const std::string& name, const configs::location& where) {
    auto parsed = dns::parse_name(name, dns::root_name());
    if (!parsed) {
      out_.error(where, fmt::format("zone {}: {}", name, parsed.error().detail));
      return dns::root_name();
    }
    return dns::lower_cased(*parsed);
  }
  std::vector<dns::wire_name> wires(const std::vector<std::string>& names,
                                    const configs::location& where) {
    std::vector<dns::wire_name> all;
    for (const auto& name : names) all.push_back(wire(name, where));
    return all;
  }

  dns::listener_id listener(const net::address& at) {
    const auto found = std::find_if(plan_.listeners.begin(), plan_.listeners.end(),
                                    [&](const auto& l) { return l.at == at; });
    if (found != plan_.listeners.end()) return found->id;
    const dns::listener_id id{static_cast<std::uint32_t>(plan_.listeners.size() + 1)};
    plan_.listeners.push_back({id, at});
    return id;
  }

  std::vector<dns::listener_id> listeners_of(const configs::dns_server_block& block) {
    std::vector<dns::listener_id> all;
    for (const auto& zone : block.zones) {
      const auto port = configs::offset_port(zone.port, node_.node.port_offset);
      if (!port) {
        out_.error(zone.where,
                   fmt::format("port {} with port_offset: {}", zone.port, port.error().detail));
        continue;
      }
      if (block.bind.empty()) all.push_back(listener(net::wildcard(*port)));
      for (const auto& host : block.bind) {
        const auto at = net::address::parse_ip(host, *port);
        if (at)
          all.push_back(listener(*at));
        else
          out_.error(block.where, fmt::format("bind: {} (interface names are not supported yet)",
                                              at.error().detail));
      }
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }

  // -- plugins --------------------------------------------------------------------

  std::shared_ptr<const dns::forward_options> forward(const configs::forward_plugin& f,
                                                      const std::string& from) {
    auto made = std::make_shared<dns::forward_options>();
    made->from = wire(from, f.where);
    made->except = wires(f.except, f.where);
    for (const auto& target : f.to)
      if (const auto at = net::address::parse_ip(target.host, target.port))
        made->upstreams.push_back(*at);
      else
        out_.error(f.where, fmt::format("forward: {}", at.error().detail));
    using from_policy = configs::forward_plugin::policy;
    made->policy = f.choice == from_policy::random        ? dns::forward_policy::random
                   : f.choice == from_policy::round_robin ? dns::forward_policy::round_robin
                                                          : dns::forward_policy::sequential;
    made->force_tcp = f.force_tcp;
    made->prefer_udp = f.prefer_udp;
    made->max_fails = f.max_fails;
    made->max_concurrent = f.max_concurrent;
    made->expire = std::chrono::duration_cast<milliseconds>(f.expire);
    made->health_check = std::chrono::duration_cast<milliseconds>(f.health_check);
    made->health_recursion = f.health_recursion;
    made->health_name = wire(f.health_domain, f.where);
    return made;
  }

  static std::uint8_t classes_of(const configs::log_plugin& l) {
    using from = configs::log_plugin::answers;
    std::uint8_t bits = 0;
    for (const auto c : l.classes) {
      const auto to = c == from::success  ? dns::answer_class::success
                      : c == from::denial ? dns::answer_class::denial
                      : c == from::error  ? dns::answer_class::error
                                          : dns::answer_class::all;
      bits = static_cast<std::uint8_t>(bits | static_cast<std::uint8_t>(to));
    }
    return bits == 0 ? static_cast<std::uint8_t>(dns::answer_class::all) : bits;
  }

  dns::plugin_chain chain_of(const configs::dns_server_block& block) {
    dns::plugin_chain chain;
    chain.errors = block.errors;
    chain.apex_ns = true;  // as CoreDNS does without `minimal`
    for (const auto& l : block.logs) {
      dns::log_rule rule;
      if (!l.names.empty()) rule.names = wires(l.names, l.where);
      if (!l.format.empty()) rule.format = dns::log_format(l.format);
      rule.classes = classes_of(l);
      chain.log.push_back(std::move(rule));
    }
    for (const auto& f : block.forwards)
      for (const auto& from : f.from) chain.forwards.push_back(forward(f, from));
    for (const auto& f : block.files)
      if (f.fallthrough) {
        const auto below = f.fallthrough->empty() ? std::vector<std::string>{"."} : *f.fallthrough;
        for (auto& name : wires(below, f.where)) chain.fallthrough.push_back(std::move(name));
      }
    return chain;
  }

  // -- blocks ---------------------------------------------------------------------

  dns::served_zone zone(const std::string& name, const std::string& path,
                        const configs::location& where, milliseconds reload) {
    auto apex = wire(name, where);
    const auto known = zone_ids_.find(apex);
    if (known != zone_ids_.end()) {
      // CoreDNS parses a file once per block; the same zone from two files would be two zones.
      const auto& other = plan_.zones[raw(known->second) - 1];
      if (other.path != path)
        out_.error(where, fmt::format("zone {} is read from {} already", other.name, other.path));
      return {std::move(apex), known->second};
    }
    const dns::zone_id id{static_cast<std::uint32_t>(plan_.zones.size() + 1)};
    zone_ids_.emplace(apex, id);
    plan_.zones.push_back({id, dns::name_text(apex), apex, path, where, reload});
    return {std::move(apex), id};
  }

  void add(const configs::dns_server_block& block) {
    dns::server_block made;
    made.listeners = listeners_of(block);
    for (const auto& z : block.zones) made.keys.push_back(wire(z.name, z.where));
    for (const auto& f : block.files)
      for (const auto& name : f.zones)
        made.zones.push_back(zone(name, node_.dns_path(f.path), f.path_at,
                                  std::chrono::duration_cast<milliseconds>(f.reload)));
    made.chain = std::make_shared<const dns::plugin_chain>(chain_of(block));
    plan_.blocks.push_back(std::move(made));
  }

  // Teams go into the platform's zone and its further ones, as far as this node serves them.
  void add_team_zones() {
    auto wanted = node_.platform.zones;
    wanted.insert(wanted.begin(), node_.platform.domain);
    for (const auto& name : wanted) {
      const auto known = zone_ids_.find(wire(name, {}));
      if (known == zone_ids_.end()) continue;
      const auto& id = plan_.zones[raw(known->second) - 1].name;
      if (std::find(plan_.team_zones.begin(), plan_.team_zones.end(), id) == plan_.team_zones.end())
        plan_.team_zones.push_back(id);
    }
  }

  void add_platform_zone() {
    const auto apex = wire(node_.platform.domain, {});
    if (plan_.listeners.empty() || zone_ids_.contains(apex)) return;
    dns::server_block made;
    made.keys = {apex};
    for (const auto& l : plan_.listeners) {
      const bool claimed =
          std::any_of(plan_.blocks.begin(), plan_.blocks.end(), [&](const auto& b) {
            return std::find(b.keys.begin(), b.keys.end(), apex) != b.keys.end() &&
                   std::find(b.listeners.begin(), b.listeners.end(), l.id) != b.listeners.end();
          });
      if (!claimed) made.listeners.push_back(l.id);
    }
    if (made.listeners.empty()) return;
    made.zones = {zone(node_.platform.domain, "", {}, milliseconds(0))};
    dns::plugin_chain chain;
    chain.apex_ns = true;
    // Logged like the block in front of it, so that one log shows all queries.
    if (plan_.blocks.front().chain != nullptr) {
      chain.log = plan_.blocks.front().chain->log;
      chain.errors = plan_.blocks.front().chain->errors;
    }
    made.chain = std::make_shared<const dns::plugin_chain>(std::move(chain));
    plan_.blocks.push_back(std::move(made));
  }

  const configs::settings& node_;
  diagnostics& out_;
  dns_plan plan_;
  std::map<dns::wire_name, dns::zone_id> zone_ids_;  ///< by apex: case and final dot do not count
};

}  // namespace

dns_plan plan_dns(const configs::dns_config& from, const configs::settings& node,
                  diagnostics& out) {
  return planner(node, out).plan(from);
}

result<dns::zone_data> make_platform_zone(const std::string& domain,
                                          const std::vector<std::string>& addresses,
                                          std::uint32_t serial) {
  const auto apex = dns::parse_name(domain, dns::root_name());
  if (!apex) return apex.error();
  const auto lower = dns::lower_cased(*apex);
  std::string text = fmt::format(
      "$TTL 60\n@ IN SOA ns.{0} hostmaster.{0} ( {1} 3600 600 86400 60 )\n@ IN NS ns.{0}\n",
      dns::name_text(lower), serial);
  for (const auto& a : addresses) {
    const char* type = a.find(':') == std::string::npos ? "A" : "AAAA";
    text += fmt::format("@ IN {1} {0}\nns IN {1} {0}\n", a, type);
  }
  auto parsed = dns::parse_zone(text, "the platform's zone", lower, dns::disk_reader(0));
  if (!parsed.good())
    return fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
                 parsed.errors.front().to_string()};
  return std::move(parsed.data);
}

result<dns::zone_data> read_zone(const zone_plan& plan, const configs::settings& node) {
  if (plan.path.empty()) {
    const auto now =
        std::chrono::duration_cast<seconds>(wall_clock::now().time_since_epoch()).count();
    return make_platform_zone(node.platform.domain, node.platform.addresses,
                              static_cast<std::uint32_t>(now));
  }
  auto parsed = dns::read_zone_file(plan.path, plan.apex);
  if (!parsed.good())
    return fault{fault_kind::invalid, fault_side::operator_input, retryable::yes,
                 parsed.errors.front().to_string()};
  return std::move(parsed.data);
}

}  // namespace stagedoor::actors
