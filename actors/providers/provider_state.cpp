// SPDX-License-Identifier: Apache-2.0
#include "actors/providers/provider_state.hpp"

#include "actors/providers/middleware_builder.hpp"
#include "configs/references.hpp"

#include <algorithm>

namespace stagedoor::actors {
std::vector<source_offer> source_offers::change(const plans_by_host& now) {
  std::vector<source_offer> out;
  for (auto it = offered_.begin(); it != offered_.end();) {
    if (now.contains(it->first)) {
      ++it;
      continue;
    }
    out.push_back({it->first, nullptr});
    it = offered_.erase(it);
  }
  for (const auto& [host, plans] : now) {
    auto& known = offered_[host];
    if (known != nullptr && *known == plans) continue;
    known = std::make_shared<const route_plans>(plans);
    out.push_back({host, known});
  }
  return out;
}

std::vector<source_offer> source_offers::all() const {
  std::vector<source_offer> out;
  for (const auto& [host, plans] : offered_) out.push_back({host, plans});
  return out;
}

routing_config build_routing(const configs::loaded& from, const entry_point_list& entry_points,
                             configs::diagnostics& out) {
  routing_config made;
  auto middlewares = std::make_shared<catalog>();
  describe_entry_points(from.edge, entry_points, *middlewares);
  build_middlewares({&from.from_files, &from.from_compose}, middlewares->middlewares, out);
  auto redirections = build_redirections(entry_points, middlewares->middlewares, out);
  if (!redirections.empty()) made.from_entry_points[""] = std::move(redirections);
  const auto build = [&](const configs::dynamic_config& config, plans_by_host& into) {
    auto built = build_routes(config, from.edge, entry_points, from.unusable_routers,
                              middlewares->middlewares, out);
    into = std::move(built.sites);
    made.certificates.merge(built.certificates);
    made.certificate_files.insert(made.certificate_files.end(), config.certificates.begin(),
                                  config.certificates.end());
    for (const auto& store : config.stores)
      if (store.default_certificate) made.certificate_files.push_back(*store.default_certificate);
  };
  build(from.from_files, made.from_files);
  build(from.from_compose, made.from_compose);
  made.middlewares = std::move(middlewares);
  return made;
}

void engine_labels::join(configs::loaded& config) const {
  if (labels == nullptr) return;
  auto& compose = config.from_compose;
  if (serves) {
    compose = {};
    compose.provider = labels->provider;
  }
  std::erase_if(compose.middlewares, [this](const configs::middleware& m) {
    return std::any_of(labels->middlewares.begin(), labels->middlewares.end(),
                       [&](const configs::middleware& known) { return known.name == m.name; });
  });
  compose.middlewares.insert(compose.middlewares.end(), labels->middlewares.begin(),
                             labels->middlewares.end());
  compose.broken.insert(compose.broken.end(), labels->broken.begin(), labels->broken.end());
}

void last_good_files::patch(configs::loaded& fresh) {
  std::set<std::string> present;
  bool patched = false;
  for (auto& file : fresh.files) {
    present.insert(file.path);
    if (file.good) {
      good_[file.path] = file.config;
    } else if (const auto last = good_.find(file.path); last != good_.end()) {
      file.config = last->second;
      file.good = true;
      patched = true;
    }
  }
  std::erase_if(good_, [&](const auto& entry) { return !present.contains(entry.first); });
  if (patched) {
    configs::diagnostics already_told;
    fresh.from_files = configs::merge_files(fresh.files, already_told);
  }
  // What is missing depends on all files together, the patched ones included.
  fresh.unusable_routers = configs::check_references({&fresh.from_files, &fresh.from_compose},
                                                     fresh.edge, fresh.problems);
}

}  // namespace stagedoor::actors
