// SPDX-License-Identifier: Apache-2.0
#include "configs/docker_labels.hpp"

#include "configs/container_merge.hpp"
#include "configs/label_tree.hpp"
#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::configs {
namespace {

const label* find_label(const container& c, std::string_view key) noexcept {
  for (const auto& l : c.labels)
    if (ascii::iequals(l.key, key)) return &l;
  return nullptr;
}

location place(const container& c, position at) { return {c.file, at.line, at.column}; }

/// The value of one action of the default rule's template; nothing when it is not known.
std::optional<std::string> evaluated(std::string_view action, const container& c) {
  action = ascii::trim(action);
  constexpr std::string_view normalize = "normalize ";
  if (action.starts_with(normalize)) {
    action = ascii::trim(action.substr(normalize.size()));
    if (action.size() >= 2 && action.front() == '(' && action.back() == ')')
      action = action.substr(1, action.size() - 2);
    auto inner = action.starts_with("normalize") ? std::nullopt : evaluated(action, c);
    return inner ? std::optional(normalized(*inner)) : std::nullopt;
  }
  if (action == ".Name") return service_name(c);
  if (action == ".ContainerName") return c.name;
  constexpr std::string_view labels = "index .Labels ";
  if (!action.starts_with(labels)) return std::nullopt;
  const auto key = ascii::trim(action.substr(labels.size()));
  if (key.size() < 2 || key.front() != '"' || key.back() != '"') return std::nullopt;
  const label* found = find_label(c, key.substr(1, key.size() - 2));
  return found == nullptr ? std::string{} : found->value;
}

class container_reader {
 public:
  container_reader(const container& c, const docker_provider& options, diagnostics& out)
      : container_(c), options_(options), out_(out), name_(service_name(c)) {}

  std::optional<dynamic_config> read(std::string_view provider) {
    const auto errors = out_.errors();
    auto tree = label_tree(container_, out_);
    if (!tree) return std::nullopt;
    tree->type = node::kind::map;
    complete_services(*tree);
    reader r{container_.file, out_};
    auto config = read_dynamic(r, *tree, provider);
    if (!r.idle.empty())
      out_.warning(place(container_, container_.at),
                   fmt::format("labels of {}: known to Traefik, not acted on here: {}",
                               shown(container_.name), fmt::join(r.idle, ", ")));
    if (out_.errors() == errors) link_routers(config, provider);
    if (out_.errors() != errors) return std::nullopt;
    return config;
  }

 private:
  void error(position at, std::string message) {
    out_.error(place(container_, at), std::move(message));
  }

  /// Gives each service its one server; invents the service when there is none.
  void complete_services(node& tree) {
    node* http = find_any_case(tree, "http");
    if (http == nullptr) {
      if (!tree.entries.empty()) return;  // only tcp or udp: no HTTP service is invented
      tree.entries.push_back({"http", container_.at, {}});
      http = &tree.entries.back().value;
    }
    http->type = node::kind::map;
    node* services = find_any_case(*http, "services");
    if (services == nullptr) {
      http->entries.push_back({"services", container_.at, {}});
      services = &http->entries.back().value;
    }
    services->type = node::kind::map;
    if (services->entries.empty())
      services->entries.push_back({name_, container_.at, balancer_only()});
    for (auto& e : services->entries)
      if (node* balancer = find_any_case(e.value, "loadBalancer")) complete_server(*balancer);
  }

  [[nodiscard]] node balancer_only() const {
    node balancer;
    balancer.type = node::kind::map;
    balancer.at = container_.at;
    node out = balancer;
    out.entries.push_back({"loadBalancer", container_.at, std::move(balancer)});
    return out;
  }

  /// `server.port`, `server.scheme` and the container's address become one entry of `servers`.
  void complete_server(node& balancer) {
    balancer.type = node::kind::map;
    if (const node* list = find_any_case(balancer, "servers"))
      return error(list->at, "labels: loadBalancer.servers: unknown key; did you mean \"server\"?");
    node server;
    server.type = node::kind::map;
    server.at = balancer.at;
    const auto found = std::find_if(balancer.entries.begin(), balancer.entries.end(),
                                    [](const entry& e) { return ascii::iequals(e.key, "server"); });
    if (found != balancer.entries.end()) {
      server = std::move(found->value);
      balancer.entries.erase(found);
    }
    if (!container_.serves) {
      node none;
      none.type = node::kind::list;
      none.at = server.at;
      balancer.entries.push_back({"servers", none.at, std::move(none)});
      return;
    }
    const auto take = [&](std::string_view key) -> std::optional<node> {
      const auto at = std::find_if(server.entries.begin(), server.entries.end(),
                                   [&](const entry& e) { return ascii::iequals(e.key, key); });
      if (at == server.entries.end()) return std::nullopt;
      node value = std::move(at->value);
      server.entries.erase(at);
      return value;
    };
    const auto port = take("port"), scheme = take("scheme");
    if (find_any_case(server, "url") == nullptr) {
      const auto url = server_url(port, scheme);
      if (!url) return;
      node text;
      text.type = node::kind::scalar;
      text.at = port ? port->at : server.at;
      text.text = *url;
      server.entries.push_back({"url", text.at, text});
    } else if (port || scheme) {
      error(server.at, "labels: expected server.url or server.port and server.scheme, got both");
    }
    node list;
    list.type = node::kind::list;
    list.at = server.at;
    list.items.push_back(std::move(server));
    balancer.entries.push_back({"servers", list.at, std::move(list)});
  }

