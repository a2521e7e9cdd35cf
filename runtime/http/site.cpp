// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/site.hpp"

#include <algorithm>
#include <map>

namespace stagedoor::http {

bool comes_before(const route& a, const route& b) noexcept {
  return a.priority != b.priority ? a.priority > b.priority : a.name < b.name;
}

std::vector<site> split_into_sites(std::span<const route> routes) {
  std::map<std::string, site> by_host;
  for (const route& r : routes)
    for (const std::string& host : r.matcher.sites()) by_host[host].routes.push_back(r);
  std::vector<site> sites;
  sites.reserve(by_host.size());
  for (auto& [host, s] : by_host) {
    s.host = host;
    std::stable_sort(s.routes.begin(), s.routes.end(), comes_before);
    sites.push_back(std::move(s));
  }
  return sites;
}

}  // namespace stagedoor::http
