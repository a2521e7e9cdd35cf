// SPDX-License-Identifier: Apache-2.0
#include "runtime/client/message.hpp"

#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <curl/curl.h>
#include <fmt/format.h>

namespace stagedoor::client {

namespace {

// RFC 9110 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return ascii::is_alpha(c) || ascii::is_digit(c) || marks.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u < 0x20 && c != '\t') || u == 0x7f;
  });
}

fault invalid(std::string detail) {
  return {fault_kind::invalid, fault_side::operator_input, retryable::no, std::move(detail)};
}

}  // namespace

const std::string* response::find(std::string_view name) const noexcept {
  for (const auto& h : headers)
    if (ascii::iequals(h.name, name)) return &h.value;
  return nullptr;
}

std::optional<wall_time> http_date(const std::string& text) {
  const auto at = curl_getdate(text.c_str(), nullptr);
  if (at < 0) return std::nullopt;
  return wall_clock::from_time_t(at);
}

result<void> check(const request& r) {
  if (!is_token(r.method)) return invalid("the method of a request must be a token");
  const auto scheme = ascii::to_lower(r.url.substr(0, r.url.find(':')));
  if (scheme != "http" && scheme != "https")
    return invalid(fmt::format("expected an http or https URL, got {}", r.url.substr(0, 64)));
  for (const char c : r.url)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f)
      return invalid("a URL may not contain blanks or control characters");
  for (const auto& h : r.headers)
    if (!is_token(h.name) || !is_field_value(h.value))
      return invalid(fmt::format("header {} is not allowed in a request", h.name.substr(0, 64)));
  return {};
}

}  // namespace stagedoor::client
