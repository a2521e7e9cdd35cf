// SPDX-License-Identifier: Apache-2.0
// What the classes of runtime/ may use at most, under the names of configs/defaults.hpp.
//
// runtime/ may not include configs/, so each of its classes has a default for every limit. Here
// the node hands over the named figures, and a test holds that both agree: a limit is changed in
// configs/defaults.hpp and in its class, or the test fails.
#pragma once

#include "runtime/client/http_client.hpp"
#include "runtime/dns/server.hpp"
#include "runtime/http/edge_options.hpp"
#include "runtime/http/local_server.hpp"
#include "runtime/net/resolver.hpp"
#include "runtime/redis/client.hpp"
#include "runtime/redis/managed_server.hpp"
#include "runtime/snapshot/missing_names.hpp"

namespace stagedoor::cluster::limits {

[[nodiscard]] net::resolver_options resolver();
[[nodiscard]] client::http_client_options http_client();
[[nodiscard]] redis::client_options redis_client();
[[nodiscard]] redis::managed_server_options managed_redis();
[[nodiscard]] http::local_server_options admin_socket();
[[nodiscard]] http::edge_options edge();
[[nodiscard]] dns::server_options dns_server();
[[nodiscard]] snapshot::missing_names_options missing_names();

}  // namespace stagedoor::cluster::limits
