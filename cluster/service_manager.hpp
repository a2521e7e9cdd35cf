// SPDX-License-Identifier: Apache-2.0
// What a service manager is told, by the protocol of sd_notify(3): a datagram to the socket that it
// names in the environment. Without one nothing happens.
// Runs on: main's thread; does not block.
#pragma once

#include <string>

namespace stagedoor::cluster {

/// |state|: lines like "READY=1".
void notify_service_manager(const std::string& state);

}  // namespace stagedoor::cluster
