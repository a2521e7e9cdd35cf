// SPDX-License-Identifier: Apache-2.0
#include "cluster/advertise.hpp"

#include "runtime/base/unique_fd.hpp"
#include "runtime/net/address.hpp"
#include "runtime/net/resolver.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <sys/socket.h>

namespace stagedoor::cluster {
namespace {

/// The source address of packets to |there|: connect(2) of a UDP socket asks the routes and sends
/// nothing.
result<std::string> source_towards(const net::address& there) {
  const unique_fd fd(::socket(there.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (!fd || ::connect(fd.get(), there.data(), there.size()) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0)
    return errno_fault(
        fault_side::self,
        fmt::format("no address of this node leads to Redis ({}); cluster.advertise may name one",
                    there.to_string()),
        errno);
  return net::address(reinterpret_cast<const sockaddr*>(&own), size).ip();
}

bool stands_for_all(const std::string& host) {
  return host.empty() || host == "0.0.0.0" || host == "::" || host == "*";
}

}  // namespace

result<std::string> advertised_address(const configs::settings& s, std::uint16_t port) {
  if (!s.cluster.advertise.empty()) return s.cluster.advertise;
  const auto with_port = [port](const std::string& ip) {
    return ip.find(':') == std::string::npos ? fmt::format("{}:{}", ip, port)
                                             : fmt::format("[{}]:{}", ip, port);
  };
  if (!stands_for_all(s.cluster.listen.host)) return with_port(s.cluster.listen.host);
  const std::string redis = s.redis.managed ? "127.0.0.1" : s.redis.url->host;
  const auto found = net::system_lookup(redis);
  if (!found || found->empty())
    return fault{
        fault_kind::not_found, fault_side::operator_input, retryable::no,
        fmt::format("Redis' host {} is not known, so neither is the address from which this node "
                    "reaches it; cluster.advertise may name one",
                    redis)};
  auto there = found->front();
  there.set_port(s.redis.managed ? s.managed_redis_port() : s.redis.url->port);
  const auto own = source_towards(there);
  if (!own) return own.error();
  return with_port(*own);
}

}  // namespace stagedoor::cluster
