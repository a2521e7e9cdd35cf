// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/rule_syntax.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/http/go_string.hpp"
#include "runtime/http/rule.hpp"

#include <array>
#include <fmt/format.h>
#include <optional>

namespace stagedoor::http {
namespace {

struct matcher_entry {
  std::string_view name;
  matcher_kind kind;
  std::size_t least;  ///< arguments
  std::size_t most;
};

constexpr std::array matchers{
    matcher_entry{"Host", matcher_kind::host, 1, 1},
    matcher_entry{"HostRegexp", matcher_kind::host_regexp, 1, 1},
    matcher_entry{"Path", matcher_kind::path, 1, 1},
    matcher_entry{"PathPrefix", matcher_kind::path_prefix, 1, 1},
    matcher_entry{"PathRegexp", matcher_kind::path_regexp, 1, 1},
    matcher_entry{"Method", matcher_kind::method, 1, 1},
    matcher_entry{"Header", matcher_kind::header, 2, 2},
    matcher_entry{"HeaderRegexp", matcher_kind::header_regexp, 2, 2},
    matcher_entry{"Query", matcher_kind::query, 1, 2},
    matcher_entry{"QueryRegexp", matcher_kind::query_regexp, 1, 2},
    matcher_entry{"ClientIP", matcher_kind::client_ip, 1, 1},
};

/// Four spellings are accepted: as declared, all lower, all upper, first letter upper only.
bool spells(std::string_view written, std::string_view declared) {
  if (written == declared) return true;
  if (!ascii::iequals(written, declared)) return false;
  const std::string lower = ascii::to_lower(declared);
  return written == lower || written == ascii::to_upper(declared) ||
         (written.front() == declared.front() && written.substr(1) == lower.substr(1));
}

const matcher_entry* find_matcher(std::string_view written) {
  for (const auto& m : matchers)
    if (spells(written, m.name)) return &m;
  return nullptr;
}

/// Recursive descent; each function leaves at_ behind what it took.
class parser {
 public:
  explicit parser(std::string_view text) noexcept : text_(text) {}

  result<rule_node> parse() {
    auto whole = parse_any_of();
    if (!whole) return whole;
    skip_blanks();
    if (at_ != text_.size()) return expected("'&&', '||' or the end of the rule");
    return whole;
  }

 private:
  result<rule_node> parse_any_of() {
    return parse_list(rule_node::kind::any_of, "||", &parser::parse_all_of);
  }
  result<rule_node> parse_all_of() {
    return parse_list(rule_node::kind::all_of, "&&", &parser::parse_operand);
  }

  result<rule_node> parse_list(rule_node::kind what, std::string_view separator,
                               result<rule_node> (parser::*parse_item)()) {
    auto first = (this->*parse_item)();
    if (!first || !take(separator)) return first;
    rule_node list;
    list.what = what;
    list.column = first->column;
    list.children.push_back(std::move(*first));
    do {
      auto next = (this->*parse_item)();
      if (!next) return next;
      list.children.push_back(std::move(*next));
    } while (take(separator));
    return list;
  }

  result<rule_node> parse_operand() {
    skip_blanks();
    if (depth_ == max_rule_depth)
      return rule_fault(fault_kind::too_large, at_ + 1,
                        fmt::format("more than {} nested parentheses", max_rule_depth));
    if (take("!")) {
      rule_node negation;
      negation.what = rule_node::kind::not_of;
      negation.column = at_;
      ++depth_;
      auto operand = parse_operand();
      --depth_;
      if (!operand) return operand;
      negation.children.push_back(std::move(*operand));
      return negation;
    }
    if (take("(")) {
      ++depth_;
      auto inner = parse_any_of();
      --depth_;
      if (!inner) return inner;
      if (!take(")")) return expected("')'");
      return inner;
    }
    return parse_matcher();
  }

  result<rule_node> parse_matcher() {
    const std::size_t start = at_;
    while (at_ < text_.size() && (ascii::is_alpha(text_[at_]) || ascii::is_digit(text_[at_])))
      ++at_;
    const auto name = text_.substr(start, at_ - start);
    if (name.empty()) return expected("a matcher such as Host(`example.com`)");
    const matcher_entry* const entry = find_matcher(name);
    if (entry == nullptr)
      return rule_fault(fault_kind::invalid, start + 1,
                        fmt::format("expected a matcher ({}), got '{}'", names(), name));
    if (++matchers_ > max_rule_matchers)
      return rule_fault(fault_kind::too_large, start + 1,
                        fmt::format("more than {} matchers", max_rule_matchers));
    rule_node node;
    node.matcher = entry->kind;
    node.column = start + 1;
    if (!take("(")) return expected("'('");
    if (auto taken = parse_arguments(node); !taken) return std::move(taken).error();
    if (const auto count = node.arguments.size(); count < entry->least || count > entry->most)
      return rule_fault(fault_kind::invalid, node.column,
                        fmt::format("expected {} argument{} for {}, got {}", arity(*entry),
                                    entry->most == 1 ? "" : "s", entry->name, count));
    return node;
  }

  result<void> parse_arguments(rule_node& node) {
    if (take(")")) return {};
    for (;;) {
      skip_blanks();
      const std::size_t column = at_ + 1;
      auto literal = read_go_string(text_, at_);
      if (!literal) {
        if (literal.error().kind == fault_kind::not_found)
          return expected("a literal in backticks or double quotes");
        return rule_fault(fault_kind::malformed, at_ + 1, literal.error().detail);
      }
      if (literal->empty())
        return rule_fault(fault_kind::invalid, column, "expected a value, got an empty literal");
      node.arguments.push_back(std::move(*literal));
      if (take(")")) return {};
      if (!take(",")) return expected("',' or ')'");
    }
  }

  static std::string arity(const matcher_entry& e) {
    return e.least == e.most ? fmt::format("{}", e.least)
                             : fmt::format("{} or {}", e.least, e.most);
  }

  static std::string names() {
    std::string all;
    for (const auto& m : matchers) all.append(all.empty() ? "" : ", ").append(m.name);
    return all;
  }

  void skip_blanks() noexcept {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  bool take(std::string_view token) noexcept {
    skip_blanks();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  fault expected(std::string_view what) {
    skip_blanks();
    const std::string got =
        at_ < text_.size() ? fmt::format("'{}'", printable(text_[at_])) : "the end of the rule";
    return rule_fault(fault_kind::malformed, at_ + 1,
                      fmt::format("expected {}, got {}", what, got));
  }
  static std::string printable(char c) {
    if (c >= 0x20 && c < 0x7f) return std::string(1, c);
    return fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t matchers_ = 0;
};

}  // namespace

std::string_view to_string(matcher_kind kind) noexcept {
  for (const auto& m : matchers)
    if (m.kind == kind) return m.name;
  return "?";
}

fault rule_fault(fault_kind kind, std::size_t column, std::string_view detail) {
  return {kind, fault_side::operator_input, retryable::no,
          fmt::format("column {}: {}", column, detail)};
}

result<rule_node> parse_rule_syntax(std::string_view text) {
  if (text.size() > max_rule_bytes)
    return rule_fault(
        fault_kind::too_large, 1,
        fmt::format("expected at most {} bytes, got {}", max_rule_bytes, text.size()));
  return parser(text).parse();
}

}  // namespace stagedoor::http
