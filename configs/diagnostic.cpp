// SPDX-License-Identifier: Apache-2.0
#include "configs/diagnostic.hpp"

#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

namespace stagedoor::configs {

namespace {

/// Keys and a library's own words may hold anything: nothing in them may end a line.
std::string printable(std::string_view message) {
  std::string out;
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string to_string(const location& at) {
  if (at.line == 0) return at.file;
  if (at.column == 0) return fmt::format("{}:{}", at.file, at.line);
  return fmt::format("{}:{}:{}", at.file, at.line, at.column);
}

std::string to_string(const diagnostic& d) {
  const std::string_view level = d.level == severity::error ? "error" : "warning";
  const std::string where = to_string(d.at);
  return where.empty() ? fmt::format("{}: {}", level, d.message)
                       : fmt::format("{}: {}: {}", where, level, d.message);
}

void diagnostics::error(location at, std::string message) {
  add({severity::error, std::move(at), std::move(message)});
}

void diagnostics::warning(location at, std::string message) {
  add({severity::warning, std::move(at), std::move(message)});
}

void diagnostics::expected(location at, std::string_view what, std::string_view wanted,
                           std::string_view got) {
  error(std::move(at), what.empty() ? fmt::format("expected {}, got {}", wanted, got)
                                    : fmt::format("{}: expected {}, got {}", what, wanted, got));
}

void diagnostics::add(diagnostic d) {
  d.message = printable(d.message);
  ++(d.level == severity::error ? errors_ : warnings_);
  if (all_.size() < defaults::diagnostics) all_.push_back(std::move(d));
}

void diagnostics::append(const diagnostics& others) {
  const std::size_t room = defaults::diagnostics - all_.size();
  const auto count = static_cast<std::ptrdiff_t>(std::min(room, others.all_.size()));
  all_.insert(all_.end(), others.all_.begin(), others.all_.begin() + count);
  errors_ += others.errors_;
  warnings_ += others.warnings_;
}

std::vector<diagnostic> diagnostics::sorted() const {
  std::map<std::string_view, std::size_t> rank;
  for (const auto& d : all_) rank.try_emplace(d.at.file, rank.size());
  std::vector<diagnostic> out = all_;
  const auto key = [&](const diagnostic& d) {
    return std::tuple(rank.find(d.at.file)->second, d.at.line, d.at.column);
  };
  std::stable_sort(out.begin(), out.end(),
                   [&](const auto& a, const auto& b) { return key(a) < key(b); });
  return out;
}

std::string diagnostics::print() const {
  std::string out;
  for (const auto& d : sorted()) out += to_string(d) + "\n";
  if (const auto more = errors_ + warnings_ - all_.size(); more > 0)
    out += fmt::format("and {} more\n", more);
  return out;
}

std::string shown(std::string_view text) {
  constexpr std::size_t limit = 60;
  std::string out = "\"";
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + (text.size() > limit ? "\"..." : "\"");
}

namespace {

/// Edits that make `b` of `a`: a letter put in, taken out or changed, or two neighbours swapped.
/// Case is ignored.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  const auto same = [&](std::size_t i, std::size_t j) {
    return ascii::lower(a[i]) == ascii::lower(b[j]);
  };
  for (std::size_t i = 0; i < a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({last[j] + (same(i, j) ? 0U : 1U), last[j + 1] + 1, row[j] + 1});
      if (i > 0 && j > 0 && same(i, j - 1) && same(i - 1, j))
        row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  constexpr std::size_t longest = 64;  // no key is longer, and the distance costs length squared
  if (word.size() > longest) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto candidate : candidates) {
    const std::size_t d = distance(word, candidate);
    // A distance of the whole length shares no letter: "a" is not a misspelt "b".
    if (d < best_distance && d < candidate.size()) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates) {
  const auto near = nearest(word, candidates);
  return near.empty() ? std::string{} : fmt::format("; did you mean {}?", shown(near));
}

}  // namespace stagedoor::configs
