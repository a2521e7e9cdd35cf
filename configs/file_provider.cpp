// SPDX-License-Identifier: Apache-2.0
#include "configs/file_provider.hpp"

#include "configs/text_file.hpp"
#include "configs/yaml_document.hpp"
#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <map>

namespace stagedoor::configs {
namespace {

constexpr std::string_view provider_name = "file";

class folder_walk {
 public:
  folder_walk(std::vector<std::string>& found, diagnostics& out) : found_(found), out_(out) {}

  void walk(const std::filesystem::path& folder, std::size_t depth) {
    if (depth > defaults::config_folder_depth) {
      out_.error({folder.string()}, fmt::format("expected at most {} folders in each other",
                                                defaults::config_folder_depth));
      return;
    }
    std::error_code error;
    std::vector<std::filesystem::directory_entry> entries;
    for (std::filesystem::directory_iterator i(folder, error), end; !error && i != end;
         i.increment(error))
      entries.push_back(*i);
    if (error) {
      out_.error({folder.string()}, fmt::format("read folder: {}", error.message()));
      return;
    }
    std::sort(entries.begin(), entries.end());
    for (const auto& entry : entries) visit(entry, depth);
  }

 private:
  void visit(const std::filesystem::directory_entry& entry, std::size_t depth) {
    std::error_code error;
    // A linked folder may link back to its parent; Traefik does not follow it either.
    if (entry.is_directory(error) && !entry.is_symlink(error)) return walk(entry.path(), depth + 1);
    const std::string extension = ascii::to_lower(entry.path().extension().string());
    const std::string path = entry.path().string();
    if (extension == ".toml") {
      out_.error({path}, "TOML is not implemented: write the same as .yml");
    } else if (extension == ".yml" || extension == ".yaml") {
      if (found_.size() == defaults::config_files) {
        out_.error({path}, fmt::format("expected at most {} files", defaults::config_files));
      } else if (found_.size() < defaults::config_files) {
        found_.push_back(path);
      }
    }
  }

  std::vector<std::string>& found_;
  diagnostics& out_;
};

}  // namespace

dynamic_file read_dynamic_file(const std::string& path, std::string_view text,
                               const environment& env, diagnostics& out) {
  const auto errors = out.errors();
  dynamic_file file;
  file.path = path;
  file.config.provider = provider_name;
  if (ascii::to_lower(std::filesystem::path(path).extension().string()) == ".toml") {
    out.error({path}, "TOML is not implemented: write the same as .yml");
    return file;
  }
  const auto expanded = expand_templates(path, text, env, out);
  if (!expanded) return file;
  const auto parsed = parse_yaml(path, *expanded, out);
  if (!parsed) return file;
  reader r{path, out};
  file.config = read_dynamic(r, parsed->root, provider_name);
  if (!r.idle.empty())
    out.warning({path},
                fmt::format("known to Traefik, not acted on here: {}", fmt::join(r.idle, ", ")));
  file.good = out.errors() == errors;
  return file;
}

std::vector<std::string> list_dynamic_files(const std::string& folder, diagnostics& out) {
  std::vector<std::string> found;
  folder_walk(found, out).walk(folder, 0);
  return found;
}

std::vector<dynamic_file> load_dynamic_files(const std::vector<std::string>& paths,
                                             const environment& env, diagnostics& out) {
  std::vector<dynamic_file> files;
  for (const auto& path : paths) {
    const auto text = read_text_file(path);
    if (text) {
      files.push_back(read_dynamic_file(path, *text, env, out));
    } else {
      out.error({path}, text.error().detail);
      files.push_back({path, false, {}});
    }
  }
  return files;
}

dynamic_config merge_files(const std::vector<dynamic_file>& files, diagnostics& out) {
  dynamic_config merged;
  merged.provider = provider_name;
  std::map<std::pair<std::string_view, std::string>, location> seen;
  const auto take = [&](const auto& from, auto& into, std::string_view what) {
    for (const auto& element : from) {
      const auto [at, fresh] = seen.try_emplace({what, element.name}, element.where);
      if (fresh) {
        into.push_back(element);
      } else {
        out.warning(element.where, fmt::format("{} {} is left out: it is defined at {}", what,
                                               shown(element.name), to_string(at->second)));
      }
    }
  };
  for (const auto& file : files) {
    const auto& c = file.config;
    merged.broken.insert(merged.broken.end(), c.broken.begin(), c.broken.end());
    if (!file.good) {
      for (const auto& s : c.services) merged.broken.push_back(s.name);
      for (const auto& m : c.middlewares) merged.broken.push_back(m.name);
      for (const auto& t : c.transports) merged.broken.push_back(t.name);
      for (const auto& o : c.options) merged.broken.push_back(o.name);
      continue;
    }
    take(c.routers, merged.routers, "router");
    take(c.services, merged.services, "service");
    take(c.middlewares, merged.middlewares, "middleware");
    take(c.transports, merged.transports, "serversTransport");
    take(c.options, merged.options, "tls option");
    take(c.stores, merged.stores, "tls store");
    merged.certificates.insert(merged.certificates.end(), c.certificates.begin(),
                               c.certificates.end());
  }
  return merged;
}

}  // namespace stagedoor::configs
