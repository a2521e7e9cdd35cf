// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/connection.hpp"

#include "runtime/http/edge.hpp"
#include "runtime/http/transaction.hpp"

#include <algorithm>
#include <utility>

namespace stagedoor::http {

connection::connection(edge& owner, unique_fd fd, const connection_facts& f)
    : io(std::move(fd)),
      in(owner.buffers()),
      out(owner.buffers()),
      facts(f),
      edge_(owner),
      client_ip_(f.client.ip()),
      timer_([this] { fire(); }) {
  facts.client_ip = client_ip_;
  io.assume_writable();
}

connection::~connection() = default;

result<void> connection::start(const tls::server_context* tls) {
  tls_ = tls;
  handshaking_ = tls != nullptr;
  const auto now = edge_.owner().now();
  if (handshaking_)
    wait_until(wait_kind::handshake, now + edge_.options().handshake);
  else
    wait_until(wait_kind::next_request, now + edge_.options().idle);
  return edge_.owner().watch(io.fd(), all_edges, *this);
}

// -- events ----------------------------------------------------------------------------------------

void connection::on_io(std::uint32_t events) {
  if (closed_) return;
  io.note(events);
  go_on();
}

void connection::go_on() {
  if (closed_) return;
  if (handshaking_ && !secure()) return;
  if (waits_for_ == wait_kind::lingering)
    discard();
  else if (exchanging_)
    transaction_->go_on();
  else
    serve();
}

// Plain and TLS clients share a port; the first byte tells them apart (RFC 8446 section 5.1: a
// handshake record begins with 22, no HTTP method does). True: requests may be read.
bool connection::secure() {
  constexpr int handshake_record = 0x16;
  if (tls_ != nullptr) {
    const int first = io.peek();
    if (first < 0) {
      if (io.peer_closed()) close();
      return false;
    }
    if (first != handshake_record) {
      tls_ = nullptr;
      handshaking_ = false;
      return true;
    }
    auto session = tls::session::accept(*std::exchange(tls_, nullptr), io.fd());
    if (!session) {
      close();
      return false;
    }
    io.start_tls(std::move(*session));
  }
  switch (io.handshake()) {
    case transport::handshake_state::again:
      if (io.peer_closed()) break;
      return false;
    case transport::handshake_state::failed: break;
    case transport::handshake_state::done:
      ++edge_.count().handshakes;
      handshaking_ = false;
      facts.tls = true;
      return true;
  }
  ++edge_.count().handshake_failures;
  close();
  return false;
}

void connection::serve() {
  serving_ = true;
  auto left = edge_.options().requests_a_turn;
  while (!closed_ && next_request()) {
    if (--left == 0) {
      yield();
      break;
    }
  }
  serving_ = false;
}

// False: nothing more to do before the next event.
bool connection::next_request() {
  if (last_) {
    end();
    return false;
  }
  if (in.empty() && !read_more()) return false;
  if (transaction_ == nullptr) {
    transaction_ = edge_.take_transaction();
    transaction_->begin(*this);
  }
  for (;;) {
    switch (transaction_->read_head()) {
      case parse_state::done:
        exchanging_ = true;
        transaction_->run();
        return !exchanging_;
      case parse_state::failed:
        exchanging_ = true;
        transaction_->refuse(transaction_->error());
        return !exchanging_;
      case parse_state::incomplete:
        if (!read_more()) return false;
        break;
    }
  }
}

// True: there are more bytes in |in|.
bool connection::read_more() {
  const auto now = edge_.owner().now();
  if (!io.readable()) {
    if (!in.empty()) {
      if (waits_for_ != wait_kind::rest_of_head)
        wait_until(wait_kind::rest_of_head, now + edge_.options().read_head);
    } else {
      if (transaction_ != nullptr) edge_.give_transaction(std::move(transaction_));
      in.release();
      wait_until(wait_kind::next_request, now + edge_.options().idle);
    }
    return false;
  }
  if (in.capacity() == 0) {
    in.reserve(buffer_pool::small_bytes);
  } else if (in.space().empty()) {
    // The head fills the block. It moves once, into one that holds the largest head allowed.
    in.reserve(std::max(edge_.options().head.head_bytes, in.size() + 1) - in.size());
    transaction_->head_moved();
  }
  const auto got = io.read(in.space());
  if (got.eof || got.error != 0) {
    close();
    return false;
  }
  in.commit(got.bytes);
  return got.bytes != 0 || read_more();
}

// -- the end of exchanges and connections ------------------------------------------------------------

void connection::exchange_done(bool keep) {
  exchanging_ = false;
  waits_for_ = wait_kind::nothing;
  edge_.give_transaction(std::move(transaction_));
  if (!keep) last_ = true;
  if (!serving_) serve();
}

void connection::abort() { close(); }

// Closing a socket with unread bytes resets it, and the reset can overtake the answer: so the
// answer is followed by FIN, and what still comes is thrown away for a while (RFC 9112
// section 9.6).
void connection::end() {
  if (io.peer_closed() || (in.empty() && !io.readable() && !unread_)) {
    close();
    return;
  }
  io.shut_down_writes();
  in.release();
  wait_until(wait_kind::lingering, edge_.owner().now() + edge_.options().lingering);
  discard();
}

void connection::discard() {
  in.reserve(buffer_pool::small_bytes);
  while (io.readable()) {
    const auto got = io.read(in.space());
    discarded_ += got.bytes;
    if (got.eof || got.error != 0 || discarded_ > edge_.options().lingering_bytes) {
      close();
      return;
    }
  }
  in.release();
}

void connection::close() {
  if (closed_) return;
  closed_ = true;
  timer_.cancel();
  if (transaction_ != nullptr) {
    transaction_->cancel();
    edge_.give_transaction(std::move(transaction_));
  }
  in.release();
  out.release();
  io.close();
  edge_.closed(*this);
}

void connection::drain() {
  last_ = true;
  if (waits_for_ == wait_kind::next_request || waits_for_ == wait_kind::handshake) close();
}

// -- time ------------------------------------------------------------------------------------------

// Deadlines move with every request, and nearly none passes. So the timer is left where it is while
// that is early enough, and set again when it fires.
void connection::wait_until(wait_kind what, mono_time deadline) {
  waits_for_ = what;
  deadline_ = deadline;
  if (deadline >= armed_for_) return;
  armed_for_ = deadline;
  edge_.owner().arm(timer_, deadline);
}

void connection::fire() {
  armed_for_ = mono_time::max();
  if (deadline_ > edge_.owner().now()) {
    if (deadline_ != mono_time::max()) wait_until(waits_for_, deadline_);
    return;
  }
  switch (waits_for_) {
    case wait_kind::nothing: break;
    case wait_kind::handshake:
    case wait_kind::next_request:
    case wait_kind::lingering: close(); break;
    case wait_kind::rest_of_head:
      exchanging_ = true;
      transaction_->refuse({408, "request head not complete in time"});
      break;
    case wait_kind::exchange: transaction_->on_deadline(); break;
  }
}

void connection::yield() {
  if (yielding_) return;
  yielding_ = true;
  edge_.yielded(*this);
}

}  // namespace stagedoor::http
