// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/probe.hpp"

#include "runtime/net/socket.hpp"

#include <fmt/format.h>
#include <memory>

namespace stagedoor::net {
namespace {

class attempt final : public io_handler {
 public:
  attempt(loop& l, const address& to, std::function<void(result<void>)> done)
      : loop_(l), to_(to), done_(std::move(done)), deadline_([this] {
          finish(fault{fault_kind::timed_out, fault_side::upstream, retryable::yes,
                       fmt::format("connect {}: no answer in time", to_.to_string())});
        }) {}

  /// Hands itself over: from here on it lives until finish().
  void start(std::unique_ptr<attempt> self, milliseconds deadline) {
    self_ = std::move(self);
    auto fd = connect_tcp(to_);
    if (!fd) return finish(std::move(fd).error());
    fd_ = *std::move(fd);
    if (auto watched = loop_.watch(fd_.get(), all_edges, *this); !watched)
      return finish(std::move(watched).error());
    loop_.arm_after(deadline_, deadline);
  }

  void on_io(std::uint32_t events) override {
    if (self_ == nullptr || (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    if (const int error = connect_error(fd_.get()); error != 0)
      finish(errno_fault(fault_side::upstream, fmt::format("connect {}", to_.to_string()), error));
    else
      finish({});
  }

 private:
  void finish(result<void> outcome) {
    deadline_.cancel();
    fd_.reset();
    const auto done = std::move(done_);
    loop_.dispose(std::move(self_));
    done(std::move(outcome));
  }

  loop& loop_;
  const address to_;
  std::function<void(result<void>)> done_;
  timer deadline_;
  unique_fd fd_;
  std::unique_ptr<attempt> self_;
};

}  // namespace

void probe(loop& l, const address& to, milliseconds deadline,
           std::function<void(result<void>)> done) {
  auto made = std::make_unique<attempt>(l, to, std::move(done));
  auto& a = *made;
  a.start(std::move(made), deadline);
}

}  // namespace stagedoor::net
