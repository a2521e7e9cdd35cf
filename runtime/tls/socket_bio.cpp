// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/socket_bio.hpp"

#include "runtime/net/address.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>

namespace stagedoor::tls {
namespace {

struct socket_state {
  int fd = -1;
  bool emptied = false;
};

socket_state& state_of(BIO* bio) noexcept { return *static_cast<socket_state*>(BIO_get_data(bio)); }

bool is_temporary(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

int on_read(BIO* bio, char* out, std::size_t size, std::size_t* got) noexcept {
  BIO_clear_retry_flags(bio);
  auto& s = state_of(bio);
  const ssize_t n = ::recv(s.fd, out, size, 0);
  s.emptied = n >= 0 ? static_cast<std::size_t>(n) < size : true;
  *got = n > 0 ? static_cast<std::size_t>(n) : 0;
  if (n > 0) return 1;
  if (n < 0 && is_temporary(errno)) BIO_set_retry_read(bio);
  if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return n == 0 ? 0 : -1;
}

int on_write(BIO* bio, const char* in, std::size_t size, std::size_t* sent) noexcept {
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::send(state_of(bio).fd, in, size, MSG_NOSIGNAL);
  *sent = n > 0 ? static_cast<std::size_t>(n) : 0;
  if (n > 0) return 1;
  if (n < 0 && is_temporary(errno)) BIO_set_retry_write(bio);
  return -1;
}

long on_control(BIO* bio, int command, long /*number*/, void* /*pointer*/) noexcept {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default: return 0;
  }
}

int on_create(BIO* bio) noexcept {
  BIO_set_data(bio, new socket_state);
  BIO_set_init(bio, 1);
  return 1;
}

int on_destroy(BIO* bio) noexcept {
  delete static_cast<socket_state*>(BIO_get_data(bio));
  BIO_set_data(bio, nullptr);
  return 1;
}

const BIO_METHOD* method() {
  static BIO_METHOD* const made = [] {
    BIO_METHOD* const m =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stagedoor socket");
    if (m == nullptr) return m;
    BIO_meth_set_read_ex(m, &on_read);
    BIO_meth_set_write_ex(m, &on_write);
    BIO_meth_set_ctrl(m, &on_control);
    BIO_meth_set_create(m, &on_create);
    BIO_meth_set_destroy(m, &on_destroy);
    return m;
  }();
  return made;
}

}  // namespace

bio_ptr make_socket_bio(int fd) {
  if (method() == nullptr) return nullptr;
  bio_ptr bio(BIO_new(method()));
  if (bio != nullptr) state_of(bio.get()).fd = fd;
  return bio;
}

bool emptied(BIO* bio) noexcept { return state_of(bio).emptied; }

std::string_view local_ip(BIO* bio, std::span<char> memory) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* const sa = reinterpret_cast<sockaddr*>(&storage);
  if (::getsockname(state_of(bio).fd, sa, &size) != 0) return {};
  if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6) return {};
  const std::string ip = net::address(sa, size).ip();
  if (ip.size() > memory.size()) return {};
  std::copy(ip.begin(), ip.end(), memory.begin());
  return {memory.data(), ip.size()};
}

}  // namespace stagedoor::tls
