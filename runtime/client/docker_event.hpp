// SPDX-License-Identifier: Apache-2.0
// What the Docker engine tells while it runs: one JSON object a line, cut into chunks anywhere.
//
// Bounded by: |max_line|. On failure: malformed, too_large; the stream is then of no more use.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace stagedoor::client {

enum class docker_action : std::uint8_t {
  other,
  create,
  start,
  restart,
  stop,
  kill,
  die,
  pause,
  unpause,
  rename,
  update,
  destroy,
  health_status,
  network_connect,
  network_disconnect,
};

struct docker_event {
  docker_action action = docker_action::other;
  std::string container;     ///< id; of network events the container concerned
  std::string name;          ///< of the container, when told
  std::string detail;        ///< "healthy" of "health_status: healthy"; the network's name
  std::int64_t time_ns = 0;  ///< since 1970, by the engine's clock: where a new stream may begin
};

[[nodiscard]] result<docker_event> parse_docker_event(std::string_view line);

class docker_event_reader {
 public:
  using callback = std::function<void(docker_event)>;

  explicit docker_event_reader(std::size_t max_line = 256U << 10U) : max_line_(max_line) {}

  /// Calls |on_event| for each line that |chunk| completes.
  [[nodiscard]] result<void> feed(std::string_view chunk, const callback& on_event);

 private:
  const std::size_t max_line_;
  std::string begun_;  ///< the line that is not complete yet
};

}  // namespace stagedoor::client
