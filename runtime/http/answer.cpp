// SPDX-License-Identifier: Apache-2.0
// Responses that are made here: errors, redirects, what a middleware answers.
#include "runtime/http/connection.hpp"
#include "runtime/http/edge.hpp"
#include "runtime/http/status.hpp"
#include "runtime/http/transaction.hpp"

namespace stagedoor::http {

void transaction::respond(std::uint16_t status, std::string_view body) {
  auto& answer = exchange_.answer;
  answer.clear();
  answer.status = status;
  answer.fields.push_back({"Content-Type", "text/plain; charset=utf-8"});
  answer.fields.push_back({"X-Content-Type-Options", "nosniff"});
  answer.body = body;
  send_answer();
}

// Not 404: a client, or a search engine, must not take it for an answer.
void transaction::host_not_found_out() {
  auto& answer = exchange_.answer;
  answer.clear();
  answer.status = 503;
  answer.fields.push_back({"Content-Type", "text/plain; charset=utf-8"});
  answer.fields.push_back({"Retry-After", "1"});
  answer.body = "this host could not be looked up in time, try again\n";
  send_answer();
}

void transaction::send_answer() {
  release_upstream(false);
  const auto& answer = exchange_.answer;
  if (!take_unread_body()) {
    close_after_ = true;
    client_->leave_unread();
  }
  if (!request_.keep_alive || edge_.draining()) close_after_ = true;

  response_ = {};
  response_.status = answer.status;
  response_.reason = reason_phrase(answer.status);
  for (const auto& f : answer.fields) response_.fields.add(f.name, f.value);
  response_.fields.add("Date", edge_.date());
  const bool bodiless = answer.status < 200 || answer.status == 204 || answer.status == 304;
  response_.framing = bodiless || answer.body.empty() ? body_framing::none : body_framing::length;
  response_.content_length = answer.body.size();
  run_response_middlewares({.head = &response_,
                            .from_upstream = false,
                            .body_complete = true,
                            .body_bytes = answer.body.size()});
  std::string_view body = answer.body;
  if (auto* const filter = exchange_.answer_edits.filter.get(); filter != nullptr) {
    filter_answer(*filter);
    body = answer_body_;
  }

  response_line_parts line;
  line.keep_length = false;
  if (!bodiless) line.content_length = body.size();
  line.close = close_after_;
  line.client_is_1_0 = request_.minor_version == 0;
  auto& text = edge_.writer();
  write_response_head(text, response_, line, exchange_.answer_edits.fields);
  response_head_bytes_ = text.text().size();
  if (!bodiless && request_.method != "HEAD") text.add(body);

  phase_ = phase::answering;
  status_ = answer.status;
  response_begun_ = true;
  response_relay_.start(body_framing::none, 0, body_framing::none);
  move_answer(text.text());
}

// An answer that comes before the request body was read: a short body that is here already is
// skipped, so that the connection can go on. False: the rest of the request stays unread.
bool transaction::take_unread_body() {
  if (body_begun_) return request_relay_.received_all();
  if (request_.framing == body_framing::none) return true;
  if (request_.framing != body_framing::length || client_->in.size() < request_.content_length)
    return false;
  client_->in.consume(static_cast<std::size_t>(request_.content_length));
  return true;
}

void transaction::filter_answer(body_filter& filter) {
  std::string_view rest = exchange_.answer.body;
  std::array<char, 4096> room;
  for (;;) {
    const auto step = filter.transform(rest, room, filter_mode::finish);
    if (step.failed) {
      // Its fields announce an encoding; a body in another one must not follow.
      answer_body_.clear();
      close_after_ = true;
      return;
    }
    rest.remove_prefix(step.consumed);
    answer_body_.append(room.data(), step.produced);
    if (step.done) return;
  }
}

void transaction::move_answer(std::string_view head) {
  const auto before = response_relay_.sent();
  auto& client = *client_;
  switch (response_relay_.run({client.io, client.in}, {client.io, client.out}, head)) {
    case relay_state::complete: finish(); break;
    case relay_state::full:
      if (response_relay_.sent() != before || !head.empty()) wait_for_progress();
      break;
    case relay_state::yielded: client.yield(); break;
    default: client_gone(); break;
  }
}

}  // namespace stagedoor::http
