// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/router.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace stagedoor::http {
namespace {

constexpr std::size_t max_host = 255;  // RFC 1035 section 2.3.4

/// The rest of one site's routes.
struct candidates {
  const snapshot::node_ptr<site>* holder = nullptr;
  std::span<const route> rest;
};

candidates candidates_of(const site_table& sites, std::string_view key) noexcept {
  const auto* const holder = sites.find_node(key);
  if (holder == nullptr) return {};
  return {holder, (*holder)->value.routes};
}

candidates below_parent(const site_table& sites, std::string_view host) noexcept {
  const auto dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0 || host.size() > max_host) return {};
  std::array<char, max_host + 1> key{'*'};
  const auto parent = host.substr(dot);
  std::copy(parent.begin(), parent.end(), key.begin() + 1);
  return candidates_of(sites, {key.data(), parent.size() + 1});
}

bool serves(const route& r, const connection_facts& c) noexcept {
  return r.tls == c.tls && ((r.entry_points >> c.entry_point) & 1U) != 0;
}

}  // namespace

route_choice choose_route(const site_table& sites, const request_facts& request) {
  const std::string_view host = request.head->host;
  std::array<candidates, 3> lists{host.empty() ? candidates{} : candidates_of(sites, host),
                                  below_parent(sites, host), candidates_of(sites, "")};
  route_choice choice;
  choice.host_known = lists[0].holder != nullptr;
  for (;;) {
    candidates* first = nullptr;
    for (auto& list : lists)
      if (!list.rest.empty() &&
          (first == nullptr || comes_before(list.rest.front(), first->rest.front())))
        first = &list;
    if (first == nullptr) return choice;
    const route& r = first->rest.front();
    first->rest = first->rest.subspan(1);
    if (serves(r, *request.connection) && r.matcher.matches(request)) {
      choice.chosen = &r;
      choice.holder = first->holder;
      return choice;
    }
  }
}

}  // namespace stagedoor::http
