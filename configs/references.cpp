// SPDX-License-Identifier: Apache-2.0
#include "configs/references.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace stagedoor::configs {
namespace {

class checker {
 public:
  checker(const std::vector<const dynamic_config*>& providers, const static_config& edge,
          diagnostics& out)
      : edge_(edge), out_(out) {
    for (const auto* p : providers) {
      for (const auto& s : p->services) services_.try_emplace(s.name, &s);
      for (const auto& m : p->middlewares) middlewares_.try_emplace(m.name, &m);
      for (const auto& t : p->transports) transports_.insert(t.name);
      for (const auto& o : p->options) options_.insert(o.name);
      broken_.insert(p->broken.begin(), p->broken.end());
    }
    for (const auto& [name, s] : services_) service_names_.push_back(name);
    for (const auto& [name, m] : middlewares_) middleware_names_.push_back(name);
    for (const auto& e : edge.entry_points) entry_names_.push_back(e.name);
    for (const auto& r : edge.resolvers) resolver_names_.push_back(r.name);
  }

  bool check(const router& r) {
    what_ = fmt::format("router {}", shown(r.name));
    bool good = true;
    if (r.rule.empty()) {
      out_.error(r.where, fmt::format("{}: expected a rule, got nothing", what_));
      good = false;
    }
    if (r.service.name.empty()) {
      out_.error(r.where, fmt::format("{}: expected a service, got nothing", what_));
      good = false;
    } else {
      good = service_exists(r.service, 0) && good;
    }
    for (const auto& e : r.entry_points)
      if (edge_.find_entry_point(e.name) == nullptr)
        good = missing(e.where, "entry point", e.name, entry_names_);
    for (const auto& m : r.middlewares) good = middleware_exists(m.name, m.where, 0) && good;
    for (const auto* entry : entry_points_of(r)) good = entry_middlewares_exist(*entry, r) && good;
    if (r.tls) good = tls_exists(*r.tls, r) && good;
    return good;
  }

 private:
  static constexpr int deepest = 16;  ///< chains of chains, services of services: a loop is deeper

  bool missing(const location& at, std::string_view kind, const std::string& name,
               const std::vector<std::string_view>& candidates) {
    out_.error(at, fmt::format("{}: there is no {} {}{}", what_, kind, shown(name),
                               suggestion(name, candidates)));
    return false;
  }

  /// Of one provider's names, compared without the `@provider` that makes them all look alike.
  static std::string suggestion(std::string_view name,
                                const std::vector<std::string_view>& candidates) {
    const auto at = std::min(name.rfind('@'), name.size());
    const auto provider = name.substr(at);
    std::vector<std::string_view> bare;
    for (auto candidate : candidates) {
      if (!candidate.ends_with(provider)) continue;
      candidate.remove_suffix(provider.size());
      bare.push_back(candidate);
    }
    return did_you_mean(name.substr(0, at), bare);
  }

  /// False without a word when the name was defined but its definition is in error already.
  bool absent(const location& at, std::string_view kind, const std::string& name,
              const std::vector<std::string_view>& candidates) {
    return broken_.contains(name) ? false : missing(at, kind, name, candidates);
  }

  bool service_exists(const reference& wanted, int depth) {
    if (wanted.name.ends_with("@internal")) return internal(wanted.where, "service", wanted.name);
    const auto found = services_.find(wanted.name);
    if (found == services_.end())
      return absent(wanted.where, "service", wanted.name, service_names_);
    if (fine_.contains(found->second)) return true;
    if (depth == deepest) {
      out_.error(wanted.where,
                 fmt::format("{}: service {} refers to itself", what_, shown(wanted.name)));
      return false;
    }
    const auto& kind = found->second->kind;
    if (const auto* other = std::get_if<unsupported_service>(&kind)) {
      out_.error(wanted.where,
                 fmt::format("{}: service {} is of the kind {}, which is not implemented", what_,
                             shown(wanted.name), other->kind));
      return false;
    }
    if (const auto* weighted = std::get_if<weighted_service>(&kind)) {
      // The first part that fails is enough: a loop through two parts would double at each level.
      const bool all =
          std::all_of(weighted->parts.begin(), weighted->parts.end(),
                      [&](const auto& part) { return service_exists(part.service, depth + 1); });
      if (all) fine_.insert(found->second);
      return all;
    }
    const auto& transport = std::get<load_balancer>(kind).transport;
    if (transport.name.empty() || transports_.contains(transport.name)) return true;
    return absent(transport.where, "serversTransport", transport.name, {});
  }

