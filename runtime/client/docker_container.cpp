// SPDX-License-Identifier: Apache-2.0
#include "runtime/client/docker_container.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/client/json.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace stagedoor::client {

namespace {

fault malformed(std::string detail) {
  return {fault_kind::malformed, fault_side::upstream, retryable::no, std::move(detail)};
}

container_state state_of(std::string_view text) {
  static constexpr std::pair<std::string_view, container_state> names[] = {
      {"created", container_state::created},   {"running", container_state::running},
      {"paused", container_state::paused},     {"restarting", container_state::restarting},
      {"removing", container_state::removing}, {"exited", container_state::exited},
      {"dead", container_state::dead},
  };
  for (const auto& [name, state] : names)
    if (ascii::iequals(text, name)) return state;
  return container_state::unknown;
}

container_health health_of(std::string_view text) {
  if (text == "healthy") return container_health::healthy;
  if (text == "unhealthy") return container_health::unhealthy;
  if (text == "starting") return container_health::starting;
  return container_health::none;
}

// The list has no field for it: "Up 3 minutes (healthy)", "(health: starting)".
container_health health_in_status(std::string_view status) {
  if (status.ends_with("(healthy)")) return container_health::healthy;
  if (status.ends_with("(unhealthy)")) return container_health::unhealthy;
  if (status.ends_with("(health: starting)")) return container_health::starting;
  return container_health::none;
}

std::string without_slash(std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  return name;
}

std::optional<port_protocol> protocol_of(std::string_view text) {
  if (text.empty() || ascii::iequals(text, "tcp")) return port_protocol::tcp;
  if (ascii::iequals(text, "udp")) return port_protocol::udp;
  if (ascii::iequals(text, "sctp")) return port_protocol::sctp;
  return std::nullopt;
}

std::map<std::string, std::string> labels_of(const json* from) {
  std::map<std::string, std::string> labels;
  if (from == nullptr || !from->is_object()) return labels;
  for (const auto& [key, value] : from->items())
    if (value.is_string()) labels.emplace(key, value.get<std::string>());
  return labels;
}

std::vector<container_network> networks_of(const json* settings) {
  std::vector<container_network> networks;
  const auto* from = member(settings, "Networks");
  if (from == nullptr || !from->is_object()) return networks;
  for (const auto& [name, value] : from->items())
    networks.push_back({name, text_of(&value, "NetworkID"), text_of(&value, "IPAddress"),
                        text_of(&value, "GlobalIPv6Address")});
  return networks;  // items() goes by name
}

void sort_ports(std::vector<container_port>& ports) {
  const auto key = [](const container_port& p) {
    return std::tie(p.port, p.protocol, p.host_port, p.host_ip);
  };
  std::sort(ports.begin(), ports.end(), [&](auto& a, auto& b) { return key(a) < key(b); });
}

std::uint16_t port_number(std::optional<std::int64_t> number) {
  return number && *number > 0 && *number <= 65535 ? static_cast<std::uint16_t>(*number)
                                                   : std::uint16_t{0};
}

std::vector<container_port> listed_ports(const json* from) {
  std::vector<container_port> ports;
  if (from == nullptr || !from->is_array()) return ports;
  for (const auto& one : *from) {
    const auto protocol = protocol_of(text_of(&one, "Type"));
    const auto number = port_number(number_of(&one, "PrivatePort"));
    if (protocol && number != 0)
      ports.push_back(
          {number, *protocol, text_of(&one, "IP"), port_number(number_of(&one, "PublicPort"))});
  }
  sort_ports(ports);
  return ports;
}

// "8000/tcp"
std::optional<container_port> port_of(std::string_view key) {
  const auto slash = key.find('/');
  const auto number = ascii::parse_number<std::uint16_t>(key.substr(0, slash));
  const auto protocol =
      protocol_of(slash == std::string_view::npos ? std::string_view() : key.substr(slash + 1));
  if (!number || *number == 0 || !protocol) return std::nullopt;
  return container_port{*number, *protocol, {}, 0};
}

std::vector<container_port> inspected_ports(const json* config, const json* settings) {
  std::vector<container_port> ports;
  const auto known = [&](const container_port& p) {
    return std::any_of(ports.begin(), ports.end(), [&](const container_port& other) {
      return other.port == p.port && other.protocol == p.protocol;
    });
  };
  if (const auto* bound = member(settings, "Ports"); bound != nullptr && bound->is_object())
    for (const auto& [key, bindings] : bound->items()) {
      const auto port = port_of(key);
      if (!port) continue;
      if (bindings.is_array())
        for (const auto& one : bindings) {
          auto published = *port;
          published.host_ip = text_of(&one, "HostIp");
          published.host_port =
              ascii::parse_number<std::uint16_t>(text_of(&one, "HostPort")).value_or(0);
          ports.push_back(std::move(published));
        }
      if (!known(*port)) ports.push_back(*port);
    }
  if (const auto* exposed = member(config, "ExposedPorts");
      exposed != nullptr && exposed->is_object())
    for (const auto& [key, nothing] : exposed->items())
      if (const auto port = port_of(key); port && !known(*port)) ports.push_back(*port);
  sort_ports(ports);
  return ports;
}

container listed(const json& one) {
  container c;
  c.id = text_of(&one, "Id");
  // A linked container has more names: its own has no second slash.
  for (auto& name : texts_of(&one, "Names"))
    if (c.name.empty() || name.find('/', 1) == std::string::npos)
      c.name = without_slash(std::move(name));
  c.image = text_of(&one, "Image");
  c.labels = labels_of(member(&one, "Labels"));
  c.state = state_of(text_of(&one, "State"));
  c.health = health_in_status(text_of(&one, "Status"));
  c.network_mode = text_of(member(&one, "HostConfig"), "NetworkMode");
  c.networks = networks_of(member(&one, "NetworkSettings"));
  c.ports = listed_ports(member(&one, "Ports"));
  return c;
}

}  // namespace

std::string_view container::shares_network_of() const noexcept {
  constexpr std::string_view prefix = "container:";
  const std::string_view mode = network_mode;
  return mode.starts_with(prefix) ? mode.substr(prefix.size()) : std::string_view();
}

result<std::vector<container>> parse_container_list(std::string_view text) {
  const auto parsed = parse_json(text, "list of containers");
  if (!parsed) return parsed.error();
  if (!parsed->is_array()) return malformed("list of containers: expected an array");
  std::vector<container> containers;
  containers.reserve(parsed->size());
  for (const auto& one : *parsed) {
    containers.push_back(listed(one));
    if (containers.back().id.empty()) return malformed("list of containers: one has no Id");
  }
  return containers;
}

result<container> parse_container(std::string_view text) {
  const auto parsed = parse_json(text, "container");
  if (!parsed) return parsed.error();
  const json* one = &*parsed;
  const auto* config = member(one, "Config");
  const auto* settings = member(one, "NetworkSettings");
  const auto* state = member(one, "State");
  container c;
  c.id = text_of(one, "Id");
  if (c.id.empty()) return malformed("container: no Id");
  c.name = without_slash(text_of(one, "Name"));
  c.image = text_of(config, "Image");
  c.labels = labels_of(member(config, "Labels"));
  c.state = state_of(text_of(state, "Status"));
  c.health = health_of(text_of(member(state, "Health"), "Status"));
  c.network_mode = text_of(member(one, "HostConfig"), "NetworkMode");
  c.networks = networks_of(settings);
  c.ports = inspected_ports(config, settings);
  return c;
}

}  // namespace stagedoor::client
