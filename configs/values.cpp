// SPDX-License-Identifier: Apache-2.0
#include "configs/values.hpp"

#include "configs/defaults.hpp"
#include "configs/diagnostic.hpp"
#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <utility>

namespace stagedoor::configs {
namespace {

fault malformed(std::string detail) {
  return {fault_kind::malformed, fault_side::operator_input, retryable::no, std::move(detail)};
}

fault too_large(std::string detail) {
  return {fault_kind::too_large, fault_side::operator_input, retryable::no, std::move(detail)};
}

struct unit {
  std::string_view name;
  std::int64_t nanos;
};
// Longer names first: "ms" must not be read as "m" followed by "s".
constexpr std::array units = {
    unit{"ns", 1},
    unit{"us", 1'000},
    unit{"\u00b5s", 1'000},
    unit{"\u03bcs", 1'000},
    unit{"ms", 1'000'000},
    unit{"s", 1'000'000'000},
    unit{"m", 60'000'000'000},
    unit{"h", 3'600'000'000'000},
};

constexpr auto wide_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

/// Takes the digits at the front of `text`; false when they do not fit.
bool take_digits(std::string_view& text, std::uint64_t& value, std::uint64_t& scale) {
  value = 0;
  scale = 1;
  while (!text.empty() && ascii::is_digit(text.front())) {
    if (value > (wide_max - 9) / 10 || scale > wide_max / 10) return false;
    value = value * 10 + static_cast<std::uint64_t>(text.front() - '0');
    scale *= 10;
    text.remove_prefix(1);
  }
  return true;
}

}  // namespace

environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe)
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

result<nanoseconds> parse_go_duration(std::string_view text) {
  const auto wrong = [&] { return malformed("a duration such as 30s, 1m30s or 500ms"); };
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) rest.remove_prefix(1);
  if (rest == "0") return nanoseconds{0};
  if (rest.empty()) return wrong();
  std::uint64_t total = 0;
  while (!rest.empty()) {
    std::uint64_t whole = 0, fraction = 0, scale = 1;
    const auto before = rest.size();
    if (!take_digits(rest, whole, scale)) return too_large("a duration below 292 years");
    bool digits = rest.size() != before;
    scale = 1;
    if (!rest.empty() && rest.front() == '.') {
      rest.remove_prefix(1);
      const auto point = rest.size();
      if (!take_digits(rest, fraction, scale)) return wrong();
      digits = digits || rest.size() != point;
    }
    const auto found = std::find_if(units.begin(), units.end(), [&](const unit& u) {
      return rest.substr(0, u.name.size()) == u.name;
    });
    if (!digits || found == units.end()) return wrong();
    rest.remove_prefix(found->name.size());
    const auto nanos = static_cast<std::uint64_t>(found->nanos);
    if (whole > wide_max / nanos) return too_large("a duration below 292 years");
    const auto part = static_cast<std::uint64_t>(
        static_cast<double>(fraction) * (static_cast<double>(nanos) / static_cast<double>(scale)));
    const std::uint64_t sum = whole * nanos + part;
    if (sum > wide_max || total > wide_max - sum) return too_large("a duration below 292 years");
    total += sum;
  }
  const auto count = static_cast<std::int64_t>(total);
  return nanoseconds{negative ? -count : count};
}

result<nanoseconds> parse_duration(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  const auto digits = negative ? text.substr(1) : text;
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), ascii::is_digit))
    return parse_go_duration(text);
  const auto count = ascii::parse_number<std::int64_t>(digits);
  if (!count || *count > std::numeric_limits<std::int64_t>::max() / 1'000'000'000)
    return too_large("a duration below 292 years");
  return nanoseconds{std::chrono::seconds{negative ? -*count : *count}};
}

std::optional<bool> parse_bool(std::string_view text) noexcept {
  constexpr std::array yes = {"1", "t", "T", "TRUE", "true", "True"};
  constexpr std::array no = {"0", "f", "F", "FALSE", "false", "False"};
  if (std::find(yes.begin(), yes.end(), text) != yes.end()) return true;
  if (std::find(no.begin(), no.end(), text) != no.end()) return false;
  return std::nullopt;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  if (ascii::trim(text).empty()) return out;
  for (const auto part : ascii::split(text, ',')) out.emplace_back(ascii::trim(part));
  return out;
}

bool is_label(std::string_view text) noexcept {
  if (text.empty() || text.size() > 63 || text.front() == '-' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-'; });
}

bool is_host_name(std::string_view text) noexcept {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return false;
  for (;;) {
    const auto dot = text.find('.');
    auto label = text.substr(0, dot);
    if (!label.empty() && label.front() == '_') label.remove_prefix(1);
    if (!is_label(label)) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_ipv4(std::string_view text) {
  in_addr buffer{};
  return text.size() < 16 && inet_pton(AF_INET, std::string(text).c_str(), &buffer) == 1;
}

bool is_ipv6(std::string_view text) {
  in6_addr buffer{};
  return text.size() < 46 && inet_pton(AF_INET6, std::string(text).c_str(), &buffer) == 1;
}

bool is_ip(std::string_view text) { return is_ipv4(text) || is_ipv6(text); }

bool is_ip_or_cidr(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return is_ip(text);
  const auto bits = ascii::parse_number<std::uint32_t>(text.substr(slash + 1));
  const auto address = text.substr(0, slash);
  return bits && ((is_ipv4(address) && *bits <= 32) || (is_ipv6(address) && *bits <= 128));
}

result<listen_address> parse_listen_address(std::string_view text) {
  listen_address out;
  std::string_view rest = text;
  if (const auto slash = rest.rfind('/'); slash != std::string_view::npos) {
    const auto protocol = rest.substr(slash + 1);
    if (ascii::iequals(protocol, "udp")) {
      out.protocol = listen_address::transport::udp;
    } else if (!ascii::iequals(protocol, "tcp")) {
      return malformed("an address that ends in /tcp or /udp");
    }
    rest = rest.substr(0, slash);
  }
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos) return malformed("an address such as :80 or 127.0.0.1:80");
  const auto port = ascii::parse_number<std::uint16_t>(rest.substr(colon + 1));
  if (!port) return malformed("a port from 0 to 65535 after the last colon");
  out.port = *port;
  auto host = rest.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!is_ipv6(host)) return malformed("an IPv6 address between the brackets");
  } else if (!host.empty() && !is_ipv4(host) && !is_host_name(host)) {
    return malformed(host.find(':') != std::string_view::npos
                         ? "an IPv6 address in brackets, such as [::1]:80"
                         : "an IP address or a host name before the port");
  }
  out.host = std::string(host);
  return out;
}

std::string to_string(const listen_address& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}{}", brackets ? "[" : "", address.host, brackets ? "]" : "",
                     address.port,
                     address.protocol == listen_address::transport::udp ? "/udp" : "");
}

