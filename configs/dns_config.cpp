// SPDX-License-Identifier: Apache-2.0
#include "configs/dns_config.hpp"

#include "configs/dns_plugin_reader.hpp"
#include "configs/dns_zone_name.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <map>

namespace stagedoor::configs {
namespace {

void read_zones(const corefile_block& from, dns_server_block& to, diagnostics& out) {
  for (const auto& key : from.keys) {
    const auto address = parse_zone_address(key.text);
    if (!address) {
      if (address.error().kind == fault_kind::unsupported) {
        out.error(key.at, address.error().detail);
      } else {
        out.expected(key.at, "", address.error().detail, shown(key.text));
      }
      continue;
    }
    for (const auto& zone : address->zones)
      to.zones.push_back({zone, address->port.value_or(defaults::dns_port), key.at});
  }
}

/// `root` may stand anywhere in its block, so paths are joined when the block is complete.
void apply_root(dns_server_block& block) {
  if (block.root.empty()) return;
  for (auto& file : block.files)
    file.path = (std::filesystem::path(block.root) / file.path).lexically_normal().string();
}

bool overlap(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (a.empty() || b.empty()) return true;  // every interface
  return std::any_of(a.begin(), a.end(),
                     [&](const auto& x) { return std::find(b.begin(), b.end(), x) != b.end(); });
}

void check_zones(const dns_config& config, diagnostics& out) {
  struct owner {
    const dns_server_block* block;
    location where;
  };
  std::map<std::pair<std::string_view, std::uint16_t>, std::vector<owner>> seen;
  for (const auto& block : config.blocks) {
    for (const auto& zone : block.zones) {
      auto& owners = seen[{zone.name, zone.port}];
      const auto taken = std::find_if(owners.begin(), owners.end(), [&](const owner& o) {
        return overlap(o.block->bind, block.bind);
      });
      if (taken != owners.end())
        out.error(zone.where, fmt::format("zone {} on port {} is already defined at {}",
                                          shown(zone.name), zone.port, to_string(taken->where)));
      owners.push_back({&block, zone.where});
    }
  }
}

}  // namespace

dns_config read_dns_config(const std::vector<corefile_block>& blocks,
                           const corefile_sources& sources, diagnostics& out) {
  dns_config config;
  config.blocks.reserve(blocks.size());
  for (const auto& from : blocks) {
    dns_server_block block;
    block.where = from.keys.front().at;
    read_zones(from, block, out);
    dns_plugin_reader plugins(block, sources, out);
    for (const auto& line : from.lines) plugins.read(line);
    apply_root(block);
    config.blocks.push_back(std::move(block));
  }
  check_zones(config, out);
  return config;
}

}  // namespace stagedoor::configs
