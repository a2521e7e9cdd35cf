// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/rule_program.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/http/rule_syntax.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace stagedoor::http {
namespace {

/// Steps are emitted from the last to the first, so every jump target is known when it is written.
class compiler {
 public:
  explicit compiler(rule::program& out) noexcept : out_(out) {}

  /// The index of the first step of |node|, which goes on at |yes| or |no|.
  result<std::uint32_t> emit(const rule_node& node, std::uint32_t yes, std::uint32_t no) {
    switch (node.what) {
      case rule_node::kind::not_of: return emit(node.children.front(), no, yes);
      case rule_node::kind::matcher: return emit_matcher(node, yes, no);
      case rule_node::kind::all_of:
      case rule_node::kind::any_of: break;
    }
    const bool all = node.what == rule_node::kind::all_of;
    std::uint32_t next = all ? yes : no;
    for (std::size_t i = node.children.size(); i-- > 0;) {
      auto entry = all ? emit(node.children[i], next, no) : emit(node.children[i], yes, next);
      if (!entry) return entry;
      next = *entry;
    }
    return next;
  }

 private:
  result<std::uint32_t> emit_matcher(const rule_node& node, std::uint32_t yes, std::uint32_t no) {
    rule_step step;
    step.on_true = yes;
    step.on_false = no;
    if (auto filled = fill(step, node); !filled) return std::move(filled).error();
    out_.steps.push_back(step);
    return static_cast<std::uint32_t>(out_.steps.size() - 1);
  }

  result<void> fill(rule_step& step, const rule_node& node) {
    const std::string& first = node.arguments.front();
    switch (node.matcher) {
      case matcher_kind::host: return fill_host(step, node);
      case matcher_kind::host_regexp: return fill_host_regexp(step, node);
      case matcher_kind::path: return fill_path(step, rule_test::path, node);
      case matcher_kind::path_prefix: return fill_path(step, rule_test::path_prefix, node);
      case matcher_kind::path_regexp:
        step.test = rule_test::path_regexp;
        return fill_pattern(step, node, first);
      case matcher_kind::method:
        step.test = rule_test::method;
        step.first = keep(ascii::to_upper(first));
        return {};
      case matcher_kind::header:
        step.test = rule_test::header;
        step.first = keep(first);
        step.second = keep(node.arguments[1]);
        return {};
      case matcher_kind::header_regexp:
        step.test = rule_test::header_regexp;
        step.first = keep(first);
        return fill_pattern(step, node, node.arguments[1]);
      case matcher_kind::query_regexp:
        step.first = keep(first);
        if (node.arguments.size() == 2) {
          step.test = rule_test::query_regexp;
          return fill_pattern(step, node, node.arguments[1]);
        }
        step.test = rule_test::query;
        return {};
      case matcher_kind::query:
        step.test = rule_test::query;
        step.first = keep(first);
        if (node.arguments.size() == 2) step.second = keep(node.arguments[1]);
        return {};
      case matcher_kind::client_ip: return fill_range(step, node);
    }
    return {};
  }

  result<void> fill_host(rule_step& step, const rule_node& node) {
    const std::string& written = node.arguments.front();
    if (!is_ascii(written)) return not_ascii(node);
    const std::string host = canonical_host(written);
    if (host == "*") {
      step.test = rule_test::any_host;
    } else if (host.starts_with("*.")) {
      step.test = rule_test::host_below;
      step.first = keep(std::string_view(host).substr(2));
    } else {
      step.test = rule_test::host;
      step.first = keep(host);
    }
    return {};
  }

  result<void> fill_host_regexp(rule_step& step, const rule_node& node) {
    const std::string& pattern = node.arguments.front();
    if (!is_ascii(pattern)) return not_ascii(node);
    // The rule of a redirecting entry point; every plain request meets it, so it is no pattern.
    if (pattern == "^.+$") {
      step.test = rule_test::some_host;
      return {};
    }
    step.test = rule_test::host_regexp;
    return fill_pattern(step, node, pattern);
  }

  result<void> fill_path(rule_step& step, rule_test test, const rule_node& node) {
    const std::string& path = node.arguments.front();
    if (path.front() != '/')
      return rule_fault(fault_kind::invalid, node.column,
                        fmt::format("expected a path that starts with '/', got '{}'", path));
    step.test = test;
    step.first = keep(path);
    return {};
  }

