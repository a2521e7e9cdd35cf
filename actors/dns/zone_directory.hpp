// SPDX-License-Identifier: Apache-2.0
// The actor that knows which zones the platform's names go into.
//
// | receives                       | replies             | then                                  |
// |--------------------------------|---------------------|---------------------------------------|
// | messages::publish_host_names   | messages::published | all zones of the platform have them   |
// | messages::withdraw_host_names  | messages::published | none has them                         |
// | messages::report_status        | messages::status_rows | a row or two a zone                 |
//
// The zones are children of the supervisor named "zones".
// Owner: the dns_supervisor, after that one. Runs on: the scheduler. Stops when: told to.
#pragma once

#include "actors/dns/zone_messages.hpp"
#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "messages/admin.hpp"
#include "messages/dns.hpp"
#include "messages/publishing.hpp"
#include "runtime/dns/name.hpp"
#include "runtime/net/address.hpp"

#include <memory>
#include <string>
#include <vector>

namespace stagedoor::actors {

struct zone_directory_options {
  std::vector<std::string> ids;         ///< of all its zones, as children
  std::vector<std::string> team_zones;  ///< of those that team names go into; id = "kanban.domain."
  std::vector<net::address> addresses;  ///< what the names have
  std::uint32_t ttl = 60;               ///< seconds
  milliseconds deadline = seconds(5);
};

/// A and AAAA records of {label}.{apex} for the addresses. On failure: malformed, too_large.
[[nodiscard]] result<std::vector<dns::record>> host_records(
    const std::string& label, std::string_view apex_text,
    const std::vector<net::address>& addresses, std::uint32_t ttl);

class zone_directory final : public shell {
 public:
  zone_directory(caf::actor_config& cfg, zone_directory_options options);
  caf::behavior make_behavior() override;

 private:
  struct round;  // one order on its way through the zones

  void publish(const messages::publish_host_names& m);
  void withdraw(const messages::withdraw_host_names& m);
  template <class Order>
  void send_to_zone(const std::string& zone, Order order, const std::shared_ptr<round>& r);
  void report();

  const zone_directory_options options_;
};

}  // namespace stagedoor::actors
