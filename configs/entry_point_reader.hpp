// SPDX-License-Identifier: Apache-2.0
// Reads one entry of `entryPoints` in traefik.yml.
#pragma once

#include "configs/section.hpp"
#include "configs/static_config.hpp"

namespace stagedoor::configs {

[[nodiscard]] entry_point read_entry_point(const std::string& name, section& s);

}  // namespace stagedoor::configs
