// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/rule.hpp"

#include "runtime/http/ip_range.hpp"
#include "runtime/http/query.hpp"
#include "runtime/http/rule_program.hpp"

#include <array>

namespace stagedoor::http {
namespace {

bool is_one_label_below(std::string_view host, std::string_view parent) noexcept {
  const auto dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && host.substr(dot + 1) == parent;
}

/// Runs the pattern on the decoded value; short values are decoded on the stack.
bool searches_decoded(const regexp& pattern, std::string_view escaped) {
  std::array<char, 256> near{};
  std::string far;
  char* out = near.data();
  if (escaped.size() > near.size()) {
    far.resize(escaped.size());
    out = far.data();
  }
  query_decoder decoder(escaped);
  std::size_t size = 0;
  for (int c = decoder.next(); c >= 0; c = decoder.next()) out[size++] = static_cast<char>(c);
  return pattern.search({out, size});
}

template <class Test>
bool any_value(const field_list& fields, std::string_view name, Test&& test) {
  for (const auto& f : fields.all())
    if (ascii::iequals(f.name, name) && test(f.value)) return true;
  return false;
}

bool holds(const rule_step& s, const rule::program& p, const request_facts& r) {
  const request_head& head = *r.head;
  switch (s.test) {
    case rule_test::host: return !head.host.empty() && head.host == s.first;
    case rule_test::host_below: return is_one_label_below(head.host, s.first);
    case rule_test::any_host: return true;
    case rule_test::some_host: return !head.host.empty();
    case rule_test::host_regexp: return p.patterns[s.index].search(head.host);
    case rule_test::path: return head.path == s.first;
    case rule_test::path_prefix: return head.path.substr(0, s.first.size()) == s.first;
    case rule_test::path_regexp: return p.patterns[s.index].search(head.path);
    case rule_test::method: return head.method == s.first;
    case rule_test::header:
      return any_value(head.fields, s.first, [&](std::string_view v) { return v == s.second; });
    case rule_test::header_regexp:
      return any_value(head.fields, s.first,
                       [&](std::string_view v) { return p.patterns[s.index].search(v); });
    case rule_test::query:
      return any_query_value(head.query, s.first,
                             [&](std::string_view v) { return query_equals(v, s.second); });
    case rule_test::query_regexp:
      return any_query_value(head.query, s.first, [&](std::string_view v) {
        return searches_decoded(p.patterns[s.index], v);
      });
    case rule_test::client_ip: return p.ranges[s.index].contains(r.connection->client);
  }
  return false;
}

}  // namespace

result<rule> rule::parse(std::string_view text) {
  auto compiled = compile_rule(text);
  if (!compiled) return std::move(compiled).error();
  return rule(std::move(*compiled));
}

bool rule::matches(const request_facts& request) const {
  if (program_ == nullptr) return false;
  std::uint32_t at = program_->entry;
  while (at < rule_reject) {
    const rule_step& s = program_->steps[at];
    at = holds(s, *program_, request) ? s.on_true : s.on_false;
  }
  return at == rule_accept;
}

std::string_view rule::text() const noexcept {
  return program_ != nullptr ? std::string_view(program_->text) : std::string_view{};
}

const std::vector<std::string>& rule::hosts() const noexcept {
  static const std::vector<std::string> none;
  return program_ != nullptr ? program_->hosts : none;
}

const std::vector<std::string>& rule::sites() const noexcept {
  static const std::vector<std::string> none;
  return program_ != nullptr ? program_->sites : none;
}

}  // namespace stagedoor::http
