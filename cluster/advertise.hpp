// SPDX-License-Identifier: Apache-2.0
// Under which address the other nodes reach this one, when nobody said so.
#pragma once

#include "configs/settings.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>

namespace stagedoor::cluster {

/// host:port. The operator's word (cluster.advertise); else the address that is listened on, unless
/// it stands for all of them; else the one from which this machine reaches Redis, which all nodes
/// reach. |port|: where it really listens. Blocks for a look-up of a name; before the node runs.
/// On failure: not_found (Redis' name), unreachable.
[[nodiscard]] result<std::string> advertised_address(const configs::settings& s,
                                                     std::uint16_t port);

}  // namespace stagedoor::cluster
