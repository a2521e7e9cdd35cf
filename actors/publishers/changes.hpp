// SPDX-License-Identifier: Apache-2.0
// What may be asked of each publisher: one kind of change a table.
//
// The functions run once, in the publisher, and may move what they captured.
#pragma once

#include "actors/support/local_messages.hpp"
#include "runtime/dns/routes.hpp"
#include "runtime/dns/zone_node.hpp"
#include "runtime/http/site.hpp"
#include "runtime/snapshot/table.hpp"
#include "runtime/tls/certificate.hpp"

#include <functional>
#include <string>

namespace stagedoor::actors {

template <class Value>
struct table_change {
  using value_type = Value;
  std::function<void(snapshot::table_writer<Value>&)> stage;
};

/// Sites by host.
struct change_sites : table_change<http::site> {};
/// Certificates by server name.
struct change_certificates : table_change<tls::certificate> {};
/// Names of all zones.
struct change_names : table_change<dns::zone_node> {};
/// Which zone answers which names on which listener.
struct change_zones : table_change<dns::zone_route> {};
/// ACME HTTP-01: key authorisations by "host/token".
struct change_challenges : table_change<std::string> {};

}  // namespace stagedoor::actors
