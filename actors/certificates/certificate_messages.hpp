// SPDX-License-Identifier: Apache-2.0
// What is said about certificates on one node.
#pragma once

#include "actors/support/local_messages.hpp"
#include "configs/dynamic_config.hpp"

#include <vector>

namespace stagedoor::actors {

/// To the certificate_keeper: the certificate files that the configuration names, all of them;
/// replaces what it named before.
struct watch_certificate_files {
  std::vector<configs::tls_certificate> files;
};

}  // namespace stagedoor::actors
