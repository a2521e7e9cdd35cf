// SPDX-License-Identifier: Apache-2.0
#include "cluster/service_manager.hpp"

#include "runtime/base/unique_fd.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

namespace stagedoor::cluster {

void notify_service_manager(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un at{};
  const auto size = path == nullptr ? 0 : std::strlen(path);
  if (size == 0 || size >= sizeof at.sun_path) return;
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, path, size);
  if (at.sun_path[0] == '@') at.sun_path[0] = '\0';  // an abstract name
  const unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  ::sendto(fd.get(), state.data(), state.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&at), length);
}

}  // namespace stagedoor::cluster
