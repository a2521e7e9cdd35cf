// SPDX-License-Identifier: Apache-2.0
// One loop that serves one site on one port, to measure the data plane alone:
//   edge_main 127.0.0.1:8080 127.0.0.1:9000
#include "runtime/http/edge.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace {

using namespace stagedoor;

volatile std::sig_atomic_t stopped = 0;

snapshot::delta<http::site> one_site(const net::address& upstream) {
  auto target = std::make_shared<http::service>();
  target->name = "bench@file";
  target->servers.push_back({.url = "http://" + upstream.to_string(),
                             .address = upstream,
                             .authority = upstream.to_string()});
  http::route r;
  r.name = "bench@file";
  r.matcher = http::rule::parse("PathPrefix(`/`)").value();
  r.priority = r.matcher.default_priority();
  r.target = target;
  http::site s;
  s.routes.push_back(std::move(r));
  snapshot::table_writer<http::site> table;
  table.put("", std::move(s));
  return table.freeze();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: edge_main LISTEN UPSTREAM\n");
    return 2;
  }
  const auto listen = net::address::parse(argv[1]);
  const auto upstream = net::address::parse(argv[2]);
  if (!listen || !upstream) {
    std::fprintf(stderr, "edge_main: addresses must be IP:PORT\n");
    return 2;
  }
  std::signal(SIGTERM, [](int) { stopped = 1; });
  std::signal(SIGINT, [](int) { stopped = 1; });

  loop l;
  http::entry_point web;
  web.name = "web";
  web.address = *listen;
  web.forwarded.server_name = "edge";
  http::edge e(l, {}, {web});
  e.apply(one_site(*upstream));
  if (const auto started = e.start(); !started) {
    std::fprintf(stderr, "edge_main: %s\n", to_string(started.error()).c_str());
    return 1;
  }
  while (stopped == 0) l.turn(std::nullopt);
  std::fprintf(stderr, "requests=%llu retries=%llu upstream_errors=%llu\n",
               static_cast<unsigned long long>(e.counters().requests),
               static_cast<unsigned long long>(e.counters().retries),
               static_cast<unsigned long long>(e.counters().upstream_errors));
  return 0;
}
