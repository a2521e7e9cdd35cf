// SPDX-License-Identifier: Apache-2.0
#include "configs/compose.hpp"

#include "configs/yaml_document.hpp"
#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::configs {
namespace {

bool is_name_char(char c) { return ascii::is_alpha(c) || ascii::is_digit(c) || c == '_'; }

fault invalid(std::string detail) {
  return {fault_kind::invalid, fault_side::operator_input, retryable::no, std::move(detail)};
}

/// The inside of `${...}`.
result<std::string> braced(std::string_view inside, const environment& env) {
  std::size_t end = 0;
  while (end < inside.size() && is_name_char(inside[end])) ++end;
  const auto name = inside.substr(0, end);
  auto rest = inside.substr(end);
  if (name.empty()) return invalid("a variable's name after ${");
  const auto value = env(name);
  if (rest.empty()) return value.value_or("");
  const bool empty_counts_as_unset = rest.front() == ':';
  if (empty_counts_as_unset) rest.remove_prefix(1);
  const bool unset = !value || (empty_counts_as_unset && value->empty());
  if (rest.empty()) return invalid("${NAME:-default} or ${NAME:?message}");
  const auto argument = rest.substr(1);
  switch (rest.front()) {
    case '-': return unset ? std::string(argument) : *value;
    case '+': return unset ? std::string{} : std::string(argument);
    case '?':
      if (!unset) return *value;
      return invalid(fmt::format("the variable {} to be set{}{}", name,
                                 argument.empty() ? "" : ": ", argument));
    default: return invalid("${NAME:-default} or ${NAME:?message}");
  }
}

class compose_reader {
 public:
  compose_reader(const std::string& file, const environment& env, diagnostics& out)
      : file_(file), env_(env), out_(out) {}

  std::vector<container> read(const node& root, std::string_view project) {
    std::vector<container> out;
    if (root.type == node::kind::none) return out;
    if (root.type != node::kind::map) return expected(root, "", "a mapping"), out;
    std::string name(project);
    if (const node* own = find(root, "name")) name = value(*own, "name");
    const node* services = find(root, "services");
    if (services == nullptr || services->type == node::kind::none) return out;
    if (services->type != node::kind::map)
      return expected(*services, "services", "a mapping of services"), out;
    for (const auto& e : services->entries) out.push_back(service(e, name));
    return out;
  }

 private:
  void expected(const node& n, std::string_view what, std::string_view wanted) {
    out_.expected({file_, n.at.line, n.at.column}, what, wanted, described(n));
  }

  std::string value(const node& n, std::string_view what) {
    if (n.type != node::kind::scalar) {
      if (n.type != node::kind::none) expected(n, what, "a text");
      return {};
    }
    auto text = interpolated(n.text, env_);
    if (text) return std::move(*text);
    out_.expected({file_, n.at.line, n.at.column}, what, text.error().detail, shown(n.text));
    return {};
  }

  container service(const entry& e, const std::string& project) {
    container c;
    c.id = c.name = c.service = e.key;
    c.project = project;
    c.file = file_;
    c.at = e.at;
    const std::string path = fmt::format("services.{}", e.key);
    if (e.value.type != node::kind::map) {
      expected(e.value, path, "a mapping");
      return c;
    }
    if (const node* n = find(e.value, "container_name"))
      c.name = value(*n, path + ".container_name");
    if (const node* n = find(e.value, "labels")) labels(*n, path + ".labels", c);
    if (const node* n = find(e.value, "networks")) networks(*n, path + ".networks", c);
    if (c.networks.empty()) c.networks.push_back({"default", e.key});
    for (const auto* key : {"expose", "ports"})
      if (const node* n = find(e.value, key)) ports(*n, fmt::format("{}.{}", path, key), c);
    return c;
  }

  void labels(const node& n, const std::string& what, container& c) {
    if (n.type == node::kind::map) {
      for (const auto& e : n.entries) c.labels.push_back({e.key, value(e.value, what), e.at});
    } else if (n.type == node::kind::list) {
      for (const auto& item : n.items) {
        if (item.type != node::kind::scalar) {
          expected(item, what, "\"key=value\"");
          continue;
        }
        const std::string text = value(item, what);
        const auto equals = text.find('=');
        c.labels.push_back({text.substr(0, equals),
                            equals == std::string::npos ? "" : text.substr(equals + 1), item.at});
      }
    } else if (n.type != node::kind::none) {
      expected(n, what, "a list or a mapping");
    }
  }

  void networks(const node& n, const std::string& what, container& c) {
    if (n.type == node::kind::map) {
      for (const auto& e : n.entries) c.networks.push_back({e.key, c.service});
    } else if (n.type == node::kind::list) {
      for (const auto& item : n.items) c.networks.push_back({value(item, what), c.service});
    } else if (n.type != node::kind::none) {
      expected(n, what, "a list or a mapping");
    }
  }

  /// "80", "8080:80", "127.0.0.1:8080:80/tcp", "3000-3005", or { target: 80 }: the last port
  /// counts.
  void ports(const node& n, const std::string& what, container& c) {
    if (n.type != node::kind::list) {
      if (n.type != node::kind::none) expected(n, what, "a list of ports");
      return;
    }
    for (const auto& item : n.items) {
      const node* source = item.type == node::kind::map ? find(item, "target") : &item;
      const std::string text = source == nullptr ? "" : value(*source, what);
      std::string_view port = text;
      port = port.substr(0, port.find('/'));
      if (const auto colon = port.rfind(':'); colon != std::string_view::npos)
        port.remove_prefix(colon + 1);
      port = port.substr(0, port.find('-'));
      const auto number = ascii::parse_number<std::uint16_t>(port);
      if (number && *number != 0) {
        c.ports.push_back(*number);
      } else {
        out_.expected({file_, item.at.line, item.at.column}, what, "a port",
                      source == nullptr ? "no target" : shown(text));
      }
    }
  }

  const std::string& file_;
  const environment& env_;
  diagnostics& out_;
};

}  // namespace

result<std::string> interpolated(std::string_view text, const environment& env) {
  std::string out;
  while (true) {
    const auto dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) return out;
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      out += '$';
      text.remove_prefix(1);
    } else if (text.starts_with('{')) {
      const auto close = text.find('}');
      if (close == std::string_view::npos) return invalid("} to close ${");
      auto resolved = braced(text.substr(1, close - 1), env);
      if (!resolved) return resolved.error();
      out += *resolved;
      text.remove_prefix(close + 1);
    } else {
      std::size_t end = 0;
      while (end < text.size() && is_name_char(text[end])) ++end;
      if (end == 0 || ascii::is_digit(text.front()))
        return invalid("a variable's name after $, or $$ for a dollar sign");
      out += env(text.substr(0, end)).value_or("");
      text.remove_prefix(end);
    }
  }
}

std::vector<container> read_compose(const std::string& file, std::string_view text,
                                    std::string_view project, const environment& env,
                                    diagnostics& out) {
  const auto parsed = parse_yaml(file, text, out);
  if (!parsed) return {};
  return compose_reader(file, env, out).read(parsed->root, project);
}

}  // namespace stagedoor::configs
