// SPDX-License-Identifier: Apache-2.0
// Traefik's acme.json: whatever comes out has a key that belongs to its certificate.
#include "runtime/acme/acme_json.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagedoor::acme;
  const auto all = parse_acme_json({reinterpret_cast<const char*>(data), size});
  if (!all) return 0;
  for (const auto& [name, resolver] : all->resolvers)
    for (const auto& c : resolver.certificates) {
      const auto key = private_key::from_pem(c.key_pem);
      if (!key || !belongs_to(c.chain_pem, *key).value_or(false)) std::abort();
    }
  return 0;
}
