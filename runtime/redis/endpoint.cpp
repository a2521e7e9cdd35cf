// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/endpoint.hpp"

#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::redis {
namespace {

constexpr std::size_t max_url = 4096;
constexpr std::size_t max_hosts = 16;
constexpr std::size_t max_host_name = 253;  // RFC 1035 section 2.3.4, as text
constexpr std::uint32_t max_database = 65535;

fault wrong(std::string detail) {
  return {fault_kind::invalid, fault_side::operator_input, retryable::no, std::move(detail)};
}

bool has_control(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte == 0x7F;
  });
}

result<std::string> decoded(std::string_view text, std::string_view what) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? ascii::hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? ascii::hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      return wrong(fmt::format("redis URL: the {} has a % without two hexadecimal digits", what));
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

result<host_port> parse_host(std::string_view text, std::uint16_t port) {
  host_port parsed{.host = {}, .port = port};
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return wrong("redis URL: '[' without ']' in the host");
    parsed.host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':'))
      return wrong("redis URL: expected ':port' after ']'");
  } else {
    const auto colon = text.find(':');
    parsed.host = text.substr(0, colon);
    if (colon != std::string_view::npos) rest = text.substr(colon);
  }
  if (parsed.host.empty() || parsed.host.size() > max_host_name)
    return wrong("redis URL: expected a host name or address");
  if (!rest.empty()) {
    const auto number = ascii::parse_number<std::uint16_t>(rest.substr(1));
    if (!number || *number == 0)
      return wrong(fmt::format("redis URL: '{}' is no port (1 to 65535)", rest.substr(1)));
    parsed.port = *number;
  }
  return parsed;
}

result<void> parse_credentials(std::string_view text, endpoint& into) {
  const auto colon = text.find(':');
  auto user = decoded(text.substr(0, colon), "user");
  if (!user) return std::move(user).error();
  auto password = decoded(
      colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1), "password");
  if (!password) return std::move(password).error();
  if (password->empty() && !user->empty())
    return wrong("redis URL: a user needs a password ('user:password@' or ':password@')");
  into.user = *std::move(user);
  into.password = *std::move(password);
  return {};
}

result<void> parse_query(std::string_view text, endpoint& into) {
  for (const auto pair : ascii::split(text, '&')) {
    const auto equals = pair.find('=');
    const auto name = pair.substr(0, equals);
    if (name != "sentinel-password" || !into.by_sentinel() || equals == std::string_view::npos)
      return wrong(fmt::format("redis URL: unknown parameter '{}'", name));
    auto value = decoded(pair.substr(equals + 1), "sentinel-password");
    if (!value) return std::move(value).error();
    into.sentinel_password = *std::move(value);
  }
  return {};
}

result<void> parse_database(std::string_view text, endpoint& into) {
  if (text.empty()) return {};
  const auto number = ascii::parse_number<std::uint32_t>(text);
  if (!number || *number > max_database)
    return wrong(fmt::format("redis URL: '{}' is no database number", text));
  into.database = *number;
  return {};
}

result<void> parse_path(std::string_view path, bool sentinel, endpoint& into) {
  if (!sentinel) return parse_database(path, into);
  const auto slash = path.find('/');
  auto master = decoded(path.substr(0, slash), "master name");
  if (!master) return std::move(master).error();
  if (master->empty() || has_control(*master))
    return wrong("redis URL: redis+sentinel needs the master's name: /master-name[/database]");
  into.master = *std::move(master);
  return parse_database(
      slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1), into);
}

result<void> parse_hosts(std::string_view text, bool sentinel, endpoint& into) {
  const auto names = ascii::split(text, ',');
  if (names.size() > (sentinel ? max_hosts : 1))
    return wrong(sentinel ? fmt::format("redis URL: more than {} Sentinels", max_hosts)
                          : std::string("redis URL: several hosts need redis+sentinel://"));
  for (const auto name : names) {
    auto host = parse_host(name, sentinel ? default_sentinel_port : default_port);
    if (!host) return std::move(host).error();
    into.hosts.push_back(*std::move(host));
  }
  return {};
}

}  // namespace

std::string host_port::to_string() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

result<endpoint> endpoint::parse(std::string_view url) {
  if (url.size() > max_url)
    return fault{fault_kind::too_large, fault_side::operator_input, retryable::no,
                 fmt::format("redis URL: more than {} bytes", max_url)};
  if (has_control(url)) return wrong("redis URL: blanks and control characters are not allowed");
  const auto scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos)
    return wrong("redis URL: expected redis://, rediss:// or redis+sentinel://");
  const auto scheme = ascii::to_lower(url.substr(0, scheme_end));
  const bool sentinel = scheme == "redis+sentinel";
  if (!sentinel && scheme != "redis" && scheme != "rediss")
    return wrong("redis URL: expected redis://, rediss:// or redis+sentinel://");

  auto rest = url.substr(scheme_end + 3);
  std::string_view query;
  if (const auto mark = rest.find('?'); mark != std::string_view::npos) {
    query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  const auto slash = rest.find('/');
  auto authority = rest.substr(0, slash);
  const auto path = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);

  endpoint parsed;
  parsed.security = scheme == "rediss" ? transport::tls : transport::plain;
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    if (auto ok = parse_credentials(authority.substr(0, at), parsed); !ok)
      return std::move(ok).error();
    authority.remove_prefix(at + 1);
  }
  if (auto ok = parse_hosts(authority, sentinel, parsed); !ok) return std::move(ok).error();
  if (auto ok = parse_path(path, sentinel, parsed); !ok) return std::move(ok).error();
  if (!query.empty())
    if (auto ok = parse_query(query, parsed); !ok) return std::move(ok).error();
  return parsed;
}

std::string endpoint::to_string() const {
  std::string out = by_sentinel()                ? "redis+sentinel://"
                    : security == transport::tls ? "rediss://"
                                                 : "redis://";
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (i > 0) out += ',';
    out += hosts[i].to_string();
  }
  if (by_sentinel()) out += '/' + master;
  return out + '/' + std::to_string(database);
}

}  // namespace stagedoor::redis