  std::optional<std::string> server_url(const std::optional<node>& port,
                                        const std::optional<node>& scheme) {
    std::optional<std::uint16_t> number;
    if (port) {
      number = ascii::parse_number<std::uint16_t>(port->text);
      if (!number || *number == 0) {
        out_.expected(place(container_, port->at), "label server.port", "a port from 1 to 65535",
                      shown(port->text));
        return std::nullopt;
      }
    } else if (const auto lowest =
                   std::min_element(container_.ports.begin(), container_.ports.end());
               lowest != container_.ports.end()) {
      number = *lowest;
    } else {
      error(
          container_.at,
          fmt::format("{}: no port is known: set the label loadbalancer.server.port or expose one",
                      shown(container_.name)));
      return std::nullopt;
    }
    const auto address = pick_address();
    if (!address) return std::nullopt;
    const std::string host =
        address->find(':') == std::string::npos ? *address : fmt::format("[{}]", *address);
    return fmt::format("{}://{}:{}", scheme ? scheme->text : "http", host, *number);
  }

  std::optional<std::string> pick_address() {
    const auto on = [&](std::string_view name) -> const attached_network* {
      for (const auto& n : container_.networks)
        if (n.name == name) return &n;
      return nullptr;
    };
    const label* wanted = find_label(container_, "traefik.docker.network");
    if (wanted != nullptr) {
      if (const auto* found = on(wanted->value)) return found->address;
      out_.warning(place(container_, wanted->at),
                   fmt::format("{} is not on the network {}: another one is used",
                               shown(container_.name), shown(wanted->value)));
    }
    if (const auto* found = on(options_.network)) return found->address;
    const auto first =
        std::min_element(container_.networks.begin(), container_.networks.end(),
                         [](const auto& a, const auto& b) { return a.name < b.name; });
    if (first != container_.networks.end()) return first->address;
    error(container_.at, fmt::format("{} is on no network", shown(container_.name)));
    return std::nullopt;
  }

  /// The default router, the default rule, and the link from a router to the only service.
  void link_routers(dynamic_config& config, std::string_view provider) {
    if (config.routers.empty() && config.services.size() == 1) {
      router r;
      r.name = qualified(name_, provider);
      r.where = place(container_, container_.at);
      config.routers.push_back(std::move(r));
    }
    for (auto& r : config.routers) {
      if (r.rule.empty()) {
        auto rule = default_rule(options_.default_rule, container_);
        if (!rule) {
          out_.error(options_.default_rule_at, rule.error().detail);
          return;
        }
        r.rule = std::move(*rule);
        r.rule_at = r.where;
      }
      if (!r.service.name.empty()) continue;
      if (config.services.size() == 1) {
        r.service = {config.services.front().name, r.where};
      } else {
        out_.error(
            r.where,
            fmt::format("router {}: expected a service label, as the container has {} services",
                        shown(r.name), config.services.size()));
      }
    }
  }

  const container& container_;
  const docker_provider& options_;
  diagnostics& out_;
  std::string name_;
};

}  // namespace

std::string normalized(std::string_view name) {
  std::string out;
  bool gap = false;
  for (const char c : name) {
    // Bytes above ASCII are parts of letters in every script that names containers.
    if (ascii::is_alpha(c) || ascii::is_digit(c) || static_cast<unsigned char>(c) >= 0x80) {
      if (gap && !out.empty()) out += '-';
      out += c;
      gap = false;
    } else {
      gap = true;
    }
  }
  return out;
}

std::string service_name(const container& c) {
  return normalized(
      c.service.empty() || c.project.empty() ? c.name : fmt::format("{}_{}", c.service, c.project));
}

result<std::string> default_rule(std::string_view pattern, const container& c) {
  const auto wrong = [&] {
    return fault{fault_kind::unsupported, fault_side::operator_input, retryable::no,
                 fmt::format("defaultRule: expected {{{{ .Name }}}}, {{{{ .ContainerName }}}} or "
                             "{{{{ index .Labels \"key\" }}}}, "
                             "each with or without normalize, got {}",
                             shown(pattern))};
  };
  std::string out;
  while (true) {
    const auto open = pattern.find("{{");
    out += pattern.substr(0, open);
    if (open == std::string_view::npos) return out;
    const auto close = pattern.find("}}", open);
    if (close == std::string_view::npos) return wrong();
    const auto value = evaluated(pattern.substr(open + 2, close - open - 2), c);
    if (!value) return wrong();
    out += *value;
    pattern.remove_prefix(close + 2);
  }
}

bool is_exposed(const container& c, const docker_provider& options) noexcept {
  const label* enable = find_label(c, "traefik.enable");
  if (enable == nullptr) return options.exposed_by_default;
  return parse_bool(enable->value).value_or(options.exposed_by_default);
}

std::optional<dynamic_config> read_labels(const container& c, const docker_provider& options,
                                          std::string_view provider, diagnostics& out) {
  const label* enable = find_label(c, "traefik.enable");
  if (enable != nullptr && !parse_bool(enable->value)) {
    out.expected(place(c, enable->at), "label traefik.enable", "true or false",
                 shown(enable->value));
    return std::nullopt;
  }
  if (!is_exposed(c, options)) return std::nullopt;
  return container_reader(c, options, out).read(provider);
}

dynamic_config read_containers(std::vector<container> containers, const docker_provider& options,
                               std::string_view provider, diagnostics& out) {
  std::sort(containers.begin(), containers.end(), [](const container& a, const container& b) {
    return std::pair(service_name(a), a.id) < std::pair(service_name(b), b.id);
  });
  container_merge merged(provider, out);
  for (const auto& c : containers)
    if (auto config = read_labels(c, options, provider, out)) merged.add(std::move(*config));
  return merged.take();
}

}  // namespace stagedoor::configs
