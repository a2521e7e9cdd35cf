// SPDX-License-Identifier: Apache-2.0
#include "configs/settings.hpp"

#include "configs/section.hpp"
#include "configs/text_file.hpp"
#include "configs/yaml_document.hpp"
#include "runtime/base/ascii.hpp"

#include <array>
#include <filesystem>
#include <fmt/format.h>

namespace stagedoor::configs {
namespace {

std::string resolved(const std::string& folder, const std::string& path) {
  if (path.empty()) return path;
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

void read_path(section& s, std::string_view key, std::string& out) {
  s.text(key, out);
  if (out.empty()) s.error(key, "a path");
}

void read_file_setting(section& s, std::string_view key, file_setting& out) {
  out.named = s.has(key);
  out.where = s.where(key);
  s.text(key, out.path);
}

std::optional<listen_address> read_address(section& s, std::string_view key) {
  std::string text;
  s.text(key, text);
  if (text.empty()) return std::nullopt;
  const auto address = parse_listen_address(text);
  if (address && address->protocol == listen_address::transport::tcp) return *address;
  s.error(key, address ? "a TCP address" : address.error().detail);
  return std::nullopt;
}

void read_node(section& s, node_settings& out) {
  s.text("name", out.name);
  if (!is_label(out.name)) s.error("name", "letters, digits and inner hyphens, at most 63");
  read_path(s, "data_dir", out.data_dir);
  s.number("port_offset", out.port_offset, 0, 65'000);
  s.number("loops", out.loops, 0, 1'024);
}

void read_redis(section& s, redis_settings& out) {
  std::string url;
  s.text("url", url);
  out.managed = url.empty();
  bool managed = out.managed;
  s.boolean("managed", managed);
  if (!url.empty()) {
    if (managed) s.error("managed", "false beside a url");
    const auto parsed = parse_redis_url(url);
    if (parsed) {
      out.url = *parsed;
    } else {
      // The url may hold a password: it is not repeated.
      s.context().out.error(s.where("url"),
                            fmt::format("{}: expected {}", s.path("url"), parsed.error().detail));
    }
  } else if (!managed) {
    s.context().out.error(s.where("managed"),
                          fmt::format("{}: expected a url beside managed: false", s.path()));
  }
}

void read_platform(section& s, platform_settings& out) {
  s.text("domain", out.domain);
  if (!is_host_name(out.domain)) s.error("domain", "a domain name");
  s.list("zones", out.zones);
  for (const auto& zone : out.zones)
    if (!is_host_name(zone))
      s.context().out.expected(s.where("zones"), s.path("zones"), "domain names", shown(zone));
  s.list("addresses", out.addresses);
  if (out.addresses.empty()) s.error("addresses", "at least one IP address");
  for (const auto& address : out.addresses)
    if (!is_ip(address))
      s.context().out.expected(s.where("addresses"), s.path("addresses"), "IP addresses",
                               shown(address));
  out.domain = ascii::to_lower(out.domain);
  for (auto& zone : out.zones) zone = ascii::to_lower(zone);
}

void read_teams(section& s, team_settings& out) {
  s.number("active", out.active, 1, 1'000'000);
  std::chrono::nanoseconds idle = out.idle;
  s.duration("idle", idle);
  // Uses are stamped every few seconds: less is not known.
  if (idle < defaults::teams_idle_least || idle > std::chrono::hours(24 * 365)) {
    s.error("idle", "a duration from 1m to 8760h");
    return;
  }
  out.idle = std::chrono::duration_cast<std::chrono::seconds>(idle);
}

void read_cluster(section& s, cluster_settings& out) {
  if (const auto listen = read_address(s, "listen")) {
    out.listen = *listen;
    const auto& host = listen->host;
    if (!host.empty() && host != "localhost" && !is_ip(host)) s.error("listen", "an IP address");
  }
  s.text("advertise", out.advertise);
  if (!out.advertise.empty()) {
    const auto address = parse_listen_address(out.advertise);
    if (!address || address->host.empty() || address->port == 0) s.error("advertise", "host:port");
  }
  read_file_setting(s, "certificate", out.certificate);
  read_file_setting(s, "key", out.key);
  read_file_setting(s, "ca", out.ca);
  const std::size_t given = static_cast<std::size_t>(!out.certificate.path.empty()) +
                            static_cast<std::size_t>(!out.key.path.empty()) +
                            static_cast<std::size_t>(!out.ca.path.empty());
  if (given != 0 && given != 3)
    s.context().out.error(
        s.where(), fmt::format("{}: expected certificate, key and ca together, got {} of them",
                               s.path(), given));
}

void read_log(section& s, log::level& out) {
  std::string level = "info";
  s.one_of("level", level, {"debug", "info", "warning", "error", "off"});
  constexpr std::array levels = {
      std::pair{"debug", log::level::debug}, std::pair{"info", log::level::info},
      std::pair{"warning", log::level::warning}, std::pair{"error", log::level::error},
      std::pair{"off", log::level::off}};
  for (const auto& [name, value] : levels)
    if (level == name) out = value;
}

void read_root(section& s, settings& out) {
  s.block("node", [&](section& n) { read_node(n, out.node); });
  s.block("redis", [&](section& r) { read_redis(r, out.redis); });
  s.block("edge", [&](section& e) {
    read_file_setting(e, "static", out.edge.static_file);
    read_path(e, "root", out.edge.root);
    read_file_setting(e, "compose", out.edge.compose);
  });
  s.block("dns", [&](section& d) {
    read_file_setting(d, "corefile", out.dns.corefile);
    read_path(d, "root", out.dns.root);
  });
  s.block("certificates", [&](section& c) {
    read_path(c, "directory", out.certificates.directory);
    read_path(c, "webroot", out.certificates.webroot);
  });
  s.block("platform", [&](section& p) { read_platform(p, out.platform); });
  s.block("teams", [&](section& t) { read_teams(t, out.teams); });
  s.block("cluster", [&](section& c) { read_cluster(c, out.cluster); });
  s.block("admin", [&](section& a) {
    read_path(a, "socket", out.admin.socket);
    out.admin.listen = read_address(a, "listen");
  });
  s.block("log", [&](section& l) { read_log(l, out.log_level); });
}

void resolve_paths(settings& s) {
  for (auto* path :
       {&s.node.data_dir, &s.edge.static_file.path, &s.edge.root, &s.edge.compose.path,
        &s.dns.corefile.path, &s.dns.root, &s.certificates.directory, &s.certificates.webroot,
        &s.cluster.certificate.path, &s.cluster.key.path, &s.cluster.ca.path, &s.admin.socket})
    *path = resolved(s.folder, *path);
}

}  // namespace

std::uint16_t settings::managed_redis_port() const {
  return offset_port(defaults::redis_port, node.port_offset).value_or(defaults::redis_port);
}

std::string settings::edge_path(std::string_view container_path) const {
  return rooted(edge.root, container_path);
}

std::string settings::dns_path(std::string_view container_path) const {
  return rooted(dns.root, container_path);
}

settings read_settings(const std::string& file, const std::string& folder, std::string_view text,
                       diagnostics& out) {
  settings result;
  result.folder = folder.empty() ? "." : folder;
  if (const auto parsed = parse_yaml(file, text, out)) {
    if (parsed->root.type == node::kind::scalar || parsed->root.type == node::kind::list) {
      out.expected({file, parsed->root.at.line, parsed->root.at.column}, "", "a mapping",
                   described(parsed->root));
    } else {
      reader r{file, out, reader::spelling::exact};
      section root(r, parsed->root, "");
      read_root(root, result);
      root.finish();
    }
  }
  resolve_paths(result);
  return result;
}

settings load_settings(const std::string& path, named how, diagnostics& out) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  auto text = read_text_file(path);
  if (!text && !(text.error().kind == fault_kind::not_found && how == named::by_default))
    out.error({path}, text.error().detail);
  return read_settings(path, folder, text ? *text : std::string{}, out);
}

}  // namespace stagedoor::configs
