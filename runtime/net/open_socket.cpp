// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/open_socket.hpp"

#include "runtime/net/socket.hpp"

#include <fcntl.h>
#include <map>
#include <string>

namespace stagedoor::net {

std::vector<unique_fd> take_sockets(std::vector<open_socket>& from, socket_kind kind,
                                    const address& at) {
  std::vector<unique_fd> taken;
  std::erase_if(from, [&](open_socket& s) {
    if (s.kind != kind || !(s.at == at)) return false;
    taken.push_back(std::move(s.fd));
    return true;
  });
  return taken;
}

void add_copy(std::vector<open_socket>& to, socket_kind kind, int fd) {
  auto at = local_address(fd);
  unique_fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (at && copy) to.push_back({kind, *at, std::move(copy)});
}

std::vector<std::vector<open_socket>> deal_out(std::vector<open_socket> all, std::size_t lanes) {
  std::vector<std::vector<open_socket>> out(lanes);
  std::map<std::string, std::size_t> turns;
  for (auto& s : all) {
    const auto turn = turns[s.at.to_string() + std::string(to_string(s.kind))]++;
    out[turn % lanes].push_back(std::move(s));
  }
  return out;
}

}  // namespace stagedoor::net
