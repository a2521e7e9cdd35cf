// SPDX-License-Identifier: Apache-2.0
// The services of a docker-compose.yml as containers, so that their labels can be routed by without
// a Docker engine. The address of a service is its name.
//
// Compose files hold much that is not our business: only what routing needs is read and checked.
// `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?message}` and `$$` are
// resolved as compose does.
//
// On failure: errors in `out`; services that could be read are returned.
#pragma once

#include "configs/container.hpp"
#include "configs/diagnostic.hpp"
#include "configs/values.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

/// `project` is used unless the file has a top-level `name`.
[[nodiscard]] std::vector<container> read_compose(const std::string& file, std::string_view text,
                                                  std::string_view project, const environment& env,
                                                  diagnostics& out);

/// Compose's interpolation of one value; a fault for a broken `${` or a missing required variable.
[[nodiscard]] result<std::string> interpolated(std::string_view text, const environment& env);

}  // namespace stagedoor::configs
