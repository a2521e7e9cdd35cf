// SPDX-License-Identifier: Apache-2.0
#include "tests/client/scripted_server.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/net/address.hpp"

#include <cstring>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace stagedoor::test {

namespace {

unique_fd listen_on(const sockaddr* at, socklen_t size) {
  unique_fd fd(::socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::bind(fd.get(), at, size) != 0 || ::listen(fd.get(), 64) != 0)
    throw std::runtime_error(std::string("scripted_server: ") + std::strerror(errno));
  return fd;
}

}  // namespace

std::optional<seen_request> scripted_connection::read_request() {
  char chunk[16384];
  std::size_t head_end = std::string::npos;
  std::size_t wanted = 0;
  for (;;) {
    head_end = buffer_.find("\r\n\r\n");
    if (head_end != std::string::npos) {
      const auto head = ascii::to_lower(buffer_.substr(0, head_end));
      const auto at = head.find("content-length:");
      std::size_t length = 0;
      if (at != std::string::npos) length = std::stoul(head.substr(at + 15));
      wanted = head_end + 4 + length;
      if (buffer_.size() >= wanted) break;
    }
    const auto n = ::read(fd_, chunk, sizeof chunk);
    if (n <= 0) return std::nullopt;
    buffer_.append(chunk, static_cast<std::size_t>(n));
  }
  seen_request r;
  const auto lines = ascii::split(std::string_view(buffer_).substr(0, head_end), '\n');
  const auto words = ascii::split(ascii::trim(lines.front()), ' ');
  r.method = words.at(0);
  r.target = words.at(1);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto colon = lines[i].find(':');
    r.headers[ascii::to_lower(lines[i].substr(0, colon))] = ascii::trim(lines[i].substr(colon + 1));
  }
  r.body = buffer_.substr(head_end + 4, wanted - head_end - 4);
  buffer_.erase(0, wanted);
  return r;
}

bool scripted_connection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool scripted_connection::answer(int status, std::string_view body,
                                 std::string_view extra_headers) {
  return write("HTTP/1.1 " + std::to_string(status) +
               " Scripted\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
               std::string(extra_headers) + "\r\n" + std::string(body));
}

void scripted_connection::wait_for_close() {
  char chunk[4096];
  while (::read(fd_, chunk, sizeof chunk) > 0) {
  }
}

scripted_server::scripted_server(script s) : script_(std::move(s)) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener_ = listen_on(reinterpret_cast<const sockaddr*>(&at), sizeof at);
  socklen_t size = sizeof at;
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size);
  port_ = ntohs(at.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

scripted_server::scripted_server(std::string unix_path, script s) : script_(std::move(s)) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (unix_path.size() >= sizeof at.sun_path) throw std::runtime_error("unix path too long");
  std::memcpy(at.sun_path, unix_path.data(), unix_path.size());
  ::unlink(unix_path.c_str());
  listener_ = listen_on(reinterpret_cast<const sockaddr*>(&at), sizeof at);
  acceptor_ = std::thread([this] { accept_all(); });
}

scripted_server::~scripted_server() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& fd : open_) ::shutdown(fd.get(), SHUT_RDWR);
  }
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (auto& t : connections_) t.join();
}

void scripted_server::accept_all() {
  for (;;) {
    unique_fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) return;
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    const int raw = fd.get();
    open_.push_back(std::move(fd));
    connections_.emplace_back([this, raw] {
      scripted_connection c(raw);
      script_(c);
      ::shutdown(raw, SHUT_RDWR);  // closed by the destructor, so that the number is not reused
    });
  }
}

scripted_server::script each_request(
    std::function<void(const seen_request&, scripted_connection&)> reply) {
  return [reply = std::move(reply)](scripted_connection& c) {
    while (const auto r = c.read_request()) reply(*r, c);
  };
}

}  // namespace stagedoor::test
