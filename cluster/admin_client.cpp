// SPDX-License-Identifier: Apache-2.0
#include "cluster/admin_client.hpp"

#include "runtime/base/unique_fd.hpp"
#include "runtime/http/head_parser.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

namespace stagedoor::cluster {
namespace {

fault failed(fault_kind kind, std::string detail) {
  return {kind, fault_side::peer, retryable::no, std::move(detail)};
}

result<unique_fd> connect_unix(const std::string& path, seconds deadline) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.size() >= sizeof at.sun_path)
    return failed(fault_kind::invalid, fmt::format("{}: the path is too long", path));
  std::memcpy(at.sun_path, path.data(), path.size());
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno_fault(fault_side::self, "socket", errno);
  timeval wait{};
  wait.tv_sec = deadline.count();
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    return failed(fault_kind::unreachable,
                  fmt::format("no node answers on {}: {} (is it running, with this configuration? "
                              "--config names another)",
                              path, std::strerror(errno)));
  return fd;
}

}  // namespace

result<admin_answer> ask_admin(const std::string& socket_path, const std::string& method,
                               const std::string& target, const std::string& body,
                               seconds deadline) {
  auto fd = connect_unix(socket_path, deadline);
  if (!fd) return std::move(fd).error();
  const std::string request = fmt::format(
      "{} {} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}", method,
      target, body.size(), body);
  for (std::size_t sent = 0; sent < request.size();) {
    const auto n = ::send(fd->get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return errno_fault(fault_side::peer, "send", errno);
    sent += static_cast<std::size_t>(n);
  }
  std::string answer;
  char chunk[16384];
  for (;;) {
    const auto n = ::recv(fd->get(), chunk, sizeof chunk, 0);
    if (n == 0) break;
    if (n < 0) {
      if (errno == EAGAIN)
        return failed(fault_kind::timed_out,
                      fmt::format("no answer within {} s", deadline.count()));
      return errno_fault(fault_side::peer, "recv", errno);
    }
    answer.append(chunk, static_cast<std::size_t>(n));
  }
  http::head_parser parser;
  http::response_head head;
  if (parser.parse_response(answer, false, head) != http::parse_state::done)
    return failed(fault_kind::malformed, "the node answered with something that is not HTTP");
  return admin_answer{head.status, answer.substr(parser.size())};
}

}  // namespace stagedoor::cluster
