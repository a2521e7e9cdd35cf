// SPDX-License-Identifier: Apache-2.0
// A stagedoor.yml: what is accepted prints and is read again as the same.
#include "configs/settings.hpp"

#include <cstdlib>
#include <string_view>

using namespace stagedoor::configs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  diagnostics out;
  const auto s = read_settings("s.yml", "/srv", text, out);
  if (s.redis.managed && s.redis.url) std::abort();
  if (!out.has_errors()) {
    const auto again = parse_listen_address(to_string(s.cluster.listen));
    if (!again || *again != s.cluster.listen) std::abort();
    if (s.platform.addresses.empty() || !is_host_name(s.platform.domain)) std::abort();
  }
  (void)parse_go_duration(text);
  (void)parse_duration(text);
  (void)parse_redis_url(text);
  return 0;
}
