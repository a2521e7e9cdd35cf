// SPDX-License-Identifier: Apache-2.0
// Every JSON body of a CA, and the certificates it sends: the first byte chooses.
#include "runtime/acme/certificate_info.hpp"
#include "runtime/acme/objects.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagedoor::acme;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'd': (void)parse_directory(text); break;
    case 'o':
      if (const auto o = parse_order(text); o && o->authorizations.size() > max_names) std::abort();
      break;
    case 'a':
      if (const auto a = parse_authorization(text))
        for (const auto& c : a->challenges)
          if (!is_token(c.token)) std::abort();
      break;
    case 'c':
      if (const auto info = inspect_chain(text); info && info->chain_length > max_chain)
        std::abort();
      break;
    default:
      if (auto p = parse_problem(text)) (void)failure_from(std::move(*p), "fuzz");
  }
  return 0;
}
