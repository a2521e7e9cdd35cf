// SPDX-License-Identifier: Apache-2.0
#include "actors/providers/route_builder.hpp"

#include "actors/teams/team_spec_json.hpp"
#include "runtime/http/redirect.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <numeric>
#include <optional>

namespace stagedoor::actors {
namespace {

constexpr std::size_t max_service_servers = 4096;  ///< of one service, all parts together
constexpr std::size_t max_service_depth = 8;       ///< weighted services inside weighted services
constexpr std::uint32_t max_server_weight = 1'000'000;

using configs::diagnostics;

class builder {
 public:
  builder(const configs::dynamic_config& from, const configs::static_config& edge,
          const entry_point_list& entry_points, const decltype(catalog::middlewares)& known,
          diagnostics& out)
      : edge_(edge), entry_points_(entry_points), known_(known), out_(out) {
    for (const auto& s : from.services) services_.emplace(s.name, &s);
  }

  void add(const configs::router& r, built_routes& into) {
    auto matcher = http::rule::parse(r.rule);
    if (r.v2_syntax)
      return fail(r.rule_at, r, "ruleSyntax v2 is not supported: write the rule in v3 syntax");
    if (!matcher) return fail(r.rule_at, r, fmt::format("rule: {}", matcher.error().detail));
    auto service = find_service(r);
    if (!service) return;
    route_plan plan;
    plan.name = r.name;
    plan.priority = r.priority != 0 ? r.priority : matcher->default_priority();
    plan.matcher = *matcher;
    plan.service = *std::move(service);
    for (const auto& m : r.middlewares) {
      if (!known_.contains(m.name))
        return fail(m.where, r,
                    fmt::format("middleware \"{}\" does not exist or could not be built", m.name));
      plan.middlewares.push_back(m.name);
    }
    for (const auto* e : entry_points_of(r)) spread(r, plan, *e, into);
  }

 private:
  void fail(const configs::location& at, const configs::router& r, std::string_view why) {
    out_.error(at, fmt::format("router \"{}\": {}", r.name, why));
  }

  std::vector<const configs::entry_point*> entry_points_of(const configs::router& r) {
    std::vector<const configs::entry_point*> found;
    const auto find = [&](const std::string& name, const configs::location& at) {
      const auto it = std::find_if(entry_points_.all.begin(), entry_points_.all.end(),
                                   [&](const auto& e) { return e.name == name; });
      if (it == entry_points_.all.end())
        fail(at, r, fmt::format("entry point \"{}\" does not exist", name));
      else
        found.push_back(&*it);
    };
    if (r.entry_points.empty())
      for (const auto& name : edge_.default_entry_points()) find(name, r.where);
    for (const auto& e : r.entry_points) find(e.name, e.where);
    return found;
  }

  // One plan an entry point: its own middlewares come first, and its tls block counts where the
  // router has none.
  void spread(const configs::router& r, route_plan plan, const configs::entry_point& e,
              built_routes& into) {
    const configs::router_tls* tls = r.tls ? &*r.tls : (e.tls ? &*e.tls : nullptr);
    plan.tls = tls != nullptr;
    plan.entry_points = entry_points_.bit_of(e.name);
    const auto provider = r.name.substr(std::min(r.name.rfind('@'), r.name.size() - 1) + 1);
    std::vector<std::string> first;
    for (const auto& name : e.middlewares) {
      first.push_back(configs::qualified(name, provider));
      if (!known_.contains(first.back()))
        return fail(e.middlewares_at, r,
                    fmt::format("middleware \"{}\" does not exist", first.back()));
    }
    plan.middlewares.insert(plan.middlewares.begin(), first.begin(), first.end());
    if (tls != nullptr && !tls->cert_resolver.empty()) want_certificates(r, *tls, plan, into);
    for (const auto& site : plan.matcher.sites()) into.sites[site].push_back(plan);
  }

  void want_certificates(const configs::router& r, const configs::router_tls& tls,
                         const route_plan& plan, built_routes& into) {
    if (edge_.find_resolver(tls.cert_resolver) == nullptr)
      return fail(tls.cert_resolver_at, r,
                  fmt::format("certificate resolver \"{}\" does not exist", tls.cert_resolver));
    if (tls.domains.empty())
      for (const auto& host : plan.matcher.hosts())
        into.certificates.emplace(host, tls.cert_resolver);
    for (const auto& domain : tls.domains) {
      into.certificates.emplace(domain.main, tls.cert_resolver);
      for (const auto& san : domain.sans) into.certificates.emplace(san, tls.cert_resolver);
    }
  }

