// SPDX-License-Identifier: Apache-2.0
#include "actors/dns/zone_directory.hpp"

#include "actors/support/actor_names.hpp"
#include "messages/supervision.hpp"
#include "runtime/dns/types.hpp"

#include <caf/actor_cast.hpp>
#include <cstring>
#include <fmt/format.h>

namespace stagedoor::actors {

result<std::vector<dns::record>> host_records(const std::string& label, std::string_view apex_text,
                                              const std::vector<net::address>& addresses,
                                              std::uint32_t ttl) {
  const auto apex = dns::parse_name(apex_text, dns::root_name());
  if (!apex) return apex.error();
  const auto owner = dns::parse_name(label, *apex);
  if (!owner) return owner.error();
  std::vector<dns::record> out;
  for (const auto& a : addresses) {
    dns::record r;
    r.owner = *owner;
    r.ttl = ttl;
    if (a.family() == AF_INET) {
      const auto* in4 = reinterpret_cast<const sockaddr_in*>(a.data());
      r.type = 1;  // A
      r.rdata.assign(reinterpret_cast<const char*>(&in4->sin_addr), sizeof in4->sin_addr);
    } else {
      const auto* in6 = reinterpret_cast<const sockaddr_in6*>(a.data());
      r.type = 28;  // AAAA
      r.rdata.assign(reinterpret_cast<const char*>(&in6->sin6_addr), sizeof in6->sin6_addr);
    }
    out.push_back(std::move(r));
  }
  return out;
}

/// Answers its caller when every zone has answered; the first fault is the answer if there is one.
struct zone_directory::round {
  promise<messages::published> caller;
  std::size_t missing = 0;
  messages::published live;
  std::optional<fault> failed;

  void done() {
    if (--missing > 0) return;
    if (failed)
      caller.fail(*failed);
    else
      caller.deliver(live);
  }
};

zone_directory::zone_directory(caf::actor_config& cfg, zone_directory_options options)
    : shell(cfg, "zone_directory"), options_(std::move(options)) {}

caf::behavior zone_directory::make_behavior() {
  publish_name(system(), "zonedir", caf::actor_cast<caf::actor>(this));
  return {
      [this](const messages::publish_host_names& m) { publish(m); },
      [this](const messages::withdraw_host_names& m) { withdraw(m); },
      [this](const messages::report_status&) { report(); },
  };
}

void zone_directory::publish(const messages::publish_host_names& m) {
  const auto r = std::make_shared<round>();
  r->caller = promise<messages::published>(this);
  std::vector<std::pair<std::string, add_zone_records>> orders;
  for (const auto& zone : options_.team_zones) {
    add_zone_records order;
    for (const auto& label : m.labels) {
      auto records = host_records(label, zone, options_.addresses, options_.ttl);
      if (!records) {
        r->caller.fail(records.error());
        return;
      }
      order.records.insert(order.records.end(), std::make_move_iterator(records->begin()),
                           std::make_move_iterator(records->end()));
    }
    orders.emplace_back(zone, std::move(order));
  }
  r->missing = orders.size() + 1;
  for (auto& [zone, order] : orders) send_to_zone(zone, std::move(order), r);
  r->done();  // a platform without zones of its own: somebody else serves its names
}

void zone_directory::withdraw(const messages::withdraw_host_names& m) {
  const auto r = std::make_shared<round>();
  r->caller = promise<messages::published>(this);
  r->missing = options_.team_zones.size() + 1;
  for (const auto& zone : options_.team_zones) {
    remove_zone_records order;
    const auto apex = dns::parse_name(zone, dns::root_name());
    for (const auto& label : m.labels)
      if (const auto owner = apex ? dns::parse_name(label, *apex) : apex)
        order.matches.push_back({*owner, std::nullopt, std::nullopt});
    send_to_zone(zone, std::move(order), r);
  }
  r->done();
}

template <class Order>
void zone_directory::send_to_zone(const std::string& zone, Order order,
                                  const std::shared_ptr<round>& r) {
  const auto failed = [r](const fault& f) {
    if (!r->failed) r->failed = f;
    r->done();
  };
  ask<messages::child_location>(
      this, find_name(system(), "zones"), messages::locate_child{zone}, options_.deadline,
      [this, order = std::move(order), r, failed](messages::child_location& found) mutable {
        ask<messages::published>(
            this, found.handle, std::move(order), options_.deadline,
            [r](messages::published& live) {
              r->live.version = std::max(r->live.version, live.version);
              r->done();
            },
            failed);
      },
      failed);
}

void zone_directory::report() {
  struct collection {
    promise<messages::status_rows> caller;
    messages::status_rows rows;
    std::size_t missing = 0;
    void done() {
      if (--missing == 0) caller.deliver(std::move(rows));
    }
  };
  const auto all = std::make_shared<collection>();
  all->caller = promise<messages::status_rows>(this);
  all->missing = options_.ids.size() + 1;
  for (const auto& id : options_.ids) {
    const auto failed = [all, id](const fault& f) {
      all->rows.rows.push_back({"dns", id, to_string(f)});
      all->done();
    };
    ask<messages::child_location>(
        this, find_name(system(), "zones"), messages::locate_child{id}, options_.deadline,
        [this, all, failed](messages::child_location& found) {
          ask<messages::zone_report>(
              this, found.handle, messages::report_zone{}, options_.deadline,
              [all](messages::zone_report& z) {
                all->rows.rows.push_back(
                    {"dns", z.zone,
                     fmt::format("serial {}, {} names, {} records{}{}", z.serial, z.names,
                                 z.records,
                                 z.last_error.empty() ? "" : ", last error: ", z.last_error)});
                all->done();
              },
              failed);
        },
        failed);
  }
  all->done();
}

}  // namespace stagedoor::actors
