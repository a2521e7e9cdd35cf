// SPDX-License-Identifier: Apache-2.0
// Lines of an htpasswd file. Hashes that are slow on purpose are parsed, not computed.
#include "runtime/http/htpasswd.hpp"

#include <cstdint>
#include <cstdlib>

using namespace stagedoor::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto user = parse_htpasswd_line(line);
  if (!user) return 0;
  if (user->name.empty()) std::abort();
  if (!user->hash.starts_with("$2")) (void)verify_password(user->hash, user->name);
  return 0;
}
