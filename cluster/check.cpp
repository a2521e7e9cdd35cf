// SPDX-License-Identifier: Apache-2.0
#include "cluster/check.hpp"

#include "actors/dns/dns_plan.hpp"
#include "actors/providers/provider_state.hpp"
#include "cluster/check_cluster.hpp"
#include "cluster/edge_settings.hpp"
#include "runtime/dns/zone_file.hpp"
#include "runtime/tls/certificate.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <system_error>
#include <unistd.h>

namespace stagedoor::cluster {
namespace {

void check_zones(const actors::dns_plan& plan, configs::diagnostics& out) {
  for (const auto& zone : plan.zones) {
    if (zone.path.empty()) continue;
    if (!std::filesystem::exists(zone.path)) {
      // As CoreDNS: a zone file may come later, unless it is never looked at again.
      const auto text = fmt::format("zone {}: {} does not exist", zone.name, zone.path);
      if (zone.reload == milliseconds(0))
        out.error(zone.where, text);
      else
        out.warning(zone.where, text);
      continue;
    }
    const auto parsed = dns::read_zone_file(zone.path, zone.apex);
    for (const auto& e : parsed.errors) out.error({e.file, e.line, e.column}, e.message);
    for (const auto& w : parsed.warnings) out.warning({w.file, w.line, w.column}, w.message);
  }
}

/// A file with another error is left out whole; its rules are judged all the same.
void check_rules_of_bad_files(configs::loaded& config) {
  for (const auto& file : config.files) {
    if (file.good) continue;
    for (const auto& r : file.config.routers)
      if (const auto parsed = http::rule::parse(r.rule); !parsed && !r.v2_syntax)
        config.problems.error(
            r.rule_at, fmt::format("router \"{}\": rule: {}", r.name, parsed.error().detail));
  }
}

void check_certificates(const actors::routing_config& routing, const configs::settings& node,
                        configs::diagnostics& out) {
  const auto place = [&](const std::string& text) {
    return text.find("-----BEGIN") == std::string::npos ? node.edge_path(text) : text;
  };
  for (const auto& file : routing.certificate_files)
    if (const auto loaded = tls::certificate::load(place(file.cert_file), place(file.key_file));
        !loaded)
      out.error(file.where, loaded.error().detail);
}

void check_authorities(const configs::loaded& config, configs::diagnostics& out) {
  for (const auto& resolver : config.edge.resolvers)
    for (const auto& file : resolver.ca_certificates)
      if (const auto path = config.node.edge_path(file); ::access(path.c_str(), R_OK) != 0)
        out.error(resolver.where,
                  fmt::format("resolver {}: caCertificates: {} cannot be read: {}", resolver.name,
                              path, std::generic_category().message(errno)));
}

}  // namespace

configs::loaded check_everything(const std::string& settings_path, configs::named how) {
  auto config = configs::load_all(settings_path, how);
  auto& out = config.problems;
  const auto entry_points = actors::list_entry_points(config.edge, config.node.node.port_offset);
  check_addresses(entry_points, out);
  const auto routing = actors::build_routing(config, entry_points, out);
  check_rules_of_bad_files(config);
  check_certificates(routing, config.node, out);
  check_authorities(config, out);
  check_cluster(config.node, wall_clock::now(), out);
  check_zones(actors::plan_dns(config.dns, config.node, out), out);
  return config;
}

}  // namespace stagedoor::cluster
