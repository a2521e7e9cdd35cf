// SPDX-License-Identifier: Apache-2.0
// The pairs of a query string, decoded one at a time.
//
// As Go's url.ParseQuery: '+' is a blank, a pair with a bad escape does not exist. ';' separates
// like '&' (Traefik rewrites it so before routing).
// Runs on: any. Bounded by: the request head; nothing is copied unless the caller decodes.
#pragma once

#include "runtime/base/ascii.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::http {

/// One decoded byte after another; -1 at the end, -2 when an escape is malformed.
class query_decoder {
 public:
  explicit query_decoder(std::string_view escaped) noexcept : rest_(escaped) {}

  int next() noexcept {
    if (rest_.empty()) return -1;
    const char c = rest_.front();
    if (c == '%') {
      if (rest_.size() < 3) return -2;
      const int high = ascii::hex_value(rest_[1]);
      const int low = ascii::hex_value(rest_[2]);
      if (high < 0 || low < 0) return -2;
      rest_.remove_prefix(3);
      return high * 16 + low;
    }
    rest_.remove_prefix(1);
    return c == '+' ? ' ' : static_cast<unsigned char>(c);
  }

 private:
  std::string_view rest_;
};

[[nodiscard]] inline bool query_equals(std::string_view escaped, std::string_view plain) noexcept {
  query_decoder decoder(escaped);
  for (const char want : plain)
    if (decoder.next() != static_cast<unsigned char>(want)) return false;
  return decoder.next() == -1;
}

[[nodiscard]] inline bool query_well_formed(std::string_view escaped) noexcept {
  query_decoder decoder(escaped);
  int c = 0;
  while (c >= 0) c = decoder.next();
  return c == -1;
}

/// The escaped values under |key|; stops when |visit| returns true and then returns true.
template <class Visit>
[[nodiscard]] bool any_query_value(std::string_view query, std::string_view key, Visit&& visit) {
  while (!query.empty()) {
    const auto end = query.find_first_of("&;");
    const auto pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    const auto equals = pair.find('=');
    const auto value =
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    if (!pair.empty() && query_equals(pair.substr(0, equals), key) && query_well_formed(value) &&
        visit(value))
      return true;
  }
  return false;
}

}  // namespace stagedoor::http
