// SPDX-License-Identifier: Apache-2.0
#include "runtime/loop/poller.hpp"

#include <cerrno>
#include <system_error>

namespace stagedoor {

poller::poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

result<void> poller::add(int fd, std::uint32_t events, io_handler& handler) {
  epoll_event e{};
  e.events = events;
  e.data.ptr = &handler;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &e) != 0)
    return errno_fault(fault_side::self, "epoll_ctl add", errno);
  return {};
}

result<void> poller::change(int fd, std::uint32_t events, io_handler& handler) {
  epoll_event e{};
  e.events = events;
  e.data.ptr = &handler;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &e) != 0)
    return errno_fault(fault_side::self, "epoll_ctl change", errno);
  return {};
}

void poller::remove(int fd) noexcept { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

std::span<const epoll_event> poller::wait(std::optional<milliseconds> timeout) {
  const int wait_ms = timeout ? static_cast<int>(timeout->count()) : -1;
  const int count = ::epoll_wait(epoll_.get(), events_.data(), batch, wait_ms);
  return {events_.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

}  // namespace stagedoor
