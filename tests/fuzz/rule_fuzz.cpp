// SPDX-License-Identifier: Apache-2.0
// A rule, then a request: whatever the rule is, the sites it is listed under must include the
// host of a request it matches.
#include "runtime/http/rule.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace stagedoor::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = rule::parse(text);
  if (!parsed) return 0;
  request_head head;
  head.method = "GET";
  head.path = "/api/x";
  head.query = "a=1&b=%41&c=%z";
  head.fields.add("X-Api", "1");
  connection_facts connection;
  connection.client = stagedoor::net::address::parse_ip("192.0.2.7", 1).value();
  for (const std::string_view host : {"", "a.example", "b.a.example"}) {
    head.host = host;
    if (!parsed->matches({&head, &connection})) continue;
    const auto& sites = parsed->sites();
    const auto lists = [&](std::string_view key) {
      return std::find(sites.begin(), sites.end(), key) != sites.end();
    };
    const auto dot = host.find('.');
    const auto wildcard =
        dot == std::string_view::npos ? std::string() : "*" + std::string(host.substr(dot));
    if (!lists("") && !(!host.empty() && lists(host)) && !(!wildcard.empty() && lists(wildcard)))
      std::abort();
  }
  return 0;
}
