// SPDX-License-Identifier: Apache-2.0
#include "configs/check.hpp"

#include "configs/compose.hpp"
#include "configs/docker_labels.hpp"
#include "configs/references.hpp"
#include "configs/text_file.hpp"

#include <filesystem>

namespace stagedoor::configs {
namespace {

/// The text behind a setting; nothing when there is none, which is an error only if it was named.
std::optional<std::string> text_of(const file_setting& setting, diagnostics& out) {
  if (setting.path.empty()) return std::nullopt;
  auto text = read_text_file(setting.path);
  if (text) return std::move(*text);
  if (setting.named || text.error().kind != fault_kind::not_found)
    out.error(setting.where, text.error().detail);
  return std::nullopt;
}

}  // namespace

void load_files(loaded& into, const environment& env) {
  into.files.clear();
  into.dynamic_paths.clear();
  if (!into.edge.file) return;
  const auto& provider = *into.edge.file;
  std::vector<std::string> paths;
  if (!provider.filename.empty()) {
    paths.push_back(into.node.edge_path(provider.filename));
    into.dynamic_paths = paths;
  } else if (!provider.directory.empty()) {
    const std::string folder = into.node.edge_path(provider.directory);
    into.dynamic_paths.push_back(folder);
    paths = list_dynamic_files(folder, into.problems);
  }
  into.files = load_dynamic_files(paths, env, into.problems);
  into.from_files = merge_files(into.files, into.problems);
}

void load_compose(loaded& into, const environment& env) {
  const auto& setting = into.node.edge.compose;
  const auto text = text_of(setting, into.problems);
  if (!text) return;
  const auto folder = std::filesystem::absolute(setting.path).parent_path().filename().string();
  into.containers = read_compose(setting.path, *text, folder, env, into.problems);
  const docker_provider options = into.edge.docker.value_or(docker_provider{});
  into.from_compose = read_containers(into.containers, options, "docker", into.problems);
}

void load_dns(loaded& into) {
  const auto text = text_of(into.node.dns.corefile, into.problems);
  if (!text) return;
  const auto sources = disk_sources(into.node.dns.root);
  const auto blocks = parse_corefile(into.node.dns.corefile.path, *text, sources, into.problems);
  into.dns = read_dns_config(blocks, sources, into.problems);
}

loaded load_all(const std::string& settings_path, named how) {
  loaded out;
  const auto env = process_environment();
  out.node = load_settings(settings_path, how, out.problems);
  const auto text = text_of(out.node.edge.static_file, out.problems);
  out.edge = read_static_config(out.node.edge.static_file.path, text.value_or(""), out.problems);
  for (const auto& e : out.edge.entry_points)
    if (const auto moved = with_offset(e.address, out.node.node.port_offset); !moved)
      out.problems.expected(e.where, "entryPoints." + e.name, moved.error().detail,
                            shown(to_string(e.address)));
  load_files(out, env);
  load_compose(out, env);
  out.unusable_routers =
      check_references({&out.from_files, &out.from_compose}, out.edge, out.problems);
  load_dns(out);
  return out;
}

}  // namespace stagedoor::configs
