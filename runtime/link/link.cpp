// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/link.hpp"

#include "runtime/link/peer_probe.hpp"
#include "runtime/net/socket.hpp"

#include <array>
#include <cassert>
#include <cerrno>
#include <fmt/format.h>

namespace stagedoor::link {
namespace {

constexpr std::size_t record_bytes = 16U << 10U;
constexpr int records_a_turn = 32;  // others live in this loop too

}  // namespace

link::link(loop& l, const link_setup& setup, std::shared_ptr<const credentials> with, unique_fd fd,
           const net::address& from, link_owner& owner)
    : loop_(l),
      setup_(setup),
      with_(std::move(with)),
      owner_(owner),
      address_(from),
      protocol_(link_side::listener, setup.me, setup.limits, {}, *this),
      tunnel_(l, protocol_, [this] { settle(); }),
      fd_(std::move(fd)),
      deadline_([this] {
        protocol_.end(link_end::timed_out, "no handshake in time");
        finish();
      }),
      tick_([this] { tick(); }),
      resume_([this] { on_io(EPOLLIN); }) {}

link::link(loop& l, const link_setup& setup, std::shared_ptr<const credentials> with,
           const net::address& to, const std::string& expected, link_owner& owner)
    : loop_(l),
      setup_(setup),
      with_(std::move(with)),
      owner_(owner),
      address_(to),
      expected_(expected),
      protocol_(link_side::dialer, setup.me, setup.limits, expected, *this),
      tunnel_(l, protocol_, [this] { settle(); }),
      deadline_([this] {
        protocol_.end(link_end::timed_out,
                      connecting_ ? "no connection in time" : "no handshake in time");
        finish();
      }),
      tick_([this] { tick(); }),
      resume_([this] { on_io(EPOLLIN); }) {}

// -- lifecycle -------------------------------------------------------------------------------------

void link::start() {
  loop_.arm_after(deadline_, setup_.limits.handshake_deadline);
  if (!fd_) {
    auto fd = net::connect_tcp(address_);
    if (!fd) {
      const bool refused = fd.error().kind == fault_kind::unreachable && errno == ECONNREFUSED;
      protocol_.end(refused ? link_end::gone : link_end::unreachable, fd.error().detail);
      return finish();
    }
    fd_ = *std::move(fd);
    connecting_ = true;
  }
  if (auto watched = loop_.watch(fd_.get(), all_edges, *this); !watched) {
    protocol_.end(link_end::unreachable, watched.error().detail);
    return finish();
  }
  if (!connecting_) begin_tls();
  settle();
}

void link::close(std::string detail) {
  protocol_.end(link_end::local, std::move(detail));
  settle();
}

bool link::carry(unique_fd local) {
  if (!up() || ended() || protocol_.streaming() || !tunnel_.idle()) return false;
  protocol_.open_stream();
  tunnel_.attach(std::move(local));
  settle();
  return true;
}

void link::finish() {
  if (finished_) return;
  finished_ = true;
  deadline_.cancel();
  tick_.cancel();
  resume_.cancel();
  tunnel_.close();
  if (tls_ && secured_) (void)tls_->shutdown();
  tls_.reset();
  fd_.reset();
  owner_.link_down(*this);
}

// -- the connection --------------------------------------------------------------------------------

void link::on_io(std::uint32_t events) {
  if (finished_) return;
  if (connecting_) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    if (const int error = net::connect_error(fd_.get()); error != 0) {
      protocol_.end(end_of_connect(error),
                    errno_fault(fault_side::peer, "connect " + address_.to_string(), error).detail);
      return finish();
    }
    connecting_ = false;
    begin_tls();
  }
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) writable_ = true;
  if (tls_ && !secured_) shake_hands();
  if (secured_) receive();
  settle();
}

void link::begin_tls() {
  auto made = expected_.empty() ? tls::session::accept(*with_->server, fd_.get())
                                : tls::session::connect(*with_->client, fd_.get(), expected_);
  if (!made) return protocol_.end(link_end::untrusted, made.error().detail);
  tls_.emplace(*std::move(made));
  writable_ = true;
}

void link::shake_hands() {
  switch (tls_->handshake().status) {
    case tls::io_status::again: return;
    case tls::io_status::ok: break;
    default: return broke();
  }
  if (tls_->alpn() != link_alpn)
    return protocol_.end(link_end::untrusted, "the peer does not speak " + std::string(link_alpn));
  secured_ = true;
  protocol_.start({tls_->peer_dns_names(),
                   [this](std::string_view context) -> std::optional<hello_proof> {
                     auto secret = tls_->export_secret(hello_label, context);
                     return secret ? std::optional(*secret) : std::nullopt;
                   }},
                  loop_.now());
}

void link::broke() {
  const bool said_hello = !other().node.empty();
  // Over TLS 1.3 a client is told only after its own handshake that its certificate is not taken.
  const auto why = tls_->was_cut() ? link_end::reset
                   : said_hello    ? link_end::protocol_error
                                   : link_end::untrusted;
  protocol_.end(why, tls_->error());
}

void link::receive() {
  std::array<char, record_bytes> piece;
  for (int i = 0; i < records_a_turn && !ended(); ++i) {
    const auto got = tls_->read(piece);
    if (got.status == tls::io_status::again) return;
    if (got.status == tls::io_status::eof)
      return protocol_.end(link_end::reset, "the peer closed without a goodbye");
    if (got.status == tls::io_status::error) return broke();
    protocol_.receive({piece.data(), got.bytes}, loop_.now());
  }
  if (!ended()) loop_.arm_after(resume_, milliseconds(0));
}

/// Lets everything move that can, then looks whether it was the end.
void link::settle() {
  if (finished_) return;
  do {
    flush();
  } while (!ended() && tunnel_.pump());
  if (ended()) {
    flush();
    finish();
  }
}

void link::flush() {
  if (!secured_) return;
  while (writable_ && !protocol_.output().empty()) {
    const auto done = tls_->write(protocol_.output());
    if (done.status == tls::io_status::again) {
      writable_ = false;
    } else if (done.status != tls::io_status::ok) {
      writable_ = false;
      broke();
    } else {
      protocol_.sent(done.bytes);
    }
  }
}

void link::tick() {
  protocol_.tick(loop_.now());
  if (!ended()) loop_.arm(tick_, protocol_.next_deadline());
  settle();
}

// -- what the protocol says ------------------------------------------------------------------------

std::optional<refused> link::on_hello(const peer& who) { return owner_.link_asks(*this, who); }

void link::on_up() {
  deadline_.cancel();
  up_since_ = loop_.now();
  loop_.arm(tick_, protocol_.next_deadline());
  owner_.link_up(*this);
}

void link::on_opened() { tunnel_.connect(setup_.local); }

}  // namespace stagedoor::link
