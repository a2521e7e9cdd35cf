// SPDX-License-Identifier: Apache-2.0
#include "cluster/lane.hpp"

#include "configs/defaults.hpp"
#include "runtime/base/log.hpp"

#include <fmt/format.h>
#include <future>
#include <poll.h>
#include <unistd.h>

namespace stagedoor::cluster {
namespace {

constexpr std::string_view challenge_prefix =
    "/.well-known/acme-challenge/";  // RFC 8555 section 8.3

/// Standard output, as CoreDNS: what it does not take at once is dropped and counted, since a loop
/// waits for nobody.
bool write_query_log(std::string_view lines) {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  if (::poll(&out, 1, 0) != 1) return false;
  return ::write(STDOUT_FILENO, lines.data(), lines.size()) == static_cast<ssize_t>(lines.size());
}

loop_options options_of(unsigned index) {
  loop_options out;
  out.name = fmt::format("lane-{}", index);
  out.index = index;
  return out;
}

}  // namespace

lane::lane(lane_options options)
    : options_(std::move(options)), loop_(options_of(options_.index)) {}

lane::~lane() { stop(); }

result<void> lane::start() {
  auto context = tls::server_context::make(options_.tls, &certificates_);
  if (!context) return std::move(context).error();
  tls_ = *std::move(context);
  auto entry_points = options_.entry_points;
  for (auto& e : entry_points) e.tls = tls_.get();
  if (options_.activate)
    missing_ =
        std::make_unique<snapshot::missing_names>(loop_, options_.missing_names, options_.activate);
  auto edge_options = options_.edge;
  edge_options.missing_names = missing_.get();
  edge_ = std::make_unique<http::edge>(loop_, std::move(edge_options), std::move(entry_points));
  if (options_.access_log) {
    auto log = http::access_log::open(*options_.access_log);
    if (!log) return std::move(log).error();
    edge_->set_access_log(*std::move(log));
  }
  edge_->set_internal_answer([this](http::exchange& x) { return answer(x); });
  auto dns_options = options_.dns;
  dns_options.log.sink = write_query_log;
  dns_options.missing_names = missing_.get();
  dns_ = std::make_unique<dns::server>(loop_, std::move(dns_options));
  loop_.start();
  return {};
}

result<void> lane::open(std::vector<net::open_socket> given) {
  std::promise<result<void>> opened;
  const bool posted = loop_.post([this, &opened, &given] {
    auto outcome = edge_->start(given);
    if (outcome) outcome = dns_->listen(options_.dns_listeners, given);
    opened.set_value(std::move(outcome));
  });
  if (!posted)
    return fault{fault_kind::overloaded, fault_side::self, retryable::no, "the loop does not run"};
  return opened.get_future().get();
}

void lane::drain(const std::function<void()>& drained) {
  const bool posted = loop_.post([this, drained] {
    draining_ = true;
    edge_->drain(drained);
  });
  if (!posted) drained();
}

std::vector<net::open_socket> lane::copy_sockets() {
  std::promise<std::vector<net::open_socket>> copied;
  const bool posted = loop_.post([this, &copied] {
    std::vector<net::open_socket> all;
    edge_->copy_sockets(all);
    dns_->copy_sockets(all);
    copied.set_value(std::move(all));
  });
  if (!posted) return {};
  return copied.get_future().get();
}

void lane::hand_over(const std::function<void()>& drained) {
  const bool posted = loop_.post([this, drained] {
    const auto one_of_two = [open = std::make_shared<int>(2), drained] {
      if (--*open == 0) drained();
    };
    edge_->hand_over(defaults::handover_patience, one_of_two);
    dns_->hand_over(options_.edge.grace, one_of_two);
  });
  if (!posted) drained();
}

void lane::stop() {
  loop_.stop();  // from here on nothing runs in it
  if (dns_) dns_->stop();
  if (edge_) edge_->stop();
  dns_.reset();
  edge_.reset();
  missing_.reset();
}

// -- what the proxy answers itself ------------------------------------------------------

bool lane::answer(http::exchange& x) {
  const auto& head = *x.request.head;
  const auto& connection = *x.request.connection;
  if (connection.entry_point == options_.ping_entry_point) {
    if (head.path != "/ping") return false;
    // While stopping, balancers in front are told to go elsewhere.
    x.answer.status = draining_ ? 503 : 200;
    x.answer.body = draining_ ? "Service Unavailable" : "OK";
    return true;
  }
  if (!head.path.starts_with(challenge_prefix)) return false;
  const auto token = head.path.substr(challenge_prefix.size());
  scratch_.assign(head.host).append("/").append(token);
  const auto* proof = challenges_.find(scratch_);
  if (proof == nullptr) return false;  // may be the site's own
  x.answer.status = 200;
  x.answer.body = x.memory.copy(*proof);
  return true;
}

// -- for the publishers -------------------------------------------------------------------

template <class Value>
snapshot::subscription<Value> lane::subscription(
    std::function<void(const snapshot::delta<Value>&)> apply) {
  return {[this](loop::task t) { return loop_.post(std::move(t)); }, std::move(apply)};
}

snapshot::subscription<http::site> lane::sites() {
  return subscription<http::site>([this](const auto& d) { edge_->apply(d); });
}
snapshot::subscription<tls::certificate> lane::certificates() {
  return subscription<tls::certificate>([this](const auto& d) { certificates_.apply(d); });
}
snapshot::subscription<dns::zone_node> lane::names() {
  return subscription<dns::zone_node>([this](const auto& d) { dns_->apply(d); });
}
snapshot::subscription<dns::zone_route> lane::zones() {
  return subscription<dns::zone_route>([this](const auto& d) { dns_->apply(d); });
}
snapshot::subscription<std::string> lane::challenges() {
  return subscription<std::string>([this](const auto& d) { challenges_.apply(d); });
}

bool lane::set_down_servers(std::shared_ptr<const http::down_servers> down) {
  return loop_.post([this, down = std::move(down)] { edge_->set_down_servers(down); });
}

bool lane::forget_missing(std::string label) {
  return loop_.post([this, label = std::move(label)] {
    if (missing_) missing_->forget(label);
  });
}

// -- status ---------------------------------------------------------------------------

bool lane::report(const std::function<void(std::vector<messages::status_row>)>& tell) {
  return loop_.post([this, tell] { tell(rows()); });
}

void lane::reopen_logs() {
  (void)loop_.post([this] {
    auto* log = edge_->log();
    if (log == nullptr) return;
    if (const auto reopened = log->reopen(); !reopened)
      log::warning("access log not reopened", {{"error", to_string(reopened.error())}});
  });
}

std::vector<messages::status_row> lane::rows() const {
  const auto& h = edge_->counters();
  const auto& d = dns_->count();
  std::vector<messages::status_row> out;
  const auto row = [&](const char* key, std::uint64_t value) {
    out.push_back({fmt::format("lane-{}", options_.index), key, fmt::format("{}", value)});
  };
  row("connections", h.open_connections);
  row("requests", h.requests);
  row("responses 2xx", h.by_class[2]);
  row("responses 3xx", h.by_class[3]);
  row("responses 4xx", h.by_class[4]);
  row("responses 5xx", h.by_class[5]);
  row("malformed requests", h.malformed);
  row("upstream errors", h.upstream_errors);
  row("dns queries udp", d.udp_queries);
  row("dns queries tcp", d.tcp_queries);
  row("dns dropped", d.dropped);
  row("dns forwarded", d.forwarded);
  if (missing_) {
    const auto& m = missing_->counters();
    row("names parked", m.parked);
    row("names activated", m.activated);
    row("names unknown", m.unknown);
    row("names failed", m.failed);
    row("names refused", m.refused);
  }
  return out;
}

}  // namespace stagedoor::cluster
