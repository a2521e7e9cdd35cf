// SPDX-License-Identifier: Apache-2.0
// Who asked, and how an answer that is ready later finds its way back.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/dns/routes.hpp"
#include "runtime/net/address.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <sys/socket.h>

namespace stagedoor::dns {

enum class transport : std::uint8_t { udp, tcp };

/// The address a datagram was sent to, as the kernel told it and takes it back (IP_PKTINFO).
struct packet_info {
  alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo))> bytes;
  std::uint8_t size = 0;  ///< 0 = the socket is bound to one address
};

struct client_ref {
  transport via = transport::udp;
  listener_id listener{};
  std::uint64_t socket = 0;  ///< UDP: index of the socket; TCP: number of the connection
  net::address peer;
  packet_info local;  ///< UDP only
  mono_time since{};  ///< when the query was read; only set where something wants the duration
};

/// Sends answers that were not ready in the turn of their query.
class reply_port {
 public:
  /// |message| is a whole DNS message. The client may be gone; nothing happens then.
  virtual void deliver(const client_ref& to, std::span<const std::uint8_t> message) = 0;

 protected:
  ~reply_port() = default;
};

}  // namespace stagedoor::dns
