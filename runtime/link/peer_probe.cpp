// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/peer_probe.hpp"

#include "runtime/net/socket.hpp"

#include <cerrno>
#include <memory>

namespace stagedoor::link {
namespace {

class attempt final : public io_handler {
 public:
  attempt(loop& l, std::function<void(std::optional<link_end>)> done)
      : loop_(l), done_(std::move(done)), deadline_([this] { finish(early_); }) {}

  /// Hands itself over: from here on it lives until finish().
  void start(std::unique_ptr<attempt> self, const net::address& to, milliseconds deadline) {
    self_ = std::move(self);
    errno = 0;
    auto fd = net::connect_tcp(to);
    const int error = errno;
    if (fd) fd_ = *std::move(fd);
    if (!fd_ || !loop_.watch(fd_.get(), all_edges, *this)) {
      early_ = error == 0 || error == EINPROGRESS ? link_end::unreachable : end_of_connect(error);
      deadline = milliseconds(0);
    }
    loop_.arm_after(deadline_, deadline);
  }

  void on_io(std::uint32_t events) override {
    if (self_ == nullptr || (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    const int error = net::connect_error(fd_.get());
    finish(error == 0 ? std::nullopt : std::optional(end_of_connect(error)));
  }

 private:
  void finish(std::optional<link_end> outcome) {
    deadline_.cancel();
    fd_.reset();
    const auto done = std::move(done_);
    loop_.dispose(std::move(self_));
    done(outcome);
  }

  loop& loop_;
  std::function<void(std::optional<link_end>)> done_;
  link_end early_ = link_end::timed_out;  ///< what the timer reports
  timer deadline_;
  unique_fd fd_;
  std::unique_ptr<attempt> self_;
};

}  // namespace

link_end end_of_connect(int error_number) noexcept {
  switch (error_number) {
    case ECONNREFUSED: return link_end::gone;
    case ETIMEDOUT: return link_end::timed_out;
    case ECONNRESET:
    case EPIPE: return link_end::reset;
    default: return link_end::unreachable;
  }
}

void probe_peer(loop& l, const net::address& to, milliseconds deadline,
                std::function<void(std::optional<link_end>)> done) {
  auto made = std::make_unique<attempt>(l, std::move(done));
  auto& a = *made;
  a.start(std::move(made), to, deadline);
}

}  // namespace stagedoor::link
