// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/udp_socket.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>

namespace stagedoor::dns {
namespace {

// The peer's port, without a net::address: every packet is looked at.
std::uint16_t port_of(const sockaddr_storage& peer) noexcept {
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  return reinterpret_cast<const sockaddr_in*>(&peer)->sin_port;
}

// The same control message sends an answer from the address its query came to, but the route, not
// the interface the query came in by, decides where it leaves.
void forget_interface(packet_info& info) noexcept {
  auto* header = reinterpret_cast<cmsghdr*>(info.bytes.data());
  if (info.size < sizeof(cmsghdr)) return;
  if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
    auto* ip = reinterpret_cast<in_pktinfo*>(CMSG_DATA(header));
    ip->ipi_ifindex = 0;
  } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
    auto* ip = reinterpret_cast<in6_pktinfo*>(CMSG_DATA(header));
    if (!IN6_IS_ADDR_LINKLOCAL(&ip->ipi6_addr)) ip->ipi6_ifindex = 0;
  }
}

// Cache lines of all slots would fall into the same few sets if the strides were powers of two.
constexpr std::size_t stride(std::size_t bytes) noexcept {
  return ((bytes + 63) & ~std::size_t{63}) + 64;
}

}  // namespace

udp_batch::udp_batch(const udp_options& options)
    : slots(options.batch),
      received(options.batch),
      answers(options.batch),
      bytes_(options.batch * (stride(options.query_bytes) + stride(options.answer_bytes))) {
  std::uint8_t* in = bytes_.data();
  std::uint8_t* out = in + options.batch * stride(options.query_bytes);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    auto& s = slots[i];
    s.in = {in + i * stride(options.query_bytes), options.query_bytes};
    s.out = {out + i * stride(options.answer_bytes), options.answer_bytes};
    auto& header = received[i].msg_hdr;
    header = {};
    header.msg_iov = &s.in;
    header.msg_iovlen = 1;
    header.msg_name = &s.peer;
    header.msg_namelen = sizeof s.peer;
    answers[i].msg_hdr = {};
    answers[i].msg_hdr.msg_iovlen = 1;
  }
}

udp_socket::udp_socket(loop& owner, listener_id listener, std::uint64_t index, unique_fd fd,
                       bool any_address, const udp_options& options, udp_batch& batch,
                       pipeline& queries, counters& count)
    : loop_(owner),
      listener_(listener),
      index_(index),
      fd_(std::move(fd)),
      any_address_(any_address),
      options_(options),
      batch_(batch),
      queries_(queries),
      count_(count) {}

result<void> udp_socket::start() {
  const auto set = [&](int level, int option, int value) {
    return ::setsockopt(fd_.get(), level, option, &value, sizeof value) == 0;
  };
  (void)set(SOL_SOCKET, SO_RCVBUF, options_.receive_buffer);  // the kernel may allow less
  (void)set(SOL_SOCKET, SO_SNDBUF, options_.send_buffer);
  if (any_address_) {
    int family = 0;
    socklen_t length = sizeof family;
    (void)::getsockopt(fd_.get(), SOL_SOCKET, SO_DOMAIN, &family, &length);
    const bool told = family == AF_INET6 ? set(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
                                         : set(IPPROTO_IP, IP_PKTINFO, 1);
    if (!told) return errno_fault(fault_side::self, "setsockopt PKTINFO", errno);
  }
  return loop_.watch(fd_.get(), EPOLLIN, *this);
}

void udp_socket::stop() noexcept {
  if (fd_) loop_.unwatch(fd_.get());
  fd_.reset();
}

void udp_socket::stop_reading() noexcept {
  if (fd_) loop_.unwatch(fd_.get());
}

void udp_socket::on_io(std::uint32_t) {
  // Level-triggered: a batch that is not full says the socket is empty, without another call.
  for (unsigned i = 0; i < options_.batches_per_turn && fd_; ++i) {
    const unsigned n = receive();
    if (n != 0) answer(n);
    if (n < options_.batch) return;
  }
}

unsigned udp_socket::receive() {
  for (unsigned i = 0; i < options_.batch; ++i) {
    auto& header = batch_.received[i].msg_hdr;
    if (any_address_) {
      header.msg_control = batch_.slots[i].control.bytes.data();
      header.msg_controllen = batch_.slots[i].control.bytes.size();
    } else {
      header.msg_control = nullptr;
      header.msg_controllen = 0;
    }
    header.msg_namelen = sizeof(sockaddr_storage);
  }
  const int n =
      ::recvmmsg(fd_.get(), batch_.received.data(), options_.batch, MSG_DONTWAIT, nullptr);
  return n > 0 ? static_cast<unsigned>(n) : 0;
}

void udp_socket::answer(unsigned received) {
  unsigned ready = 0;
  client_ref client;
  client.via = transport::udp;
  client.listener = listener_;
  client.socket = index_;
  for (unsigned i = 0; i < received; ++i) {
    auto& s = batch_.slots[i];
    const auto& header = batch_.received[i].msg_hdr;
    if (port_of(s.peer) == 0) {  // nobody can receive there
      ++count_.dropped;
      continue;
    }
    s.control.size = static_cast<std::uint8_t>(any_address_ ? header.msg_controllen : 0);
    if (any_address_) forget_interface(s.control);
    client.peer = net::address(reinterpret_cast<const sockaddr*>(&s.peer), header.msg_namelen);
    client.local = s.control;
    const std::size_t size =
        queries_
            .handle({static_cast<const std::uint8_t*>(s.in.iov_base), batch_.received[i].msg_len},
                    client, {static_cast<std::uint8_t*>(s.out.iov_base), options_.answer_bytes})
            .size;
    if (size == 0) continue;
    s.out.iov_len = size;
    auto& out = batch_.answers[ready++].msg_hdr;
    out.msg_iov = &s.out;
    out.msg_name = &s.peer;
    out.msg_namelen = header.msg_namelen;
    out.msg_control = any_address_ ? s.control.bytes.data() : nullptr;
    out.msg_controllen = s.control.size;
  }
  flush(ready);
}

void udp_socket::flush(unsigned answers) {
  for (unsigned sent = 0; sent < answers;) {
    const int n = ::sendmmsg(fd_.get(), batch_.answers.data() + sent, answers - sent, MSG_DONTWAIT);
    if (n > 0) {
      sent += static_cast<unsigned>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      count_.send_failures += answers - sent;  // full: the clients will ask again
      return;
    } else if (errno != EINTR) {
      ++count_.send_failures;  // this one cannot be sent, the others can
      ++sent;
    }
  }
}

void udp_socket::send(const client_ref& to, std::span<const std::uint8_t> message) {
  if (!fd_) return;
  packet_info control = to.local;
  iovec part{const_cast<std::uint8_t*>(message.data()), message.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_name = const_cast<sockaddr*>(to.peer.data());
  header.msg_namelen = to.peer.size();
  header.msg_control = control.size != 0 ? control.bytes.data() : nullptr;
  header.msg_controllen = control.size;
  if (::sendmsg(fd_.get(), &header, MSG_DONTWAIT) < 0) ++count_.send_failures;
}

}  // namespace stagedoor::dns
