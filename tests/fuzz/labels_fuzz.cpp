// SPDX-License-Identifier: Apache-2.0
// One `key=value` a line: the labels of two containers, parted by an empty line.
#include "configs/docker_labels.hpp"
#include "runtime/base/ascii.hpp"

#include <cstdlib>
#include <string_view>

using namespace stagedoor;
using namespace stagedoor::configs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<container> containers(1);
  for (const auto line : ascii::split(text, '\n')) {
    if (line.empty() && containers.size() < 2) containers.emplace_back();
    const auto equals = line.find('=');
    containers.back().labels.push_back(
        {std::string(line.substr(0, equals)),
         equals == std::string_view::npos ? "" : std::string(line.substr(equals + 1)),
         {1, 1}});
  }
  for (auto& c : containers) {
    c.id = c.name = "c" + std::to_string(&c - containers.data());
    c.file = "labels";
    c.networks = {{"n", "192.0.2.1"}};
    c.ports = {80};
  }
  for (const auto& c : containers) {
    diagnostics one;
    if (read_labels(c, {}, "docker", one) && one.has_errors()) std::abort();
  }
  diagnostics out;
  const auto merged = read_containers(containers, {}, "docker", out);
  for (const auto& r : merged.routers)
    if (r.rule.empty() || r.service.name.empty()) std::abort();
  return 0;
}
