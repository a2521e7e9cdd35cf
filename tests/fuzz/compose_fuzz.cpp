// SPDX-License-Identifier: Apache-2.0
// A docker-compose.yml, its variables, and the labels in it.
#include "configs/compose.hpp"
#include "configs/docker_labels.hpp"

#include <cstdlib>
#include <string_view>

using namespace stagedoor::configs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const environment env = [](std::string_view name) -> std::optional<std::string> {
    return name.size() % 2 == 0 ? std::optional<std::string>("v") : std::nullopt;
  };
  diagnostics out;
  const auto containers =
      read_compose("c.yml", {reinterpret_cast<const char*>(data), size}, "p", env, out);
  for (const auto& c : containers)
    for (const auto port : c.ports)
      if (port == 0) std::abort();
  (void)read_containers(containers, {}, "docker", out);
  return 0;
}
