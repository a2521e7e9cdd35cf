// SPDX-License-Identifier: Apache-2.0
// `stagedoor check`: everything that is wrong with everything an operator wrote, at once.
//
// configs/ judges the files; what only the runtime can judge (rules, zone files, certificates,
// middlewares, addresses) is judged here, and reported the same way.
// Runs on: main's thread.
#pragma once

#include "configs/check.hpp"

#include <string>

namespace stagedoor::cluster {

/// The configuration with all its problems, those of the deeper layers included.
[[nodiscard]] configs::loaded check_everything(const std::string& settings_path,
                                               configs::named how);

}  // namespace stagedoor::cluster
