// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/team_spec_json.hpp"

#include "runtime/base/ascii.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace stagedoor::actors {
namespace {

using nlohmann::json;

fault invalid(std::string detail) {
  return {fault_kind::invalid, fault_side::client, retryable::no, std::move(detail)};
}

result<std::vector<std::string>> strings_of(const json& value, std::string_view field,
                                            std::size_t limit) {
  if (!value.is_array()) return invalid(fmt::format("{}: expected a list of strings", field));
  if (value.size() > limit)
    return fault{
        fault_kind::too_large, fault_side::client, retryable::no,
        fmt::format("{}: expected at most {} entries, got {}", field, limit, value.size())};
  std::vector<std::string> out;
  for (const auto& item : value) {
    if (!item.is_string()) return invalid(fmt::format("{}: expected a list of strings", field));
    out.push_back(item.get<std::string>());
  }
  return out;
}

result<std::vector<std::string>> servers_of(const json& value, std::string_view field) {
  auto urls = strings_of(value, field, max_servers);
  if (!urls) return urls;
  for (const auto& url : *urls)
    if (const auto parsed = parse_server_url(url); !parsed)
      return invalid(fmt::format("{}: {}", field, parsed.error().detail));
  return urls;
}

result<messages::health_policy> health_of(const json& value) {
  if (!value.is_object()) return invalid("health: expected an object with path and interval_ms");
  messages::health_policy out;
  for (const auto& [key, item] : value.items()) {
    if (key == "path") {
      if (!item.is_string() || item.get_ref<const std::string&>().rfind('/', 0) != 0)
        return invalid("health.path: expected a string that starts with /");
      out.path = item.get<std::string>();
    } else if (key == "interval_ms") {
      if (!item.is_number_unsigned() || item.get<std::uint64_t>() > 3'600'000)
        return invalid("health.interval_ms: expected milliseconds from 0 to 3600000");
      out.interval_ms = item.get<std::uint32_t>();
    } else {
      return invalid(fmt::format("health: unknown field \"{}\"", key));
    }
  }
  return out;
}

}  // namespace

result<void> check_slug(std::string_view slug) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || ascii::is_digit(c) || c == '-';
  };
  if (slug.empty() || slug.size() > 63 || slug.front() == '-' || slug.back() == '-' ||
      !std::all_of(slug.begin(), slug.end(), allowed))
    return invalid(fmt::format(
        "slug: expected 1 to 63 lower-case letters, digits and inner hyphens, got \"{}\"",
        slug.substr(0, 80)));
  return {};
}

result<server_url> parse_server_url(std::string_view url) {
  const auto bad = [&] {
    return invalid(fmt::format("expected http://host:port, got \"{}\"", url.substr(0, 200)));
  };
  constexpr std::string_view scheme = "http://";
  if (url.rfind("https://", 0) == 0)
    return fault{
        fault_kind::unsupported, fault_side::client, retryable::no,
        fmt::format("https upstreams are not supported yet, got \"{}\"", url.substr(0, 200))};
  if (url.rfind(scheme, 0) != 0) return bad();
  std::string_view rest = url.substr(scheme.size());
  if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  server_url out;
  out.authority = std::string(rest);
  std::string_view host = rest;
  std::string_view port;
  if (!rest.empty() && rest.front() == '[') {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return bad();
    host = rest.substr(1, end - 1);
    if (end + 1 < rest.size()) {
      if (rest[end + 1] != ':') return bad();
      port = rest.substr(end + 2);
      if (port.empty()) return bad();
    }
    if (host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) return bad();
  } else {
    if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
      host = rest.substr(0, colon);
      port = rest.substr(colon + 1);
      if (port.empty()) return bad();
    }
    // Names as Docker makes them may hold underscores.
    const auto allowed = [](char c) {
      return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '.' || c == '_';
    };
    if (!std::all_of(host.begin(), host.end(), allowed)) return bad();
  }
  if (host.empty() || host.size() > 253) return bad();
  out.host = std::string(host);
  if (!port.empty()) {
    const auto number = ascii::parse_number<std::uint16_t>(port);
    if (!number || *number == 0) return bad();
    out.port = *number;
  }
  return out;
}

result<messages::team_spec> parse_team_spec(std::string_view text, std::string_view domain) {
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded())
    return fault{fault_kind::malformed, fault_side::client, retryable::no,
                 "payload: expected JSON"};
  if (!document.is_object()) return invalid("payload: expected a JSON object");
  messages::team_spec spec;
  for (const auto& [key, value] : document.items()) {
    if (key == "slug") {
      if (!value.is_string()) return invalid("slug: expected a string");
      spec.slug = value.get<std::string>();
    } else if (key == "api" || key == "web") {
      auto urls = servers_of(value, key);
      if (!urls) return std::move(urls).error();
      (key == "api" ? spec.api : spec.web) = *std::move(urls);
    } else if (key == "middlewares") {
      auto names = strings_of(value, key, max_middlewares);
      if (!names) return std::move(names).error();
      spec.middlewares = *std::move(names);
    } else if (key == "health") {
      auto health = health_of(value);
      if (!health) return std::move(health).error();
      spec.health = *std::move(health);
    } else {
      return invalid(fmt::format(
          "payload: unknown field \"{}\" (expected slug, api, web, middlewares, health)", key));
    }
  }
  if (spec.slug.empty()) return invalid("slug: missing");
  if (const auto checked = check_slug(spec.slug); !checked) return checked.error();
  if (spec.api.empty() && spec.web.empty())
    return invalid("payload: expected at least one server in api or web");
  spec.host = fmt::format("{}.{}", spec.slug, domain);
  if (spec.host.size() > 253) return invalid("slug: the host name would exceed 253 bytes");
  return spec;
}

std::string to_json(const messages::team_spec& spec) {
  json out = {{"slug", spec.slug}};
  if (!spec.api.empty()) out["api"] = spec.api;
  if (!spec.web.empty()) out["web"] = spec.web;
  if (!spec.middlewares.empty()) out["middlewares"] = spec.middlewares;
  if (!spec.health.path.empty() || spec.health.interval_ms != 0)
    out["health"] = {{"interval_ms", spec.health.interval_ms}};
  if (!spec.health.path.empty()) out["health"]["path"] = spec.health.path;
  return out.dump();
}

std::string server_event_json(std::string_view slug, std::string_view url, std::string_view status,
                              std::string_view reason) {
  json out{{"team", slug}, {"server", url}, {"status", status}};
  if (!reason.empty()) out["reason"] = reason;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string team_service(std::string_view slug, std::string_view part) {
  return fmt::format("{}-{}@stagedoor", slug, part);
}

std::string team_event_json(std::string_view slug, std::string_view host, std::string_view status) {
  return json{{"team", slug}, {"host", host}, {"status", status}}.dump();
}

}  // namespace stagedoor::actors
