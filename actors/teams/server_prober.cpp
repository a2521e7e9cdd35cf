// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/server_prober.hpp"

#include "actors/teams/team_spec_json.hpp"
#include "runtime/net/probe.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

/// One question to all servers of a team; lives until the last has answered.
struct round {
  std::function<void(std::vector<probe_failure>)> finished;
  std::vector<probe_failure> failures;
  std::size_t missing = 0;

  void done(const std::string& url, const result<void>& outcome) {
    if (!outcome) failures.push_back({url, outcome.error().detail});
    if (--missing > 0) return;
    std::sort(failures.begin(), failures.end(),
              [](const probe_failure& a, const probe_failure& b) { return a.url < b.url; });
    finished(std::move(failures));
  }
};

fault no_address(const std::string& host) {
  return {fault_kind::not_found, fault_side::upstream, retryable::yes,
          fmt::format("{} has no address", host)};
}

void connect(loop& control, net::resolver& names, const server_url& server, mono_time deadline,
             std::function<void(result<void>)> done) {
  const auto left = [&control, deadline] {
    return std::max(milliseconds(1),
                    std::chrono::duration_cast<milliseconds>(deadline - control.now()));
  };
  if (const auto numeric = net::address::parse_ip(server.host, server.port)) {
    net::probe(control, *numeric, left(), std::move(done));
    return;
  }
  names.lookup(server.host, deadline,
               [&control, server, left, done = std::move(done)](result<net::addresses> found) {
                 if (!found) return done(found.error());
                 if (found->empty()) return done(no_address(server.host));
                 auto at = found->front();
                 at.set_port(server.port);
                 net::probe(control, at, left(), done);
               });
}

void get(client::http_client& http, const std::string& url, const std::string& path,
         milliseconds deadline, const std::function<void(result<void>)>& done) {
  client::request r;
  r.method = "GET";
  r.url = (url.ends_with('/') ? url.substr(0, url.size() - 1) : url) + path;
  r.deadline = deadline;
  const auto sent = http.send(std::move(r), [done](result<client::response> answer) {
    if (!answer) return done(answer.error());
    // Traefik's rule for an active health check: 2xx and 3xx are healthy.
    if (answer->status >= 200 && answer->status < 400) return done({});
    done(fault{fault_kind::refused, fault_side::upstream, retryable::yes,
               fmt::format("health check answered {}", answer->status)});
  });
  if (!sent) done(sent.error());
}

}  // namespace

probe_function server_prober(loop& control, net::resolver& names, client::http_client& http) {
  return [&](const std::vector<std::string>& urls, const std::string& path, milliseconds deadline,
             std::function<void(std::vector<probe_failure>)> finished) {
    const auto r = std::make_shared<round>();
    r->finished = std::move(finished);
    r->missing = urls.size() + 1;
    const bool posted = control.post([&control, &names, &http, urls, path, deadline, r] {
      const auto until = control.now() + deadline;
      for (const auto& url : urls) {
        const auto done = [r, url](const result<void>& outcome) { r->done(url, outcome); };
        const auto server = parse_server_url(url);
        if (!server)
          done(server.error());
        else if (path.empty())
          connect(control, names, *server, until, done);
        else
          get(http, url, path, deadline, done);
      }
      r->done({}, {});
    });
    if (posted) return;
    for (const auto& url : urls)
      r->failures.push_back({url, "not probed: the control loop is busy"});
    r->finished(std::move(r->failures));
  };
}

}  // namespace stagedoor::actors