result<std::uint16_t> offset_port(std::uint16_t port, std::uint16_t offset) {
  const std::uint32_t moved = port == 0 ? 0U : std::uint32_t{port} + offset;
  if (moved > 65535)
    return too_large(
        fmt::format("port {} plus the port_offset {} to stay below 65536", port, offset));
  return static_cast<std::uint16_t>(moved);
}

result<listen_address> with_offset(listen_address address, std::uint16_t offset) {
  const auto port = offset_port(address.port, offset);
  if (!port) return port.error();
  address.port = *port;
  return address;
}

namespace {

/// %XX decoded; nothing when an escape is broken.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? ascii::hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? ascii::hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace

result<redis_url> parse_redis_url(std::string_view text) {
  const auto wrong = [] {
    return malformed("a url such as redis://user:password@host:6379/0 or rediss://host");
  };
  redis_url out;
  constexpr std::string_view plain = "redis://", secure = "rediss://";
  out.tls = text.substr(0, secure.size()) == secure;
  if (!out.tls && text.substr(0, plain.size()) != plain) return wrong();
  text.remove_prefix(out.tls ? secure.size() : plain.size());
  if (text.find('?') != std::string_view::npos) return malformed("a redis url without a query");

  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    const auto number = text.substr(slash + 1);
    if (!number.empty()) {
      const auto database = ascii::parse_number<std::uint32_t>(number);
      if (!database || *database > 1'000'000)
        return malformed("a database number after the slash of the redis url");
      out.database = *database;
    }
    text = text.substr(0, slash);
  }
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    const auto login = text.substr(0, at);
    const auto colon = login.find(':');
    const auto user = percent_decoded(login.substr(0, colon));
    const auto password = percent_decoded(
        colon == std::string_view::npos ? std::string_view{} : login.substr(colon + 1));
    if (!user || !password)
      return malformed("valid %-escapes in the user and password of the redis url");
    out.user = *user;
    out.password = *password;
    text = text.substr(at + 1);
  }
  const bool has_port = text.rfind(':') != std::string_view::npos && !text.ends_with(']');
  const auto address = parse_listen_address(
      has_port ? std::string(text) : fmt::format("{}:{}", text, defaults::redis_port));
  if (!address || address->host.empty() || address->port == 0) return wrong();
  out.host = address->host;
  out.port = address->port;
  return out;
}

std::string to_string(const redis_url& url) {
  const std::string login =
      url.password.empty() && url.user.empty() ? "" : fmt::format("{}:***@", url.user);
  return fmt::format("{}://{}{}/{}", url.tls ? "rediss" : "redis", login,
                     to_string(listen_address{url.host, url.port, {}}), url.database);
}

std::string rooted(std::string_view root, std::string_view path) {
  const auto inside = (std::filesystem::path("/") / path).lexically_normal().relative_path();
  return (std::filesystem::path(root) / inside).string();
}

}  // namespace stagedoor::configs
