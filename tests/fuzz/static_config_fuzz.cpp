// SPDX-License-Identifier: Apache-2.0
// A traefik.yml: whatever it says, there is an entry point, and no error is without a place.
#include "configs/static_config.hpp"

#include <cstdlib>
#include <string_view>

using namespace stagedoor::configs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  diagnostics out;
  const auto config = read_static_config("t.yml", {reinterpret_cast<const char*>(data), size}, out);
  if (config.entry_points.empty()) std::abort();
  for (const auto& d : out.all())
    if (d.at.file != "t.yml" || d.message.empty() || d.message.find('\n') != std::string::npos)
      std::abort();
  return 0;
}
