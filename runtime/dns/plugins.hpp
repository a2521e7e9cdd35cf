// SPDX-License-Identifier: Apache-2.0
// What a server block does with a query besides answering from its zones, in CoreDNS' fixed
// order: errors and log around everything, then file (the zones), then forward.
// Plain values: filled in from a Corefile by the composition root, immutable once published.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/dns/log_format.hpp"
#include "runtime/dns/name.hpp"
#include "runtime/net/address.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace stagedoor::dns {

enum class forward_policy : std::uint8_t { random, round_robin, sequential };

/// One `forward FROM TO...` line.
struct forward_options {
  wire_name from = root_name();   ///< lower-cased; names outside go to the next plugin
  std::vector<wire_name> except;  ///< lower-cased; names at or below go to the next plugin
  std::vector<net::address> upstreams;
  forward_policy policy = forward_policy::random;
  bool force_tcp = false;
  bool prefer_udp = false;
  std::uint32_t max_fails = 2;       ///< failed health checks until an upstream is down; 0 = never
  std::uint32_t max_concurrent = 0;  ///< queries of one loop in flight, then REFUSED; 0 = no limit
  std::uint32_t max_connect_attempts = 0;  ///< 0 = twice the number of upstreams
  bool failfast_all_unhealthy = false;     ///< SERVFAIL instead of trying a random one
  milliseconds health_check{500};          ///< between probes of an upstream that failed
  bool health_recursion = true;            ///< RD bit of a probe
  wire_name health_name = root_name();     ///< probes ask for its NS
  milliseconds expire{10'000};             ///< of an idle TCP connection, and of a UDP source port
  milliseconds read_timeout{2'000};        ///< one attempt
  milliseconds deadline{5'000};            ///< all attempts, then SERVFAIL
};

/// Classes of answers, as the log plugin names them.
enum class answer_class : std::uint8_t { success = 1, denial = 2, error = 4, all = 7 };

/// One `log [NAMES...] [FORMAT] { class ... }` line; the first whose names match decides.
struct log_rule {
  std::vector<wire_name> names = {root_name()};                         ///< lower-cased
  std::uint8_t classes = static_cast<std::uint8_t>(answer_class::all);  ///< of answer_class bits
  log_format format;
};

struct plugin_chain {
  std::vector<log_rule> log;
  bool errors = false;
  std::vector<wire_name>
      fallthrough;  ///< of file, lower-cased: NXDOMAIN below them asks the next plugin
  std::vector<std::shared_ptr<const forward_options>> forwards;  ///< in file order
  std::uint16_t udp_payload = 1232;  ///< most bytes of a UDP answer (bufsize plugin)
  bool apex_ns =
      false;  ///< adds the zone's NS to positive answers as CoreDNS does without `minimal`
};

}  // namespace stagedoor::dns
