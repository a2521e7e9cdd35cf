// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/link_dialer.hpp"

#include "runtime/base/log.hpp"
#include "runtime/net/socket.hpp"

#include <cassert>
#include <sys/socket.h>

namespace stagedoor::link {

link_dialer::link_dialer(loop& l, link_dialer_options options,
                         std::shared_ptr<const credentials> with, hooks to)
    : loop_(l),
      options_(std::move(options)),
      with_(std::move(with)),
      hooks_(std::move(to)),
      backoff_(options_.first_pause, options_.longest_pause),
      again_([this] { dial(); }) {}

link_dialer::~link_dialer() { assert(!fd_ && link_ == nullptr); }

result<void> link_dialer::start() {
  auto loopback = net::address::parse_ip("127.0.0.1", 0);
  auto fd = net::listen_tcp(*loopback, 1);
  if (!fd) return std::move(fd).error();
  auto at = net::local_address(fd->get());
  if (!at) return std::move(at).error();
  local_ = *at;
  fd_ = *std::move(fd);
  if (auto watched = loop_.watch(fd_.get(), EPOLLIN, *this); !watched) {
    fd_.reset();
    return watched;
  }
  dial();
  return {};
}

void link_dialer::stop() {
  fd_.reset();
  if (link_ != nullptr) link_->close("the node stops");
  again_.cancel();
}

void link_dialer::dial_at(const net::address& address) {
  options_.address = address;
  if (link_ != nullptr || !fd_) return;
  backoff_.reset();
  again_.cancel();
  dial();
}

void link_dialer::dial() {
  assert(link_ == nullptr);
  link_owner& me = *this;
  link_ = std::make_unique<link>(loop_, options_.setup, with_, options_.address, options_.node, me);
  link_->start();
}

void link_dialer::on_io(std::uint32_t) {
  if (!fd_) return;
  unique_fd local(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!local || link_ == nullptr) return;
  (void)link_->carry(std::move(local));
}

std::optional<refused> link_dialer::link_asks(const link&, const peer& who) {
  return hooks_.allow ? hooks_.allow(who) : std::nullopt;
}

void link_dialer::link_up(link& l) {
  if (const auto withheld = log_limit_.pass("up", loop_.now()))
    log::info("link up", {{"node", l.other().node},
                          {"peer", l.address().to_string()},
                          {"incarnation", l.other().run.to_string()},
                          {"build", l.other().build},
                          {"protocol", l.other().protocol},
                          {"withheld", *withheld}});
  if (hooks_.up) hooks_.up(l.other());
}

void link_dialer::link_down(link& l) {
  assert(link_.get() == &l);
  const auto mine = std::exchange(link_, nullptr).release();
  loop_.dispose(std::unique_ptr<link>(mine));
  const auto why = *l.ended();
  const bool settled = l.up() && loop_.now() - l.up_since() >= options_.settled_after;
  if (fd_) {
    if (settled) backoff_.reset();
    // At once after a link that stood: the answer tells whether the process is gone.
    loop_.arm_after(again_, settled ? milliseconds(0) : backoff_.next(loop_.random()));
  }
  const auto say = why == link_end::goodbye ? &log::info : &log::warning;
  if (why != link_end::local)
    if (const auto withheld = log_limit_.pass(std::string(to_string(why)), loop_.now()))
      say(l.up() ? "link down" : "link not up", {{"node", options_.node},
                                                 {"peer", options_.address.to_string()},
                                                 {"reason", to_string(why)},
                                                 {"error", l.detail()},
                                                 {"withheld", *withheld}});
  if (l.up()) {
    if (hooks_.down) hooks_.down(l.other(), why, l.detail());
  } else if (hooks_.failed) {
    hooks_.failed(why, l.detail());
  }
}

}  // namespace stagedoor::link
