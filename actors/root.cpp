// SPDX-License-Identifier: Apache-2.0
#include "actors/root.hpp"

#include "actors/admin/admin_api.hpp"
#include "actors/certificates/certificate_tree.hpp"
#include "actors/dns/dns_zone.hpp"
#include "actors/dns/serial_keeper.hpp"
#include "actors/dns/zone_directory.hpp"
#include "actors/managed_redis.hpp"
#include "actors/ownership/owned_work.hpp"
#include "actors/providers/docker_provider.hpp"
#include "actors/providers/file_provider.hpp"
#include "actors/publishers/table_publisher.hpp"
#include "actors/queue/queue_tree.hpp"
#include "actors/redis_bridge.hpp"
#include "actors/supervision/plans.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/support/owner_proofs.hpp"
#include "actors/teams/health_board.hpp"
#include "actors/teams/health_checker.hpp"
#include "actors/teams/server_prober.hpp"
#include "actors/teams/site_registry.hpp"
#include "actors/teams/team_directory.hpp"

namespace stagedoor::actors {
namespace {

using supervision::child_context;
using supervision::listed_child;
using supervision::named;
using supervision::plan_of;
using supervision::subtree;
using supervision::supervisor_plan;
using supervision::worker;

// -- subtrees, in the order they start -------------------------------------------------

supervisor_plan redis_plan(const node_parts& parts) {
  auto plan = plan_of("redis");
  if (parts.managed_redis) {
    auto server = worker("managed_redis", [&parts](shell& parent, const child_context& context) {
      return parent.spawn<managed_redis>(managed_redis_options{parts.control, *parts.managed_redis},
                                         context);
    });
    // Loading a large append-only file takes its time; the server's own deadlines are shorter.
    server.spec.policy.start = supervision::start_mode::when_reported;
    server.spec.policy.start_deadline = seconds(630);
    server.spec.policy.stop_deadline = seconds(15);
    plan.children.push_back(std::move(server));
  }
  plan.children.push_back(worker("redis_bridge", [&parts](shell& parent, const child_context&) {
    return parent.spawn<redis_bridge>(parts.redis, parts.scripts);
  }));
  return plan;
}

template <class Change, class Table>
listed_child publisher(const char* name, std::shared_ptr<Table> table) {
  return worker(name, [name, table](shell& parent, const child_context&) {
    auto made = parent.spawn<table_publisher<Change>>(name, table);
    publish_name(parent.system(), name, made);
    return made;
  });
}

supervisor_plan publishers_plan(const node_parts& parts) {
  auto plan = plan_of("publishers");
  plan.children.push_back(publisher<change_sites>("sites", parts.tables.sites));
  plan.children.push_back(publisher<change_certificates>("certtable", parts.tables.certificates));
  plan.children.push_back(publisher<change_names>("names", parts.tables.names));
  plan.children.push_back(publisher<change_zones>("zonetable", parts.tables.zones));
  plan.children.push_back(publisher<change_challenges>("challenges", parts.tables.challenges));
  return plan;
}

dns_zone_options zone_options(const node_parts& parts, const zone_plan& zone) {
  dns_zone_options out;
  out.state = parts.zone_states.at(zone.name);
  out.read = [zone, config = parts.config] { return read_zone(zone, config->node); };
  out.has_file = !zone.path.empty();
  out.reload = zone.reload;
  out.on_first_read = [&parts, name = zone.name] { parts.on_zone_read(name); };
  out.run_blocking = [files = parts.files](std::function<void()> task) {
    return files->post(std::move(task));
  };
  return out;
}

supervisor_plan dns_plan_of(const node_parts& parts) {
  auto zones = plan_of("dns_zones");
  for (const auto& zone : parts.dns.zones)
    zones.children.push_back(worker(zone.name, [&parts, zone](shell& parent, const child_context&) {
      return parent.spawn<dns_zone>(zone_options(parts, zone));
    }));
  auto plan = plan_of("dns", supervision::strategy::rest_for_one);
  plan.children.push_back(named("zones", subtree(std::move(zones))));
  plan.children.push_back(worker("zone_directory", [&parts](shell& parent, const child_context&) {
    zone_directory_options options;
    for (const auto& zone : parts.dns.zones) options.ids.push_back(zone.name);
    options.team_zones = parts.dns.team_zones;
    for (const auto& text : parts.config->node.platform.addresses)
      if (const auto at = net::address::parse_ip(text, 0)) options.addresses.push_back(*at);
    return parent.spawn<zone_directory>(std::move(options));
  }));
  if (parts.clustered)
    plan.children.push_back(worker("serial_follower", [](shell& parent, const child_context&) {
      return parent.spawn<serial_follower>();
    }));
  return plan;
}

supervisor_plan routers_plan(const node_parts& parts) {
  auto plan = plan_of("team_routers");
  plan.options.max_dynamic_children = site_registry_options{}.max_sites;
  plan.make_dynamic = [&parts](shell& parent, const child_context& context) {
    team_router_options options;
    options.first_catalog = parts.first_catalog;
    options.resolve = [names = parts.resolver](const std::string& name, auto done) {
      constexpr milliseconds deadline = seconds(5);
      // A full mailbox is answered like a name server that is down: tried again later.
      if (!names->resolve(name, deadline, done))
        done(fault{fault_kind::overloaded, fault_side::self, retryable::yes,
                   "the resolver is busy"});
    };
    return parent.spawn<team_router>(context.argument, std::move(options));
  };
  return plan;
}

supervisor_plan checkers_plan(const node_parts& parts) {
  auto plan = plan_of("health_checkers");
  plan.options.max_dynamic_children = site_registry_options{}.max_sites;
  plan.make_dynamic = [&parts](shell& parent, const child_context& context) {
    // What a node owns without a cluster needs no proof.
    auto proof = parse_owner_proof(context.argument);
    return parent.spawn<health_checker>(
        context.id, proof ? *std::move(proof) : messages::owner_proof{},
        server_prober(*parts.control, *parts.resolver, *parts.http));
  };
  return plan;
}

supervisor_plan serials_plan() {
  auto plan = plan_of("serials");
  plan.make_dynamic = [](shell& parent, const child_context& context) {
    auto proof = parse_owner_proof(context.argument);
    if (!proof) throw std::invalid_argument(proof.error().detail);
    return parent.spawn<serial_keeper>(context.id, *std::move(proof));
  };
  return plan;
}

supervisor_plan teams_plan(const node_parts& parts) {
  auto plan = plan_of("teams", supervision::strategy::rest_for_one);
  plan.children.push_back(named("routers", subtree(routers_plan(parts))));
  plan.children.push_back(worker("site_registry", [](shell& parent, const child_context&) {
    return parent.spawn<site_registry>(site_registry_options{});
  }));
  plan.children.push_back(worker("team_directory", [&parts](shell& parent, const child_context&) {
    team_directory_options options;
    options.domain = parts.config->node.platform.domain;
    options.first_catalog = parts.first_catalog;
    options.certificate_resolver = parts.first_catalog->team_resolver;
    options.limits.active = parts.config->node.teams.active;
    options.limits.idle = parts.config->node.teams.idle;
    options.on_look_ups_served = parts.on_look_ups_served;
    options.on_stored_teams_live = parts.on_stored_teams_live;
    options.forget_missing = parts.forget_missing;
    return parent.spawn<team_directory>(std::move(options));
  }));
  plan.children.push_back(worker("provisioner", [&parts](shell& parent, const child_context&) {
    provisioner_options options;
    options.domain = parts.config->node.platform.domain;
    options.first_catalog = parts.first_catalog;
    options.certificate_resolver = parts.first_catalog->team_resolver;
    options.probe = server_prober(*parts.control, *parts.resolver, *parts.http);
    return parent.spawn<provisioner>(std::move(options));
  }));
  return plan;
}

supervisor_plan providers_plan(const node_parts& parts) {
  auto plan = plan_of("providers");
  auto files = worker("file_provider", [&parts](shell& parent, const child_context& context) {
    return parent.spawn<file_provider>(parts, context);
  });
  files.spec.policy.start = supervision::start_mode::when_reported;
  files.spec.policy.start_deadline = seconds(60);
  plan.children.push_back(std::move(files));
  if (parts.config->edge.docker)
    plan.children.push_back(
        worker("docker_provider", [&parts](shell& parent, const child_context&) {
          return parent.spawn<docker_provider>(parts);
        }));
  return plan;
}

supervisor_plan admin_plan(const node_parts& parts) {
  auto plan = plan_of("admin");
  plan.children.push_back(worker("status_collector", [&parts](shell& parent, const child_context&) {
    return parent.spawn<status_collector>(parts.loop_reports);
  }));
  plan.children.push_back(worker("admin_api", [&parts](shell& parent, const child_context&) {
    admin_api_options options;
    options.version = parts.version;
    options.domain = parts.config->node.platform.domain;
    return parent.spawn<admin_api>(std::move(options));
  }));
  return plan;
}

}  // namespace

supervisor_plan work_plan(const node_parts& parts) {
  auto plan = plan_of("work", supervision::strategy::one_for_all);
  plan.children.push_back(worker("health_board", [&parts](shell& parent, const child_context&) {
    return parent.spawn<health_board>(parts.publish_down);
  }));
  plan.children.push_back(named("checkers", subtree(checkers_plan(parts))));
  plan.children.push_back(named("janitors", subtree(janitors_plan(parts))));
  if (parts.clustered) plan.children.push_back(named("serials", subtree(serials_plan())));
  plan.children.push_back(worker("owned_work", [](shell& parent, const child_context&) {
    owned_work_options options;
    options.supervisors = {{"team", "checkers"}, {"janitor", "janitors"}, {"zone", "serials"}};
    return parent.spawn<owned_work>(std::move(options));
  }));
  return plan;
}

supervisor_plan root_plan(const node_parts& parts) {
  auto plan = plan_of("root", supervision::strategy::rest_for_one);
  plan.options.budget = {3, seconds(300)};
  plan.children.push_back(subtree(redis_plan(parts), seconds(660)));
  plan.children.push_back(subtree(publishers_plan(parts)));
  plan.children.push_back(subtree(dns_plan_of(parts)));
  plan.children.push_back(subtree(certificates_plan(parts)));
  plan.children.push_back(subtree(teams_plan(parts)));
  if (parts.cluster) plan.children.push_back(subtree(*parts.cluster));
  plan.children.push_back(subtree(queues_plan(parts)));
  plan.children.push_back(subtree(providers_plan(parts)));
  plan.children.push_back(subtree(admin_plan(parts)));
  return plan;
}

}  // namespace stagedoor::actors
