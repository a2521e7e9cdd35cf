// SPDX-License-Identifier: Apache-2.0
// Certificates with the names and times a test wants.
#pragma once

#include "runtime/acme/challenge.hpp"

#include <string>
#include <vector>

namespace stagedoor::test {

struct made_certificate {
  std::vector<std::string> names{"a.test"};
  long from_seconds = 0;  ///< since 1970
  long until_seconds = 0;
  unsigned chain = 1;  ///< issuers that follow
};

/// Self-signed, with a new P-256 key.
[[nodiscard]] acme::certificate_pair make_certificate(const made_certificate& wanted);

}  // namespace stagedoor::test