  result<void> fill_range(rule_step& step, const rule_node& node) {
    const auto range = ip_range::parse(node.arguments.front());
    if (!range) return rule_fault(fault_kind::invalid, node.column, range.error().detail);
    step.test = rule_test::client_ip;
    step.index = static_cast<std::uint32_t>(out_.ranges.size());
    out_.ranges.push_back(*range);
    return {};
  }

  result<void> fill_pattern(rule_step& step, const rule_node& node, const std::string& pattern) {
    auto compiled = regexp::compile(pattern);
    if (!compiled) return rule_fault(fault_kind::invalid, node.column, compiled.error().detail);
    step.index = static_cast<std::uint32_t>(out_.patterns.size());
    out_.patterns.push_back(std::move(*compiled));
    return {};
  }

  static bool is_ascii(std::string_view text) noexcept {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  }
  static fault not_ascii(const rule_node& node) {
    return rule_fault(fault_kind::invalid, node.column,
                      fmt::format("expected ASCII (punycode for other scripts) in {}, got '{}'",
                                  to_string(node.matcher), node.arguments.front()));
  }

  /// A view that lives as long as the program. The literals together are never longer than the
  /// rule: no escape of a Go literal is shorter than the bytes it stands for.
  std::string_view keep(std::string_view text) {
    const std::size_t at = out_.literals.size();
    out_.literals.append(text);
    return std::string_view(out_.literals).substr(at);
  }

 public:
  static std::string canonical_host(std::string_view written) {
    if (written.ends_with('.')) written.remove_suffix(1);
    return ascii::to_lower(written);
  }

 private:
  rule::program& out_;
};

void add_unique(std::vector<std::string>& list, std::string text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
}

void collect_hosts(const rule_node& node, std::vector<std::string>& out) {
  for (const auto& child : node.children) collect_hosts(child, out);
  if (node.what != rule_node::kind::matcher || node.matcher != matcher_kind::host) return;
  if (auto host = compiler::canonical_host(node.arguments.front()); host != "*")
    add_unique(out, std::move(host));
}

using host_set = std::optional<std::vector<std::string>>;  ///< none = any host may match

/// Hosts (or `*.parent`) of which each match of |node| has one.
host_set needed_hosts(const rule_node& node, bool negated) {
  if (node.what == rule_node::kind::not_of) return needed_hosts(node.children.front(), !negated);
  if (node.what == rule_node::kind::matcher) {
    if (negated || node.matcher != matcher_kind::host) return std::nullopt;
    auto host = compiler::canonical_host(node.arguments.front());
    if (host == "*") return std::nullopt;
    return std::vector{std::move(host)};
  }
  const bool all = (node.what == rule_node::kind::all_of) != negated;
  if (all) {  // any child's set will do: the smallest
    host_set best;
    for (const auto& child : node.children)
      if (auto set = needed_hosts(child, negated); set && (!best || set->size() < best->size()))
        best = std::move(set);
    return best;
  }
  std::vector<std::string> joined;
  for (const auto& child : node.children) {
    auto set = needed_hosts(child, negated);
    if (!set) return std::nullopt;
    joined.insert(joined.end(), std::make_move_iterator(set->begin()),
                  std::make_move_iterator(set->end()));
  }
  std::sort(joined.begin(), joined.end());
  joined.erase(std::unique(joined.begin(), joined.end()), joined.end());
  return joined;
}

}  // namespace

result<std::shared_ptr<const rule::program>> compile_rule(std::string_view text) {
  const auto tree = parse_rule_syntax(text);
  if (!tree) return tree.error();
  auto out = std::make_shared<rule::program>();
  out->text = text;
  out->literals.reserve(text.size());
  const auto entry = compiler(*out).emit(*tree, rule_accept, rule_reject);
  if (!entry) return entry.error();
  out->entry = *entry;
  collect_hosts(*tree, out->hosts);
  out->sites = needed_hosts(*tree, false).value_or(std::vector<std::string>{""});
  return std::shared_ptr<const rule::program>(std::move(out));
}

}  // namespace stagedoor::http
