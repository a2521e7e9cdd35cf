// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/link_listener.hpp"

#include "runtime/base/log.hpp"
#include "runtime/net/socket.hpp"

#include <cassert>
#include <cerrno>
#include <fmt/format.h>
#include <sys/socket.h>

namespace stagedoor::link {
namespace {

constexpr int backlog = 128;
constexpr int accepts_a_turn = 16;
constexpr milliseconds pause_when_out_of_descriptors{100};

/// A node of this cluster that may not join now is no attacker: others at its address must not
/// wait because it tries again.
admission::outcome outcome_of(std::optional<refusal> why) noexcept {
  const bool is_honest = why && *why != refusal::replayed && *why != refusal::wrong_name;
  return is_honest ? admission::outcome::known : admission::outcome::failed;
}

}  // namespace

link_listener::link_listener(loop& l, link_listener_options options,
                             std::shared_ptr<const credentials> with, hooks to)
    : loop_(l),
      options_(std::move(options)),
      with_(std::move(with)),
      hooks_(std::move(to)),
      admission_(options_.admission, l.now()),
      pause_([this] { resume(); }) {}

link_listener::~link_listener() { assert(!fd_ && strangers_.empty() && up_.empty()); }

result<void> link_listener::start() {
  auto fd = net::listen_tcp(options_.address, backlog, net::port_use::alone);
  if (!fd) return std::move(fd).error();
  auto at = net::local_address(fd->get());
  if (!at) return std::move(at).error();
  address_ = *at;
  fd_ = *std::move(fd);
  auto watched = loop_.watch(fd_.get(), EPOLLIN, *this);
  if (!watched) fd_.reset();
  return watched;
}

void link_listener::stop() {
  pause_.cancel();
  fd_.reset();
  while (!strangers_.empty()) strangers_.begin()->second->close("the node stops");
  while (!up_.empty()) up_.begin()->second->close("the node stops");
}

void link_listener::close(const std::string& node, const std::string& why) {
  if (const auto at = up_.find(node); at != up_.end()) at->second->close(why);
}

// -- accepting -------------------------------------------------------------------------------------

void link_listener::on_io(std::uint32_t) {
  for (int i = 0; i < accepts_a_turn && fd_; ++i) {
    if (const auto wait = admission_.pause(loop_.now()); wait.count() > 0) return pause_for(wait);
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    auto* const sa = reinterpret_cast<sockaddr*>(&from);
    unique_fd fd(::accept4(fd_.get(), sa, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_for(pause_when_out_of_descriptors);
      return;
    }
    admission_.taken();
    take(std::move(fd), net::address(sa, size));
  }
}

void link_listener::pause_for(std::chrono::nanoseconds wait) {
  (void)loop_.rewatch(fd_.get(), 0, *this);
  loop_.arm_after(pause_, wait);
}

void link_listener::resume() {
  if (fd_) (void)loop_.rewatch(fd_.get(), EPOLLIN, *this);
}

void link_listener::take(unique_fd fd, const net::address& from) {
  const auto verdict = admission_.admit(admission::source_of(from), loop_.now());
  if (verdict != admission::verdict::welcome) return report(from, to_string(verdict), "");
  link_owner& me = *this;
  auto made = std::make_unique<link>(loop_, options_.setup, with_, std::move(fd), from, me);
  auto& l = *made;
  strangers_.emplace(&l, std::move(made));
  l.start();
}

void link_listener::report(const net::address& from, std::string_view reason,
                           std::string_view detail) {
  const auto key = fmt::format("{} {}", admission::source_of(from), reason);
  if (const auto withheld = log_limit_.pass(key, loop_.now()))
    log::warning(
        "link refused",
        {{"source", from.ip()}, {"reason", reason}, {"error", detail}, {"withheld", *withheld}});
}

void link_listener::tell(std::string_view event, const peer& who, const net::address& from,
                         std::string_view reason, std::string_view detail) {
  const auto key = fmt::format("{} {} {}", event, who.node, reason);
  if (const auto withheld = log_limit_.pass(key, loop_.now()))
    log::info(event, {{"node", who.node},
                      {"source", from.ip()},
                      {"incarnation", who.run.to_string()},
                      {"reason", reason},
                      {"error", detail},
                      {"withheld", *withheld}});
}

// -- what links say --------------------------------------------------------------------------------

std::optional<refused> link_listener::link_asks(const link& l, const peer& who) {
  if (up_.size() >= options_.links && !up_.contains(who.node))
    return refused{refusal::full, fmt::format("{} links are up", up_.size())};
  return hooks_.allow ? hooks_.allow(who, l.address()) : std::nullopt;
}

void link_listener::link_up(link& l) {
  const auto at = strangers_.find(&l);
  assert(at != strangers_.end());
  auto mine = std::move(at->second);
  strangers_.erase(at);
  admission_.settle(admission::source_of(l.address()), admission::outcome::known, loop_.now());
  // A node has one link to us. When it dials again, it knows that the old one is broken.
  if (const auto old = up_.find(l.other().node); old != up_.end())
    old->second->close("replaced by a newer link");
  up_.insert_or_assign(l.other().node, std::move(mine));
  tell("link up", l.other(), l.address(), "", "");
  if (hooks_.up) hooks_.up(l.other(), l.address());
}

void link_listener::link_down(link& l) {
  if (const auto at = strangers_.find(&l); at != strangers_.end()) {
    const auto why = l.refused_because();
    admission_.settle(admission::source_of(l.address()), outcome_of(why), loop_.now());
    if (*l.ended() != link_end::local)
      report(l.address(), why ? to_string(*why) : to_string(*l.ended()), l.detail());
    loop_.dispose(std::move(at->second));
    strangers_.erase(at);
    return;
  }
  const auto at = up_.find(l.other().node);
  assert(at != up_.end() && at->second.get() == &l);
  auto mine = std::move(at->second);
  up_.erase(at);
  tell("link down", l.other(), l.address(), to_string(*l.ended()), l.detail());
  if (hooks_.down) hooks_.down(l.other(), *l.ended(), l.detail());
  loop_.dispose(std::move(mine));
}

}  // namespace stagedoor::link