  std::optional<service_plan> find_service(const configs::router& r) {
    service_plan plan;
    visited_ = 0;
    if (!collect(r, r.service, 0, plan)) return std::nullopt;
    plan.name = r.service.name;
    return plan;
  }

  bool collect(const configs::router& r, const configs::reference& name, std::size_t depth,
               service_plan& into) {
    const auto it = services_.find(name.name);
    if (it == services_.end() || depth == max_service_depth) {
      fail(name.where, r, fmt::format("service \"{}\" does not exist", name.name));
      return false;
    }
    const auto& kind = it->second->kind;
    bool good = false;
    if (const auto* balancer = std::get_if<configs::load_balancer>(&kind))
      good = collect(r, *it->second, *balancer, into);
    else if (const auto* weighted = std::get_if<configs::weighted_service>(&kind))
      good = collect(r, *weighted, depth, into);
    else
      fail(it->second->where, r,
           fmt::format("service kind \"{}\" is not supported yet",
                       std::get<configs::unsupported_service>(kind).kind));
    // Parts without servers count as well: their number grows with each level.
    visited_ += 1;
    if (good && std::max(into.servers.size(), visited_) > max_service_servers) {
      fail(name.where, r,
           fmt::format("service \"{}\" has more than {} servers", name.name, max_service_servers));
      good = false;
    }
    return good;
  }

  bool collect(const configs::router& r, const configs::weighted_service& weighted,
               std::size_t depth, service_plan& into) {
    std::vector<std::vector<server_plan>> parts;
    for (const auto& part : weighted.parts) {
      service_plan found;
      if (!collect(r, part.service, depth + 1, found)) return false;
      into.pass_host_header = found.pass_host_header;
      parts.push_back(std::move(found.servers));
    }
    into.servers = share(weighted, std::move(parts));
    return true;
  }

  /// A part's weight is shared by its servers: one with three of them gets no more for that.
  static std::vector<server_plan> share(const configs::weighted_service& weighted,
                                        std::vector<std::vector<server_plan>> parts) {
    const auto sum = [](const std::vector<server_plan>& servers) {
      return std::accumulate(servers.begin(), servers.end(), std::uint64_t{0},
                             [](std::uint64_t n, const auto& s) { return n + s.weight; });
    };
    // The least unit in which every share is a whole number; rounded where that is out of reach.
    std::uint64_t unit = 1;
    for (const auto& servers : parts)
      if (const auto total = sum(servers); total != 0 && unit <= max_server_weight)
        unit = total <= max_server_weight ? std::lcm(unit, total) : max_server_weight + 1;
    unit = std::min<std::uint64_t>(unit, max_server_weight);

    std::vector<std::uint64_t> weights;
    std::vector<server_plan> out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto total = std::max<std::uint64_t>(sum(parts[i]), 1);
      for (auto& server : parts[i]) {
        // At most 10^18: each factor is at most max_server_weight.
        const auto product = weighted.parts[i].weight * std::uint64_t{server.weight} * unit;
        weights.push_back(product == 0 ? 0 : std::max<std::uint64_t>(product / total, 1));
        out.push_back(std::move(server));
      }
    }
    std::uint64_t common = 0;
    std::uint64_t most = 0;
    for (const auto w : weights) {
      common = std::gcd(common, w);
      most = std::max(most, w);
    }
    common = std::max<std::uint64_t>(common, 1);
    most = std::max<std::uint64_t>(most / common, 1);
    const std::uint64_t scale = (most - 1) / max_server_weight + 1;
    for (std::size_t i = 0; i < out.size(); ++i)
      if (out[i].weight = static_cast<std::uint32_t>(weights[i] / common / scale);
          out[i].weight == 0 && weights[i] != 0)
        out[i].weight = 1;
    return out;
  }

  bool collect(const configs::router& r, const configs::service& s,
               const configs::load_balancer& balancer, service_plan& into) {
    into.pass_host_header = balancer.pass_host_header;
    for (const auto& server : balancer.servers) {
      auto url = parse_server_url(server.url);
      if (!url) {
        fail(server.where, r, fmt::format("service \"{}\": {}", s.name, url.error().detail));
        return false;
      }
      into.servers.push_back({server.url, std::move(url->host), url->port,
                              std::move(url->authority),
                              std::min<std::uint32_t>(server.weight, max_server_weight)});
    }
    return true;
  }

