// SPDX-License-Identifier: Apache-2.0
// Serves zone files on one port with one loop and nothing else of the program around it: what the
// differential test asks and what the benchmark measures. Not installed.
//   dns_server_main ADDRESS:PORT [--forward ADDRESS:PORT]... [--log] ORIGIN=FILE...
#include "runtime/dns/rdata_text.hpp"
#include "runtime/dns/server.hpp"
#include "runtime/dns/zone_file.hpp"
#include "runtime/dns/zone_state.hpp"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <future>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace stagedoor;

struct arguments {
  net::address at;
  bool log = false;
  std::vector<net::address> forwards;
  std::vector<std::pair<std::string, std::string>> zones;  ///< origin, file
};

int usage() {
  std::fputs(
      "usage: dns_server_main ADDRESS:PORT [--forward ADDRESS:PORT]... [--log] ORIGIN=FILE...\n",
      stderr);
  return 2;
}

bool read_arguments(int argc, char** argv, arguments& a) {
  if (argc < 2) return false;
  const auto at = net::address::parse(argv[1], 53);
  if (!at) return false;
  a.at = *at;
  for (int i = 2; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto equals = word.find('=');
    if (word == "--log") {
      a.log = true;
    } else if (word == "--forward" && i + 1 < argc) {
      const auto to = net::address::parse(argv[++i], 53);
      if (!to) return false;
      a.forwards.push_back(*to);
    } else if (equals != std::string_view::npos) {
      a.zones.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  arguments args;
  if (!read_arguments(argc, argv, args)) return usage();
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);

  dns::name_table_writer names;
  dns::route_table_writer route_writer(dns::route_shard_bits);
  auto chain = std::make_shared<dns::plugin_chain>();
  chain->errors = args.log;
  if (args.log) chain->log.emplace_back();
  if (!args.forwards.empty()) {
    auto rule = std::make_shared<dns::forward_options>();
    rule->upstreams = args.forwards;
    chain->forwards.push_back(std::move(rule));
  }
  dns::server_block block{{dns::listener_id{1}}, {}, {}, chain};
  if (!args.forwards.empty()) block.keys.push_back(dns::root_name());
  std::uint32_t number = 0;
  for (const auto& [origin, file] : args.zones) {
    const auto apex = dns::parse_name(origin, dns::root_name());
    if (!apex) return std::fprintf(stderr, "%s\n", apex.error().detail.c_str()), 1;
    const auto parsed = dns::read_zone_file(file, *apex);
    for (const auto& d : parsed.warnings)
      std::fprintf(stderr, "warning: %s\n", d.to_string().c_str());
    for (const auto& d : parsed.errors) std::fprintf(stderr, "%s\n", d.to_string().c_str());
    if (!parsed.good()) return 1;
    dns::zone_state state(dns::zone_id{++number}, *apex);
    auto loaded = state.load(parsed.data);
    if (!loaded) return std::fprintf(stderr, "%s\n", loaded.error().detail.c_str()), 1;
    dns::stage(std::move(*loaded), names);
    if (args.forwards.empty() || state.apex() != dns::root_name())
      block.keys.push_back(state.apex());
    block.zones.push_back({state.apex(), state.id()});
  }
  dns::zone_routes routes(route_writer);
  if (const auto set = routes.set_blocks({block}); !set)
    return std::fprintf(stderr, "%s\n", set.error().detail.c_str()), 1;

  loop l;
  dns::server_options options;
  options.log.sink = [](std::string_view lines) {
    return ::write(STDOUT_FILENO, lines.data(), lines.size()) == static_cast<ssize_t>(lines.size());
  };
  dns::server server(l, std::move(options));
  server.apply(names.freeze());
  server.apply(route_writer.freeze());
  const dns::listener_options where{dns::listener_id{1}, args.at};
  if (const auto open = server.listen({&where, 1}); !open)
    return std::fprintf(stderr, "%s\n", open.error().detail.c_str()), 1;
  std::printf("listening %s\n", server.address_of(where.id).value().to_string().c_str());
  std::fflush(stdout);
  l.start();
  int got = 0;
  sigwait(&signals, &got);
  std::promise<void> stopped;
  const bool posted = l.post([&] {
    server.stop();
    stopped.set_value();
  });
  if (posted) stopped.get_future().wait();
  l.stop();
  return 0;
}
