// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/route_plan.hpp"

#include "actors/teams/team_spec_json.hpp"

#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

service_plan service_of(const std::string& name, const std::vector<std::string>& urls) {
  service_plan out;
  out.name = name;
  for (const auto& url : urls)
    // Stored specs were checked when they came in; one that no longer parses serves nothing.
    if (auto parsed = parse_server_url(url))
      out.servers.push_back(
          {url, std::move(parsed->host), parsed->port, std::move(parsed->authority), 1});
  return out;
}

void add(route_plans& out, const messages::team_spec& spec, const catalog& c, std::string_view part,
         const std::string& rule_text, const std::vector<std::string>& urls) {
  if (urls.empty()) return;
  auto matcher = http::rule::parse(rule_text);
  if (!matcher) return;  // the host was checked: only a domain that is no host name gets here
  route_plan plan;
  plan.name = team_service(spec.slug, part);
  plan.priority = matcher->default_priority();
  plan.matcher = *std::move(matcher);
  plan.middlewares = c.entry_point_middlewares;
  plan.middlewares.insert(plan.middlewares.end(), spec.middlewares.begin(), spec.middlewares.end());
  plan.service = service_of(plan.name, urls);
  if (c.plain_entry_points != 0) {
    route_plan plain = plan;
    plain.entry_points = c.plain_entry_points;
    out.push_back(std::move(plain));
  }
  if (c.tls_entry_points != 0) {
    plan.entry_points = c.tls_entry_points;
    plan.tls = true;
    out.push_back(std::move(plan));
  }
}

}  // namespace

route_plans routes_of(const messages::team_spec& spec, const catalog& c) {
  route_plans out;
  add(out, spec, c, "api", fmt::format("Host(`{}`) && PathPrefix(`/api`)", spec.host), spec.api);
  add(out, spec, c, "web", fmt::format("Host(`{}`)", spec.host), spec.web);
  return out;
}

}  // namespace stagedoor::actors
