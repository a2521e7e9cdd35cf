// SPDX-License-Identifier: Apache-2.0
// The Docker engine's API, as far as a watcher of labels needs it.
//
// One list at the start, then the event stream, then one inspection for each container that an
// event names: the work follows what changes, not how many containers there are.
// Owner: the watcher. Runs on: any thread; callbacks on the loop of its http_client.
// Bounded by: |max_list|, |max_inspect| bytes an answer, the event reader's line limit.
// On failure: what http_client returns; not_found (no such container), refused (other 4xx),
// unreachable (5xx), malformed, too_large.
#pragma once

#include "runtime/client/docker_container.hpp"
#include "runtime/client/docker_event.hpp"
#include "runtime/client/http_client.hpp"

#include <optional>

namespace stagedoor::client {

struct docker_options {
  std::string unix_socket = "/var/run/docker.sock";  ///< empty = |url|
  std::string url = "http://docker";                 ///< without a slash at the end
  tls_options tls{};
  milliseconds deadline{10'000};        ///< of a list or an inspection
  std::size_t max_list = 32U << 20U;    ///< bytes
  std::size_t max_inspect = 4U << 20U;  ///< bytes
};

/// "unix:///var/run/docker.sock", "tcp://10.0.0.1:2375", "http://..", "https://..".
/// On failure: unsupported (ssh, npipe, fd), invalid.
[[nodiscard]] result<docker_options> docker_endpoint(std::string_view endpoint);

class docker_engine {
 public:
  docker_engine(http_client& http, docker_options options);

  /// Those that do not run included.
  result<transfer_handle> list(std::function<void(result<std::vector<container>>)> done);
  result<transfer_handle> inspect(const std::string& id,
                                  std::function<void(result<container>)> done);

  /// After the handle is cancelled, events of the chunk at hand may still come.
  struct event_callbacks {
    std::function<void()> on_open;  ///< the engine accepted: list now, nothing is missed after this
    std::function<void(docker_event)> on_event;
    std::function<void(result<void>)> on_end;  ///< reconnect; once
  };
  /// Every change that can matter to routing, from |since_ns| on (an event's time), or from now.
  result<transfer_handle> events(event_callbacks callbacks,
                                 std::optional<std::int64_t> since_ns = {});

 private:
  [[nodiscard]] request to(const std::string& path) const;

  http_client& http_;
  const docker_options options_;
};

}  // namespace stagedoor::client
