// SPDX-License-Identifier: Apache-2.0
// The path of a request, top to bottom. Bytes are moved elsewhere (transaction.cpp); here is only
// what is decided, in which order, and why in this order.
#include "runtime/http/connection.hpp"
#include "runtime/http/edge.hpp"
#include "runtime/http/router.hpp"
#include "runtime/http/status.hpp"
#include "runtime/http/transaction.hpp"

namespace stagedoor::http {

// The head is complete and well-formed: head_parser has refused everything ambiguous by now, so no
// step below has to ask twice where a message ends or which host it is for.
void transaction::run() {
  // Before any site: what the proxy itself must answer even when no site is configured, and what no
  // site may take away (health checks, certificate challenges, the redirection to HTTPS).
  if (answer_internal() == next::stop) return;

  run_from_route();
}

void transaction::run_from_route() {
  // Host first, then the routes of that host: the only lookup whose cost could grow with the number
  // of sites, and it is one hash. From here on the site's version is held for this exchange. The
  // host of a team that is stored but not in memory is asked about, and the request is back here
  // when that is answered.
  if (find_route() == next::stop) return;

  run_from_middlewares();
}

void transaction::run_from_middlewares() {
  // Before a server is chosen: a request that is answered or held here must cost no server
  // anything.
  if (run_request_middlewares() == next::stop) return;

  // After the middlewares, whose own X-Forwarded-* win over what is known here; what an untrusted
  // client claimed they have not believed (connection_facts::trusted).
  edge_.forwarded_fields(facts_.entry_point).apply(exchange_);

  // As late as possible, so that the choice is made on what is known now and not before a hold.
  if (choose_server() == next::stop) return;

  // A kept connection when there is one. The response comes back to got_response_head(), passes
  // run_response_middlewares() innermost first, and ends in finish().
  reach_upstream();
}

// -- the steps -----------------------------------------------------------------------------------

transaction::next transaction::answer_internal() {
  const auto& hook = edge_.internal_answers();
  exchange_.begin(request_.escaped_path, request_.query, edge_.owner().now());
  exchange_.edits.target_changed = request_.path.data() != request_.escaped_path.data();
  if (hook == nullptr || !hook(exchange_)) return next::step;
  send_answer();
  return next::stop;
}

transaction::next transaction::find_route() {
  const auto match = choose_route(edge_.sites(), exchange_.request);
  if (!match.host_known && ask_about_host(match.chosen) == next::stop) return next::stop;
  if (match.chosen == nullptr) {
    respond(404, "404 page not found\n");
    return next::stop;
  }
  site_ = &edge_.states().acquire(*match.holder);
  if (const auto& use = (*match.holder)->value.use) use->stamp(edge_.owner().now());
  route_ = match.chosen;
  walk_ = middleware_walk(route_->middlewares);
  return next::step;
}

// Before a wildcard's or a catch-all's |otherwise| gets the request, for the team's own site comes
// first. Not so the redirection of an entry point, which no site can take away.
transaction::next transaction::ask_about_host(const route* otherwise) {
  if (host_asked_ || (otherwise != nullptr && otherwise->priority >= reserved_priority))
    return next::step;
  const auto label = edge_.platform_label(request_.host);
  if (label.empty()) return next::step;
  host_asked_ = true;
  const auto known = edge_.options().missing_names->ask(label, *this);
  if (!known) {
    phase_ = phase::parked;
    client_->wait_until(wait_kind::exchange, mono_time::max());  // an answer comes in any case
    return next::stop;
  }
  if (*known != snapshot::activation::failed) return next::step;
  host_not_found_out();
  return next::stop;
}

void transaction::name_answered(snapshot::activation outcome) {
  if (outcome == snapshot::activation::failed)
    host_not_found_out();
  else
    run_from_route();
}

transaction::next transaction::run_request_middlewares() {
  exchange_.now = edge_.owner().now();
  switch (walk_.on_request(exchange_)) {
    case verdict::proceed: break;
    case verdict::respond: send_answer(); return next::stop;
    case verdict::hold:
    case verdict::wait:
      phase_ = phase::holding;
      client_->wait_until(wait_kind::exchange, exchange_.hold_until);
      return next::stop;
  }
  return next::step;
}

transaction::next transaction::choose_server() {
  if (exchange_.edits.fields.overflowed()) {
    respond(500, reason_phrase(500));
    return next::stop;
  }
  const auto index = edge_.choose_server(route_->target);
  if (!index) {
    respond(503, "no available server\n");
    return next::stop;
  }
  const auto route_index = static_cast<std::size_t>(route_ - site_->version->value.routes.data());
  upstream_server_ = site_->servers[route_index][*index];
  server_ = &route_->target->servers[*index];
  return next::step;
}

void transaction::reach_upstream() {
  if (auto kept = edge_.upstreams().reuse(*upstream_server_); kept != nullptr) {
    use(std::move(kept));
    return;
  }
  auto fresh = edge_.upstreams().connect(*upstream_server_);
  if (!fresh) {
    upstream_gone(502);
    return;
  }
  use(std::move(*fresh));
}

void transaction::run_response_middlewares(const response_facts& facts) {
  exchange_.now = edge_.owner().now();
  walk_.on_response(exchange_, facts);
}

}  // namespace stagedoor::http
