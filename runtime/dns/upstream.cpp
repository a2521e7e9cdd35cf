// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/upstream.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/random.h>
#include <sys/socket.h>

namespace stagedoor::dns {
namespace {

std::string_view text_of(std::span<const std::uint8_t> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

result<unique_fd> connect_udp(const net::address& to) {
  unique_fd fd(::socket(to.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_fault(fault_side::self, "socket", errno);
  if (::connect(fd.get(), to.data(), to.size()) != 0)
    return errno_fault(fault_side::upstream, "connect " + to.to_string(), errno);
  return fd;
}

}  // namespace

std::uint16_t id_source::next() {
  if (at_ == numbers_.size()) {
    // The kernel's source is ready long before this program runs; 512 bytes come in one piece.
    if (::getrandom(numbers_.data(), sizeof numbers_, 0) != static_cast<ssize_t>(sizeof numbers_))
      std::generate(numbers_.begin(), numbers_.end(), std::random_device{});
    at_ = 0;
  }
  return numbers_[at_++];
}

bool answers(const exchange& e, std::span<const std::uint8_t> message) noexcept {
  if (message.size() < header_size || load16(message.data()) != e.id) return false;
  if ((load16(message.data() + 2) & flag::qr) == 0) return false;
  const unsigned questions = load16(message.data() + 4);
  // A server that could not read the question cannot repeat it.
  if (questions == 0) return (message[3] & 0xfU) != rcode::noerror;
  if (questions != 1 || message.size() < header_size + e.question_bytes) return false;
  const auto asked = std::span(e.query).subspan(header_size, e.question_bytes);
  const auto echoed = message.subspan(header_size, e.question_bytes);
  const std::size_t name = e.question_bytes - 4U;
  return same_name(text_of(asked.first(name)), text_of(echoed.first(name))) &&
         std::memcmp(asked.data() + name, echoed.data() + name, 4) == 0;
}

// -- UDP -------------------------------------------------------------------------------------------

bool udp_port::send(exchange& e, id_source& ids) {
  do {
    e.id = ids.next();
  } while (waiting_.contains(e.id));
  store16(e.query.data(), e.id);
  const auto n = ::send(fd_.get(), e.query.data(), e.query.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n < 0) return false;
  ++used_;
  waiting_.emplace(e.id, &e);
  e.port = this;
  return true;
}

void udp_port::on_io(std::uint32_t) {
  while (fd_) {
    const auto n = ::recv(fd_.get(), scratch_.data(), scratch_.size(), MSG_DONTWAIT);
    if (n >= 0) {
      received(scratch_.first(static_cast<std::size_t>(n)));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR) {
      return broken(std::strerror(errno));
    }
  }
}

void udp_port::received(std::span<const std::uint8_t> message) {
  const auto it =
      message.size() >= header_size ? waiting_.find(load16(message.data())) : waiting_.end();
  if (it == waiting_.end() || !answers(*it->second, message)) return events_.bogus();
  exchange& e = *it->second;
  waiting_.erase(it);
  e.port = nullptr;
  events_.replied(e, message);
}

// An ICMP error concerns everything that waits here.
void udp_port::broken(std::string_view why) {
  const std::string reason(why);
  auto waiting = std::exchange(waiting_, {});
  used_ = ~std::uint32_t{0};
  for (auto& [id, e] : waiting) {
    e->port = nullptr;
    events_.failed(*e, reason);
  }
}

// -- TCP -------------------------------------------------------------------------------------------

tcp_port::tcp_port(loop& owner, unique_fd fd, upstream& of, exchange_events& events)
    : loop_(owner), fd_(std::move(fd)), of_(of), events_(events), idle_([this] {
        of_.gone(*this);
      }) {}

void tcp_port::send(exchange& e, id_source& ids) {
  idle_.cancel();
  current_ = &e;
  e.port = this;
  e.id = ids.next();
  store16(e.query.data(), e.id);
  out_.resize(2 + e.query.size());
  store16(out_.data(), static_cast<std::uint16_t>(e.query.size()));
  std::copy(e.query.begin(), e.query.end(), out_.begin() + 2);
  sent_ = 0;
  in_.clear();
  // A kept connection may be dead already; that shows in an event, never in here.
  if (connected_) (void)flush();
}

void tcp_port::forget(exchange&) {
  current_ = nullptr;
  of_.gone(*this);  // its answer would be taken for that of the next query
}

bool tcp_port::flush() {
  while (sent_ < out_.size()) {
    const auto n =
        ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    sent_ += static_cast<std::size_t>(n);
  }
  return true;
}

void tcp_port::on_io(std::uint32_t events) {
  if (!fd_) return;
  if (!connected_) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    if (const int error = net::connect_error(fd_.get()); error != 0)
      return broken(std::strerror(error));
    connected_ = true;
  }
  if (!flush()) return broken(std::strerror(errno));
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 && !receive())
    return broken("the connection was closed");
  finish();
}

// False when the connection has ended.
bool tcp_port::receive() {
  constexpr std::size_t step = 4096;
  for (;;) {
    const std::size_t had = in_.size();
    in_.resize(had + step);
    const auto n = ::recv(fd_.get(), in_.data() + had, step, MSG_DONTWAIT);
    in_.resize(had + (n > 0 ? static_cast<std::size_t>(n) : 0));
    if (n == 0)
      return current_ != nullptr && in_.size() >= 2 && in_.size() >= 2U + load16(in_.data());
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    // One answer is expected; who sends more than that is not speaking DNS.
    if (current_ == nullptr || in_.size() > 2 + 65535 + step) return false;
  }
}

void tcp_port::finish() {
  if (current_ == nullptr || in_.size() < 2) return;
  const std::size_t length = load16(in_.data());
  if (in_.size() < 2 + length) return;
  exchange& e = *std::exchange(current_, nullptr);
  e.port = nullptr;
  const std::vector<std::uint8_t> message(in_.begin() + 2,
                                          in_.begin() + 2 + static_cast<std::ptrdiff_t>(length));
  if (!answers(e, message)) {
    events_.bogus();
    of_.gone(*this);
    return events_.failed(e, "the answer is for another question");
  }
  of_.rested(*this);
  events_.replied(e, message);
}

void tcp_port::broken(std::string_view why) {
  const std::string reason(why);
  auto* e = std::exchange(current_, nullptr);
  of_.gone(*this);
  if (e == nullptr) return;
  e->port = nullptr;
  events_.failed(*e, reason);
}

// -- the upstream ----------------------------------------------------------------------------------

upstream::upstream(loop& owner, const net::address& at, std::shared_ptr<const forward_options> rule,
                   const forwarder_options& limits, std::span<std::uint8_t> scratch,
                   exchange_events& events, id_source& ids)
    : loop_(owner),
      at_(at),
      rule_(std::move(rule)),
      limits_(limits),
      scratch_(scratch),
      events_(events),
      ids_(ids) {}

// The ports may be on the stack of the caller, so they outlive the turn; closed, since an event
// that is due already must find nobody.
upstream::~upstream() {
  const auto end = [&](auto& ports) {
    for (auto& port : ports) {
      port->close();
      loop_.dispose(std::move(port));
    }
  };
  end(udp_);
  end(worn_);
  end(busy_tcp_);
  end(idle_tcp_);
}

void upstream::close_idle_worn() {
  std::erase_if(worn_, [&](auto& port) {
    if (!port->idle()) return false;
    port->close();
    loop_.dispose(std::move(port));
    return true;
  });
}

udp_port* upstream::choose_udp() {
  close_idle_worn();
  const std::size_t at = ids_.next() % limits_.udp_sockets_per_upstream;
  if (at < udp_.size()) {
    if (!udp_[at]->worn(*rule_, limits_.queries_per_udp_socket)) return udp_[at].get();
    // Too many still wait for answers on old sockets: better a worn one than one more.
    if (worn_.size() >= limits_.udp_sockets_per_upstream) return udp_[at].get();
    worn_.push_back(std::move(udp_[at]));
    udp_.erase(udp_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  auto fd = connect_udp(at_);
  if (!fd) return udp_.empty() ? nullptr : udp_.back().get();
  auto port = std::make_unique<udp_port>(loop_, std::move(*fd), scratch_, events_);
  if (!port->start()) return nullptr;
  udp_.push_back(std::move(port));
  return udp_.back().get();
}

bool upstream::send(exchange& e) {
  e.to = this;
  if (!e.by_tcp) {
    auto* port = choose_udp();
    return port != nullptr && port->send(e, ids_);
  }
  if (idle_tcp_.empty()) {
    auto fd = net::connect_tcp(at_);
    if (!fd) return false;
    auto port = std::make_unique<tcp_port>(loop_, std::move(*fd), *this, events_);
    if (!port->start()) return false;
    busy_tcp_.push_back(std::move(port));
  } else {
    busy_tcp_.push_back(std::move(idle_tcp_.back()));
    idle_tcp_.pop_back();
  }
  busy_tcp_.back()->send(e, ids_);
  return true;
}

void upstream::rested(tcp_port& port) {
  const auto it =
      std::find_if(busy_tcp_.begin(), busy_tcp_.end(), [&](auto& p) { return p.get() == &port; });
  if (it == busy_tcp_.end()) return;
  auto kept = std::move(*it);
  busy_tcp_.erase(it);
  if (idle_tcp_.size() >= limits_.idle_tcp_per_upstream) {
    kept->close();
    return loop_.dispose(std::move(kept));
  }
  kept->rest(rule_->expire);
  idle_tcp_.push_back(std::move(kept));
}

void upstream::gone(tcp_port& port) {
  for (auto* ports : {&busy_tcp_, &idle_tcp_}) {
    const auto it =
        std::find_if(ports->begin(), ports->end(), [&](auto& p) { return p.get() == &port; });
    if (it == ports->end()) continue;
    auto dead = std::move(*it);
    ports->erase(it);
    port.close();
    return loop_.dispose(std::move(dead));
  }
}

}  // namespace stagedoor::dns
