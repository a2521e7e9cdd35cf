// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/regexp.hpp"

#include "runtime/base/ascii.hpp"

#include <fmt/format.h>
#include <re2/re2.h>
#include <vector>

namespace stagedoor::http {
namespace {

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const re2::StringPiece& p) {
  return p.data() != nullptr ? std::string_view(p.data(), p.size()) : std::string_view{};
}

bool is_name_byte(char c) noexcept { return ascii::is_alpha(c) || ascii::is_digit(c) || c == '_'; }

/// The group's name behind a '$' and how many bytes it takes there; nothing when it is malformed,
/// in which case Go keeps the '$' as it is.
struct reference {
  std::string_view name;
  std::size_t size = 0;  ///< 0 = malformed
};

reference read_reference(std::string_view rest) noexcept {
  const bool braced = !rest.empty() && rest.front() == '{';
  std::size_t end = braced ? 1 : 0;
  while (end < rest.size() && is_name_byte(rest[end])) ++end;
  if (!braced) return {rest.substr(0, end), end};
  if (end == 1 || end == rest.size() || rest[end] != '}') return {};
  return {rest.substr(1, end - 1), end + 1};
}

std::string_view group_of(const re2::RE2& pattern, const std::vector<re2::StringPiece>& groups,
                          std::string_view name) {
  if (const auto number = ascii::parse_number<std::size_t>(name))
    return *number < groups.size() ? view(groups[*number]) : std::string_view{};
  const auto& named = pattern.NamedCapturingGroups();
  const auto found = named.find(std::string(name));
  return found != named.end() ? view(groups[static_cast<std::size_t>(found->second)])
                              : std::string_view{};
}

void expand(std::string& out, const re2::RE2& pattern, const std::vector<re2::StringPiece>& groups,
            std::string_view replacement) {
  while (!replacement.empty()) {
    const auto dollar = replacement.find('$');
    out.append(replacement.substr(0, dollar));
    if (dollar == std::string_view::npos) return;
    replacement.remove_prefix(dollar + 1);
    if (replacement.starts_with('$')) {
      out.push_back('$');
      replacement.remove_prefix(1);
    } else if (const auto r = read_reference(replacement); r.size > 0) {
      out.append(group_of(pattern, groups, r.name));
      replacement.remove_prefix(r.size);
    } else {
      out.push_back('$');
    }
  }
}

}  // namespace

result<regexp> regexp::compile(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(regexp_memory);
  auto made = std::make_shared<const re2::RE2>(piece(pattern), options);
  if (!made->ok())
    return fault{
        fault_kind::invalid, fault_side::operator_input, retryable::no,
        fmt::format("expected a regular expression, got '{}': {}", pattern, made->error())};
  return regexp(std::move(made));
}

bool regexp::search(std::string_view text) const {
  return re2::RE2::PartialMatch(piece(text), *pattern_);
}

std::size_t regexp::match_start(std::string_view text) const {
  re2::StringPiece found;
  // Leftmost-first over the whole text, as Go's Find: a match further right is no match here.
  if (!pattern_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, &found, 1)) return 0;
  return found.data() == text.data() ? found.size() : 0;
}

std::string regexp::replace_all(std::string_view text, std::string_view replacement) const {
  std::vector<re2::StringPiece> groups(
      static_cast<std::size_t>(pattern_->NumberOfCapturingGroups()) + 1);
  std::string out;
  std::size_t from = 0;   // what is not copied yet
  std::size_t start = 0;  // where to look
  bool after_match = false;
  while (start <= text.size() &&
         pattern_->Match(piece(text), start, text.size(), re2::RE2::UNANCHORED, groups.data(),
                         static_cast<int>(groups.size()))) {
    const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
    const std::size_t size = groups[0].size();
    out.append(text.substr(from, begin - from));
    // An empty match right behind a match is not a further one.
    if (size > 0 || !after_match || begin > from) expand(out, *pattern_, groups, replacement);
    from = begin + size;
    after_match = true;
    start = from;
    if (size == 0) {
      if (from < text.size()) out.push_back(text[from]);
      from = start = from + 1;
      after_match = false;
    }
  }
  if (from < text.size()) out.append(text.substr(from));
  return out;
}

}  // namespace stagedoor::http
