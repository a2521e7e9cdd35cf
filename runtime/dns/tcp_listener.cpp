// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/tcp_listener.hpp"

#include <sys/socket.h>

namespace stagedoor::dns {

tcp_connections::tcp_connections(loop& owner, const tcp_options& options, pipeline& queries,
                                 counters& count)
    : loop_(owner),
      options_(options),
      queries_(queries),
      count_(count),
      scratch_(max_message_bytes) {}

void tcp_connections::accept(listener_id listener, const net::address& peer, unique_fd fd) {
  auto& of_client = per_client_[peer.ip()];
  if (open_.size() >= options_.connections || of_client >= options_.connections_per_client) {
    ++count_.tcp_rejected;
    if (of_client == 0) per_client_.erase(peer.ip());
    return;  // closes it
  }
  const auto number = next_number_++;
  auto connection = std::make_unique<tcp_connection>(loop_, number, listener, peer, std::move(fd),
                                                     options_, queries_, scratch_,
                                                     [this](tcp_connection& c) { closed(c); });
  ++of_client;
  ++count_.tcp_accepted;
  auto& kept = *open_.emplace(number, std::move(connection)).first->second;
  count_.tcp_open = open_.size();
  if (!kept.start()) kept.close();
}

tcp_connection* tcp_connections::find(std::uint64_t number) noexcept {
  const auto it = open_.find(number);
  return it != open_.end() ? it->second.get() : nullptr;
}

void tcp_connections::closed(tcp_connection& connection) {
  const auto it = open_.find(connection.number());
  if (it == open_.end()) return;
  if (const auto client = per_client_.find(connection.peer().ip());
      client != per_client_.end() && --client->second == 0)
    per_client_.erase(client);
  auto gone = std::move(it->second);
  open_.erase(it);
  count_.tcp_open = open_.size();
  loop_.dispose(std::move(gone));
}

void tcp_connections::close_all(listener_id listener) {
  std::vector<tcp_connection*> affected;
  for (const auto& [number, connection] : open_)
    if (connection->listener() == listener) affected.push_back(connection.get());
  for (auto* connection : affected) connection->close();
}

void tcp_connections::close_idle() {
  std::vector<tcp_connection*> idle;
  for (const auto& [number, connection] : open_)
    if (connection->idle()) idle.push_back(connection.get());
  for (auto* connection : idle) connection->close();
}

void tcp_connections::close_all() {
  while (!open_.empty()) open_.begin()->second->close();
}

void tcp_listener::on_io(std::uint32_t) {
  for (unsigned i = 0; i < accepts_per_turn && fd_; ++i) {
    sockaddr_storage storage;
    socklen_t length = sizeof storage;
    auto* sa = reinterpret_cast<sockaddr*>(&storage);
    unique_fd fd(::accept4(fd_.get(), sa, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;  // none left, or no descriptors: level-triggered, so it is tried again
    connections_.accept(listener_, net::address(sa, length), std::move(fd));
  }
}

}  // namespace stagedoor::dns
