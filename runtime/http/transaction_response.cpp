// SPDX-License-Identifier: Apache-2.0
// What comes back from the upstream, up to the tunnel that an upgrade makes of both connections.
// The rest of transaction reads the request and sends it.
#include "runtime/http/connection.hpp"
#include "runtime/http/edge.hpp"
#include "runtime/http/status.hpp"
#include "runtime/http/transaction.hpp"

namespace stagedoor::http {
namespace {

constexpr unsigned max_interim_responses = 32;  // of one exchange

}  // namespace

// -- towards the client ------------------------------------------------------------------------------

void transaction::move_response(std::string_view head) {
  if (!response_begun_) {
    if (read_response_head()) got_response_head();
    return;
  }
  const bool was_full = std::exchange(response_is_full_, false);
  const auto before = response_relay_.sent();
  const auto state =
      response_relay_.run({upstream_->io, upstream_->in}, {client_->io, client_->out}, head);
  switch (state) {
    case relay_state::complete: finish(); break;
    case relay_state::yielded: client_->yield(); break;
    case relay_state::full:
      response_is_full_ = true;
      if (!was_full || response_relay_.sent() != before) wait_for_progress();
      break;
    case relay_state::starved:
      // A stream may be silent for hours; the client's going away ends it.
      if (request_relay_.received_all()) client_->wait_until(wait_kind::exchange, mono_time::max());
      break;
    case relay_state::sink_failed: client_gone(); break;
    default: upstream_gone(502); break;
  }
}

// True: the head is complete in response_. Otherwise it is waited for, or the exchange is over.
bool transaction::read_response_head() {
  auto& from = *upstream_;
  for (;;) {
    if (!from.in.empty()) {
      switch (
          response_parser_.parse_response(from.in.data(), request_.method == "HEAD", response_)) {
        case parse_state::done: return true;
        case parse_state::failed: upstream_gone(502); return false;
        case parse_state::incomplete: break;
      }
    }
    if (!from.io.readable()) {
      if (from.in.empty()) from.in.release();
      return false;
    }
    if (from.in.capacity() == 0) {
      from.in.reserve(buffer_pool::small_bytes);
    } else if (from.in.space().empty()) {
      from.in.reserve(std::max(edge_.options().head.head_bytes, from.in.size() + 1) -
                      from.in.size());
      response_parser_.reset();
    }
    const auto got = from.io.read(from.in.space());
    if (got.eof || got.error != 0) {
      upstream_gone(502);
      return false;
    }
    from.in.commit(got.bytes);
    if (got.bytes != 0) response_seen_ = true;
  }
}

void transaction::got_response_head() {
  if (response_.status == 101) {
    if (request_.wants_upgrade && request_relay_.received_all())
      begin_tunnel();
    else
      upstream_gone(502);
    return;
  }
  if (response_.status < 200) {
    pass_interim();
    return;
  }
  if (response_.status >= 500) ++upstream_server_->responses_5xx;
  begin_response();
}

// 100 and 103 go to the client as they come; HTTP/1.0 knows no interim responses.
void transaction::pass_interim() {
  if (++interims_ > max_interim_responses) {
    upstream_gone(502);
    return;
  }
  if (request_.minor_version == 1) {
    response_line_parts line;
    line.keep_length = false;
    write_response_head(edge_.writer(), response_, line, {});
    client_->out.append(edge_.writer().text());
  }
  upstream_->in.consume(response_parser_.size());
  response_parser_.reset();
  if (!client_->out.empty() && client_->io.writable()) {
    const auto text = client_->out.data();
    const auto written = client_->io.write(std::span<const char>(text.data(), text.size()));
    if (written.error != 0) {
      client_gone();
      return;
    }
    client_->out.consume(written.bytes);
    if (client_->out.empty()) client_->out.release();
  }
  move_response();
}

void transaction::begin_response() {
  run_response_middlewares({.head = &response_});
  auto* const filter = exchange_.answer_edits.filter.get();

  response_line_parts line;
  line.framing = response_.framing;
  if (response_.framing != body_framing::none &&
      (filter != nullptr || response_.framing != body_framing::length))
    line.framing = request_.minor_version == 1 ? body_framing::chunked : body_framing::until_close;
  line.keep_length = filter == nullptr && response_.status != 204;
  if (!request_.keep_alive || edge_.draining() || !request_relay_.received_all() ||
      line.framing == body_framing::until_close)
    close_after_ = true;
  line.close = close_after_;
  line.client_is_1_0 = request_.minor_version == 0;
  write_response_head(edge_.writer(), response_, line, exchange_.answer_edits.fields);

  status_ = response_.status;
  response_begun_ = true;
  response_relay_.start(response_.framing, response_.content_length, line.framing,
                        response_.framing == body_framing::none ? nullptr : filter);
  response_head_bytes_ = edge_.writer().text().size();
  upstream_->in.consume(response_parser_.size());
  move_response(edge_.writer().text());
}

// -- upgrades ----------------------------------------------------------------------------------------

void transaction::begin_tunnel() {
  ++edge_.count().upgrades;
  response_line_parts line;
  line.keep_length = false;
  line.upgrade = response_.fields.find("upgrade").value_or(*request_.fields.find("upgrade"));
  write_response_head(edge_.writer(), response_, line, exchange_.answer_edits.fields);
  status_ = 101;
  response_begun_ = true;
  close_after_ = true;
  phase_ = phase::tunnel;
  request_relay_.start(body_framing::until_close, 0, body_framing::until_close);
  response_relay_.start(body_framing::until_close, 0, body_framing::until_close);
  response_head_bytes_ = edge_.writer().text().size();
  upstream_->in.consume(response_parser_.size());
  move_tunnel(edge_.writer().text());
}

void transaction::move_tunnel(std::string_view head) {
  const auto outcome = [this](relay_state s, transport& sink, bool& ended) {
    switch (s) {
      case relay_state::complete:
        if (!ended) sink.shut_down_writes();
        ended = true;
        return true;
      case relay_state::yielded: client_->yield(); return true;
      case relay_state::starved:
      case relay_state::full: return true;
      default: return false;
    }
  };
  auto& client = *client_;
  auto& up = *upstream_;
  if (!outcome(response_relay_.run({up.io, up.in}, {client.io, client.out}, head), client.io,
               tunnel_down_ended_) ||
      !outcome(request_relay_.run({client.io, client.in}, {up.io, up.out}), up.io,
               tunnel_up_ended_)) {
    client.abort();
    return;
  }
  if (tunnel_down_ended_ && tunnel_up_ended_) {
    finish();
    return;
  }
  client.wait_until(wait_kind::exchange, edge_.owner().now() + edge_.options().tunnel_idle);
}

}  // namespace stagedoor::http
