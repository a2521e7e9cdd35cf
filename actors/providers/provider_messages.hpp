// SPDX-License-Identifier: Apache-2.0
// What the providers of one node say to each other.
//
// All middlewares are in one catalog, whoever defines them, and the file_provider builds it. So the
// docker_provider tells what its labels define, gets the new catalog (use_catalog), and then offers
// its routes. Labels of the compose file count until the engine's are served: they describe the
// same containers, without knowing where those run.
#pragma once

#include "actors/support/local_messages.hpp"
#include "configs/dynamic_config.hpp"

#include <memory>

namespace stagedoor::actors {

/// From the docker_provider to the file_provider, answered with use_catalog: what the labels of the
/// running containers define; only the middlewares count.
struct containers_known {
  std::shared_ptr<const configs::dynamic_config> labels;
};

/// From the docker_provider to the file_provider: the engine's routes are in every loop.
struct containers_live {};

}  // namespace stagedoor::actors
