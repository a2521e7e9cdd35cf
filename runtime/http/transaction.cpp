// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/transaction.hpp"

#include "runtime/http/connection.hpp"
#include "runtime/http/edge.hpp"
#include "runtime/http/status.hpp"

namespace stagedoor::http {
namespace {

// RFC 9110 section 9.2.2: sending one of these twice does what sending it once does.
bool is_idempotent(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" ||
         method == "PUT" || method == "DELETE";
}

}  // namespace

transaction::transaction(edge& owner)
    : edge_(owner),
      request_parser_(owner.options().head),
      head_bytes_(owner.buffers()),
      exchange_({.head = &request_, .connection = &facts_}, owner.middlewares()),
      response_parser_(owner.options().head) {}

transaction::~transaction() = default;

// -- the request head --------------------------------------------------------------------------------

void transaction::begin(connection& client) {
  client_ = &client;
  facts_ = client.facts;
  began_ = edge_.owner().now();
  if (edge_.log() != nullptr) began_wall_ = edge_.owner().wall_now();
  request_parser_.reset();
  phase_ = phase::idle;
  response_begun_ = false;
  response_is_full_ = false;
  response_seen_ = false;
  upstream_deaf_ = false;
  retried_ = false;
  host_asked_ = false;
  close_after_ = false;
  body_begun_ = false;
  response_complete_ = false;
  interims_ = 0;
  status_ = 0;
  response_head_bytes_ = 0;
}

parse_state transaction::read_head() {
  const auto state = request_parser_.parse_request(client_->in.data(), request_);
  if (state != parse_state::done) return state;
  // The head keeps its block while the exchange lasts; what followed it moves to the next one.
  const auto following = client_->in.data().substr(request_parser_.size());
  head_bytes_.swap(client_->in);
  client_->in.append(following);
  half_closed_ = client_->io.peer_closed();
  ++edge_.count().requests;
  return state;
}

void transaction::refuse(const parse_fault& why) {
  // Nothing of the head may be relied on.
  request_.method = {};
  request_.target = {};
  request_.framing = body_framing::none;
  request_.minor_version = 1;
  request_.keep_alive = false;
  request_.fields.clear();
  ++edge_.count().requests;
  ++edge_.count().malformed;
  client_->leave_unread();
  respond(why.status, reason_phrase(why.status));
}

// -- events ----------------------------------------------------------------------------------------

void transaction::go_on() {
  auto& io = client_->io;
  // A client that has closed its side is gone, unless what it sent is still to be read.
  const bool request_is_here = phase_ == phase::parked
                                   ? request_.framing == body_framing::none
                                   : phase_ != phase::exchanging || request_relay_.received_all();
  if (phase_ != phase::tunnel &&
      (io.broken() || (io.peer_closed() && request_is_here && !half_closed_))) {
    client_gone();
    return;
  }
  switch (phase_) {
    case phase::exchanging: exchange_bytes(); break;
    case phase::answering: move_answer(); break;
    case phase::tunnel: move_tunnel(); break;
    default: break;
  }
}

void transaction::on_upstream() {
  switch (phase_) {
    case phase::connecting:
      if (upstream_->connecting) return;
      if (upstream_->connect_error != 0) {
        ++upstream_->server.connect_failures;
        upstream_gone(502);
        return;
      }
      send_request();
      break;
    case phase::exchanging: exchange_bytes(); break;
    case phase::tunnel: move_tunnel(); break;
    default: break;
  }
}

// Whichever side had news: the request goes on first, since the response may depend on it.
void transaction::exchange_bytes() {
  const auto mine = serial_;
  if (!request_relay_.received_all() || !upstream_->out.empty()) move_request();
  if (serial_ == mine && phase_ == phase::exchanging) move_response();
}

void transaction::on_deadline() {
  switch (phase_) {
    case phase::holding: run_from_middlewares(); break;
    case phase::connecting:
      ++upstream_server_->connect_failures;
      upstream_gone(504);
      break;
    case phase::exchanging:
      // Either the response head is late, or a body has not moved.
      if (response_begun_ || !request_relay_.received_all()) {
        client_->abort();
      } else {
        ++upstream_server_->timeouts;
        upstream_gone(504);
      }
      break;
    default: client_->abort(); break;
  }
}

void transaction::cancel() {
  if (phase_ != phase::idle && phase_ != phase::answering && !response_complete_) {
    ++edge_.count().client_gone;
  }
  let_go(false);
}

// -- towards the upstream ----------------------------------------------------------------------------

void transaction::use(std::unique_ptr<upstream_connection> c) {
  upstream_ = std::move(c);
  upstream_->user = this;
  response_seen_ = false;
  upstream_deaf_ = false;
  if (upstream_->connecting) {
    phase_ = phase::connecting;
    client_->wait_until(wait_kind::exchange, edge_.owner().now() + edge_.options().connect);
    return;
  }
  send_request();
}

void transaction::send_request() {
  phase_ = phase::exchanging;
  ++upstream_server_->requests;
  response_parser_.reset();
  response_begun_ = false;
  response_is_full_ = false;
  response_complete_ = false;

  request_line_parts line;
  line.method = request_.method;
  line.path = exchange_.edits.path;
  line.query = exchange_.edits.query;
  line.has_query = !line.query.empty() || (!exchange_.edits.target_changed && has_bare_query());
  line.authority = authority_to_send();
  if (request_.wants_upgrade) line.upgrade = *request_.fields.find("upgrade");
  write_request_head(edge_.writer(), request_, line, exchange_.edits.fields);

  body_begun_ = true;
  request_relay_.start(request_.framing, request_.content_length, request_.framing);
  const auto mine = serial_;
  move_request(edge_.writer().text());
  // A kept connection that was closed may already have said so.
  if (serial_ == mine && phase_ == phase::exchanging && upstream_deaf_) move_response();
}

bool transaction::has_bare_query() const noexcept { return request_.target.ends_with('?'); }

std::string_view transaction::authority_to_send() const noexcept {
  if (!exchange_.edits.authority.empty()) return exchange_.edits.authority;
  if (!route_->target->pass_host_header) return server_->authority;
  return request_.absolute_form || !request_.has_host ? request_.authority : std::string_view{};
}

void transaction::move_request(std::string_view head) {
  const auto before = request_relay_.sent();
  const auto state =
      request_relay_.run({client_->io, client_->in}, {upstream_->io, upstream_->out}, head);
  switch (state) {
    case relay_state::complete:
      if (edge_.options().response_header.count() > 0 && !response_begun_)
        client_->wait_until(wait_kind::exchange,
                            edge_.owner().now() + edge_.options().response_header);
      else if (!response_begun_)
        client_->wait_until(wait_kind::exchange, mono_time::max());
      break;
    case relay_state::yielded:
      wait_for_progress();  // the next step may find no room, and have made none itself
      client_->yield();
      break;
    case relay_state::starved:
    case relay_state::full:
      if (request_relay_.sent() != before || !head.empty()) wait_for_progress();
      break;
    case relay_state::cut_off:
    case relay_state::source_failed: client_gone(); break;
    case relay_state::malformed:
    case relay_state::filter_failed:
      ++edge_.count().malformed;
      if (response_begun_) {
        client_->abort();
      } else {
        close_after_ = true;
        respond(400, reason_phrase(400));
      }
      break;
    case relay_state::sink_failed: upstream_deaf_ = true; break;
  }
}

bool transaction::retry() {
  if (!upstream_->reused || retried_ || response_seen_) return false;
  if (request_.framing != body_framing::none) return false;
  if (!is_idempotent(request_.method) && !upstream_deaf_) return false;
  retried_ = true;
  ++edge_.count().retries;
  release_upstream(false);
  // Not another kept one: they were probably closed together.
  auto fresh = edge_.upstreams().connect(*upstream_server_);
  if (!fresh) return false;
  use(std::move(*fresh));
  return true;
}

void transaction::upstream_gone(std::uint16_t status) {
  if (response_begun_) {
    ++upstream_server_->broken_exchanges;
    ++edge_.count().upstream_errors;
    client_->abort();  // the client must see that the response is not whole
    return;
  }
  if (status == 502 && phase_ == phase::exchanging) {
    if (retry()) return;
    ++upstream_server_->broken_exchanges;
  }
  ++edge_.count().upstream_errors;
  respond(status, reason_phrase(status));
}

void transaction::client_gone() {
  status_ = 499;
  client_->abort();
}

// -- the end -----------------------------------------------------------------------------------------

void transaction::wait_for_progress() {
  client_->wait_until(wait_kind::exchange, edge_.owner().now() + edge_.options().stall);
}

void transaction::release_upstream(bool keep) {
  if (upstream_ == nullptr) return;
  if (keep)
    edge_.upstreams().keep(std::move(upstream_));
  else
    edge_.upstreams().drop(std::move(upstream_));
}

void transaction::finish() {
  response_complete_ = true;
  const bool request_done = request_relay_.received_all();
  const bool keep_upstream = upstream_ != nullptr && phase_ == phase::exchanging &&
                             response_.keep_alive && request_done && !upstream_deaf_ &&
                             upstream_->out.empty();
  if (!request_done) {
    close_after_ = true;
    client_->leave_unread();
  }
  edge_.count().bytes_in += request_relay_.received();
  edge_.count().bytes_out += response_relay_.sent();
  ++edge_.count().by_class[status_ / 100 < 6 ? status_ / 100 : 0];
  auto& client = *client_;
  const bool keep_client = !close_after_;
  let_go(keep_upstream);
  // Last: the next request may begin in here, with this very object.
  client.exchange_done(keep_client);
}

// Before the head and the site are let go: the entry only points at them.
void transaction::write_log() {
  auto* const log = edge_.log();
  if (log == nullptr || phase_ == phase::idle) return;
  access_entry entry;
  entry.client = forwarded_client(exchange_.request);
  entry.user = exchange_.edits.user;
  entry.start = began_wall_;
  entry.method = request_.method;
  entry.target = request_.target;
  entry.protocol = request_.minor_version == 1 ? "HTTP/1.1" : "HTTP/1.0";
  entry.status = status_;
  const auto sent = response_relay_.sent();
  entry.bytes = sent > response_head_bytes_ ? sent - response_head_bytes_ : 0;
  entry.referer = request_.fields.find("referer").value_or("");
  entry.user_agent = request_.fields.find("user-agent").value_or("");
  entry.number = edge_.counters().requests;
  if (route_ != nullptr) entry.router = route_->name;
  if (server_ != nullptr) entry.server = server_->url;
  entry.duration = edge_.owner().now() - began_;
  log->write(entry);
}

void transaction::let_go(bool keep_upstream) {
  write_log();
  stop_waiting();
  ++serial_;
  phase_ = phase::idle;
  release_upstream(keep_upstream);
  walk_.on_end(exchange_);
  walk_ = {};
  if (site_ != nullptr) edge_.states().release(*std::exchange(site_, nullptr));
  route_ = nullptr;
  server_ = nullptr;
  upstream_server_ = nullptr;
  client_ = nullptr;
  head_bytes_.release();
  answer_body_.clear();
  tunnel_up_ended_ = tunnel_down_ended_ = false;
  exchange_.clear();
  request_relay_.start(body_framing::none, 0, body_framing::none);
}

}  // namespace stagedoor::http
