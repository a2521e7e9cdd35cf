// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/handover_channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace stagedoor::net {
namespace {

constexpr milliseconds look_up_every{100};  // whether to give up
constexpr milliseconds send_limit{5'000};

fault failed(const char* what) { return errno_fault(fault_side::peer, what, errno); }

/// Through the folder's descriptor: a socket's path has room for 107 bytes, a folder's may be
/// longer.
sockaddr_un address_in(int folder) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  const auto path = fmt::format("/proc/self/fd/{}/{}", folder, handover_door::file_name);
  std::memcpy(at.sun_path, path.data(), std::min(path.size(), sizeof at.sun_path - 1));
  return at;
}

result<unique_fd> open_folder(const std::string& folder) {
  unique_fd fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno_fault(fault_side::self, fmt::format("open {}", folder), errno);
  return fd;
}

result<unique_fd> new_socket() {
  unique_fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_fault(fault_side::self, "socket", errno);
  return fd;
}

const sockaddr* as_sockaddr(const sockaddr_un& at) noexcept {
  return reinterpret_cast<const sockaddr*>(&at);
}

}  // namespace

// -- the channel -----------------------------------------------------------------------------------

result<handover_channel> handover_channel::connect(const std::string& folder) {
  const auto there = open_folder(folder);
  if (!there) return there.error();
  auto fd = new_socket();
  if (!fd) return std::move(fd).error();
  const auto at = address_in(there->get());
  if (::connect(fd->get(), as_sockaddr(at), sizeof at) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED)
      return fault{
          fault_kind::not_found, fault_side::operator_input, retryable::no,
          fmt::format("{}/{}: no running node listens there", folder, handover_door::file_name)};
    return failed("connect to the running node");
  }
  return handover_channel(*std::move(fd));
}

result<void> handover_channel::send(std::string_view text, int fd) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (fd >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    auto* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
  }
  const auto until = mono_clock::now() + send_limit;
  for (;;) {
    if (::sendmsg(fd_.get(), &header, MSG_NOSIGNAL) >= 0) return {};
    if (errno == EPIPE || errno == ECONNRESET)
      return fault{fault_kind::closed, fault_side::peer, retryable::no, "the other side has ended"};
    if (errno != EAGAIN && errno != EINTR && errno != ETOOMANYREFS) return failed("sendmsg");
    if (mono_clock::now() > until)
      return fault{fault_kind::timed_out, fault_side::peer, retryable::no,
                   "the other side does not read"};
    pollfd ready{fd_.get(), POLLOUT, 0};
    ::poll(&ready, 1, static_cast<int>(look_up_every.count()));
  }
}

result<handover_channel::message> handover_channel::receive(milliseconds limit,
                                                            const std::function<bool()>& give_up) {
  const auto until = mono_clock::now() + limit;
  message out;
  out.text.resize(max_message_bytes);
  for (;;) {
    iovec part{out.text.data(), out.text.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const auto n = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
    if (n == 0 || (n < 0 && errno == ECONNRESET))
      return fault{fault_kind::closed, fault_side::peer, retryable::no, "the other side has ended"};
    if (n > 0) {
      if (const auto* c = CMSG_FIRSTHDR(&header);
          c != nullptr && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        // The room for one is, by its alignment, room for two: none that came may leak.
        for (std::size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; ++i) {
          int fd = -1;
          std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
          out.fd.reset(fd);
        }
      }
      if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return fault{fault_kind::malformed, fault_side::peer, retryable::no,
                     "the other side sent more than was expected"};
      out.text.resize(static_cast<std::size_t>(n));
      return out;
    }
    if (errno != EAGAIN && errno != EINTR) return failed("recvmsg");
    if (mono_clock::now() >= until || give_up())
      return fault{fault_kind::timed_out, fault_side::peer, retryable::no,
                   "the other side took too long"};
    pollfd ready{fd_.get(), POLLIN, 0};
    ::poll(&ready, 1, static_cast<int>(std::min(look_up_every, limit).count()));
  }
}

// -- the door --------------------------------------------------------------------------------------

result<void> handover_door::open(const std::string& folder) {
  close();
  auto there = open_folder(folder);
  if (!there) return std::move(there).error();
  auto fd = new_socket();
  if (!fd) return std::move(fd).error();
  const auto at = address_in(there->get());
  ::unlinkat(there->get(), file_name, 0);
  const auto mask = ::umask(0177);
  const int bound = ::bind(fd->get(), as_sockaddr(at), sizeof at);
  const int error = errno;
  ::umask(mask);
  if (bound != 0)
    return errno_fault(fault_side::self, fmt::format("bind {}/{}", folder, file_name), error);
  if (::listen(fd->get(), 4) != 0) return errno_fault(fault_side::self, "listen", errno);
  folder_ = *std::move(there);
  fd_ = *std::move(fd);
  return loop_.watch(fd_.get(), EPOLLIN, *this);
}

void handover_door::close() noexcept {
  if (!fd_) return;
  loop_.unwatch(fd_.get());
  fd_.reset();
  ::unlinkat(folder_.get(), file_name, 0);
  folder_.reset();
}

void handover_door::on_io(std::uint32_t) {
  unique_fd client(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!client) return;
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 ||
      who.uid != ::geteuid())
    return;
  knocked_(handover_channel(std::move(client)));
}

}  // namespace stagedoor::net
