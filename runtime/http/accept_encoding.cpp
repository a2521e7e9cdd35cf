// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/accept_encoding.hpp"

#include <algorithm>
#include <array>

namespace stagedoor::http {
namespace {

constexpr int malformed = -1;
constexpr int unsaid = -2;

/// A weight in thousandths: "1", "0.5", "0.333" (RFC 9110 section 12.4.2).
int parse_weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return malformed;
  int weight = (text[0] - '0') * 1000;
  if (text.size() == 1) return weight;
  if (text[1] != '.') return malformed;
  int place = 100;
  for (const char c : text.substr(2)) {
    if (!ascii::is_digit(c)) return malformed;
    weight += (c - '0') * place;
    place /= 10;
  }
  return weight <= 1000 ? weight : malformed;
}

/// "gzip;q=0.5": the weight; 1000 without one.
int weight_of(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    const auto end = parameters.find(';');
    const auto one = ascii::trim(parameters.substr(0, end));
    if (one.size() >= 2 && ascii::lower(one[0]) == 'q' && one[1] == '=')
      return parse_weight(ascii::trim(one.substr(2)));
    parameters = end == std::string_view::npos ? std::string_view{} : parameters.substr(end + 1);
  }
  return 1000;
}

struct wishes {
  std::array<int, 4> weights{unsaid, unsaid, unsaid, unsaid};  ///< by coding
  int others = unsaid;                                         ///< "*"
};

wishes read_wishes(std::string_view header) noexcept {
  wishes w;
  while (!header.empty()) {
    const auto comma = header.find(',');
    const auto item = header.substr(0, comma);
    header = comma == std::string_view::npos ? std::string_view{} : header.substr(comma + 1);
    const auto semicolon = item.find(';');
    const auto token = ascii::trim(item.substr(0, semicolon));
    const int weight = weight_of(semicolon == std::string_view::npos ? std::string_view{}
                                                                     : item.substr(semicolon + 1));
    if (weight == malformed) continue;
    if (token == "*") {
      w.others = weight;
    } else if (const auto c = parse_coding(token)) {
      w.weights[static_cast<std::size_t>(*c)] = weight;
    }
  }
  return w;
}

}  // namespace

std::optional<coding> parse_coding(std::string_view token) noexcept {
  if (ascii::iequals(token, "gzip") || ascii::iequals(token, "x-gzip")) return coding::gzip;
  if (ascii::iequals(token, "br")) return coding::brotli;
  if (ascii::iequals(token, "zstd")) return coding::zstd;
  if (ascii::iequals(token, "identity")) return coding::identity;
  return std::nullopt;
}

std::string_view to_string(coding c) noexcept {
  switch (c) {
    case coding::identity: return "identity";
    case coding::gzip: return "gzip";
    case coding::brotli: return "br";
    case coding::zstd: return "zstd";
  }
  return "identity";
}

coding negotiate_coding(std::string_view header, std::span<const coding> offered,
                        std::optional<coding> fallback) noexcept {
  const wishes w = read_wishes(header);
  const auto said = [&](coding c) { return w.weights[static_cast<std::size_t>(c)]; };
  coding best = coding::identity;
  int best_weight = 0;
  const auto consider = [&](coding c, int weight) {
    if (weight <= best_weight) return;
    best = c;
    best_weight = weight;
  };
  for (const coding c : offered) consider(c, said(c));
  if (w.others > 0) {
    if (fallback && said(*fallback) == unsaid &&
        std::find(offered.begin(), offered.end(), *fallback) != offered.end()) {
      consider(*fallback, w.others);
    } else {
      for (const coding c : offered)
        if (said(c) == unsaid) {
          consider(c, w.others);
          break;
        }
    }
  }
  return said(coding::identity) > best_weight ? coding::identity : best;
}

}  // namespace stagedoor::http