  bool middleware_exists(const std::string& name, const location& at, int depth) {
    if (name.ends_with("@internal")) return internal(at, "middleware", name);
    const auto found = middlewares_.find(name);
    if (found == middlewares_.end()) return absent(at, "middleware", name, middleware_names_);
    if (fine_.contains(found->second)) return true;
    if (depth == deepest) {
      out_.error(at, fmt::format("{}: middleware {} refers to itself", what_, shown(name)));
      return false;
    }
    const auto& kind = found->second->kind;
    if (const auto* other = std::get_if<unsupported_middleware>(&kind)) {
      out_.error(at, fmt::format("{}: middleware {} is of the kind {}, which is not implemented",
                                 what_, shown(name), other->kind));
      return false;
    }
    if (const auto* chain = std::get_if<chain_middleware>(&kind)) {
      const bool all =
          std::all_of(chain->middlewares.begin(), chain->middlewares.end(),
                      [&](const auto& inner) { return middleware_exists(inner, at, depth + 1); });
      if (all) fine_.insert(found->second);
      return all;
    }
    return true;
  }

  bool internal(const location& at, std::string_view kind, const std::string& name) {
    out_.error(at, fmt::format("{}: the {} {} is not implemented", what_, kind, shown(name)));
    return false;
  }

  [[nodiscard]] std::vector<const entry_point*> entry_points_of(const router& r) const {
    std::vector<const entry_point*> out;
    if (r.entry_points.empty()) {
      for (const auto& name : edge_.default_entry_points())
        out.push_back(edge_.find_entry_point(name));
    } else {
      for (const auto& e : r.entry_points)
        if (const auto* found = edge_.find_entry_point(e.name)) out.push_back(found);
    }
    return out;
  }

  /// An entry point's unqualified middlewares are looked up at the router's provider.
  bool entry_middlewares_exist(const entry_point& entry, const router& r) {
    const auto at = r.name.rfind('@');
    const std::string provider = at == std::string::npos ? "" : r.name.substr(at + 1);
    bool good = true;
    for (const auto& m : entry.middlewares)
      good = middleware_exists(qualified(m, provider), entry.middlewares_at, 0) && good;
    return good;
  }

  bool tls_exists(const router_tls& tls, const router& r) {
    bool good = true;
    if (!tls.cert_resolver.empty() && edge_.find_resolver(tls.cert_resolver) == nullptr)
      good =
          missing(tls.cert_resolver_at, "certificate resolver", tls.cert_resolver, resolver_names_);
    if (tls.options.empty() || tls.options == "default") return good;
    const auto at = r.name.rfind('@');
    const auto name = qualified(tls.options, at == std::string::npos ? "" : r.name.substr(at + 1));
    if (!options_.contains(name)) good = absent(r.where, "tls option", name, {});
    return good;
  }

  const static_config& edge_;
  diagnostics& out_;
  std::map<std::string_view, const service*> services_;
  std::map<std::string_view, const middleware*> middlewares_;
  std::set<std::string_view> transports_, options_, broken_;
  std::vector<std::string_view> service_names_, middleware_names_, entry_names_, resolver_names_;
  std::set<const void*> fine_;  ///< chains and weighted services whose parts were all looked at
  std::string what_;
};

}  // namespace

std::set<std::string> check_references(const std::vector<const dynamic_config*>& providers,
                                       const static_config& edge, diagnostics& out) {
  checker check(providers, edge, out);
  std::set<std::string> unusable;
  for (const auto* p : providers)
    for (const auto& r : p->routers)
      if (!check.check(r)) unusable.insert(r.name);
  return unusable;
}

}  // namespace stagedoor::configs