  const configs::static_config& edge_;
  const entry_point_list& entry_points_;
  const decltype(catalog::middlewares)& known_;
  diagnostics& out_;
  std::map<std::string, const configs::service*> services_;
  std::size_t visited_ = 0;  ///< services looked at for one router
};

}  // namespace

// -- entry points -------------------------------------------------------------------

http::entry_point_set entry_point_list::bit_of(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < all.size() && i < 64; ++i)
    if (all[i].name == name) return http::entry_point_set{1} << i;
  return 0;
}

std::uint16_t entry_point_list::port_of(const configs::entry_point& e) const noexcept {
  return static_cast<std::uint16_t>(e.address.port + port_offset);
}

entry_point_list list_entry_points(const configs::static_config& from, std::uint16_t port_offset) {
  entry_point_list out{from.entry_points, port_offset};
  if (from.find_entry_point("traefik") == nullptr) {
    // Orchestrators ask http://localhost:8080/ping, whatever the file says.
    configs::entry_point ping;
    ping.name = "traefik";
    ping.address.host = from.api && from.api->insecure ? "" : "127.0.0.1";
    ping.address.port = 8080;
    out.all.push_back(std::move(ping));
  }
  return out;
}

void describe_entry_points(const configs::static_config& edge, const entry_point_list& entry_points,
                           catalog& into) {
  for (const auto& name : edge.default_entry_points()) {
    const auto* e = edge.find_entry_point(name);
    if (e == nullptr || e->redirection) continue;
    (e->tls ? into.tls_entry_points : into.plain_entry_points) |= entry_points.bit_of(name);
    if (e->tls && into.team_resolver.empty()) into.team_resolver = e->tls->cert_resolver;
    for (const auto& m : e->middlewares) {
      // Without a provider a name means the files': a team has none of its own.
      auto qualified = configs::qualified(m, "file");
      auto& list = into.entry_point_middlewares;
      if (std::find(list.begin(), list.end(), qualified) == list.end())
        list.push_back(std::move(qualified));
    }
  }
}

// -- routes -------------------------------------------------------------------------

built_routes build_routes(const configs::dynamic_config& from, const configs::static_config& edge,
                          const entry_point_list& entry_points,
                          const std::set<std::string>& unusable,
                          const decltype(catalog::middlewares)& known, diagnostics& out) {
  built_routes into;
  builder b(from, edge, entry_points, known, out);
  for (const auto& r : from.routers)
    if (!unusable.contains(r.name)) b.add(r, into);
  return into;
}

route_plans build_redirections(const entry_point_list& entry_points,
                               decltype(catalog::middlewares)& into, diagnostics& out) {
  route_plans plans;
  for (const auto& e : entry_points.all) {
    if (!e.redirection) continue;
    const auto& to = *e.redirection;
    http::redirect_scheme_options options;
    options.scheme = to.scheme;
    options.permanent = to.permanent;
    if (!to.to.empty() && to.to.front() == ':') {
      options.port = to.to.substr(1);
    } else {
      const auto target = std::find_if(entry_points.all.begin(), entry_points.all.end(),
                                       [&](const auto& other) { return other.name == to.to; });
      if (target == entry_points.all.end()) {
        out.error(to.where, fmt::format(R"(redirection of "{}": entry point "{}" does not exist)",
                                        e.name, to.to));
        continue;
      }
      options.port = fmt::format("{}", entry_points.port_of(*target));
    }
    route_plan plan;
    plan.name = fmt::format("{}-to-{}@internal", e.name, to.to);
    plan.matcher = *http::rule::parse("HostRegexp(`^.+$`)");
    plan.priority = to.priority != 0 ? to.priority : std::numeric_limits<std::int64_t>::max() - 1;
    plan.entry_points = entry_points.bit_of(e.name);
    plan.middlewares = {fmt::format("redirect-{}@internal", e.name)};
    plan.service.name = "noop@internal";
    into[plan.middlewares[0]] = {
        std::make_shared<http::redirect_scheme>(plan.middlewares[0], std::move(options))};
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace stagedoor::actors
