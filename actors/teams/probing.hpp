// SPDX-License-Identifier: Apache-2.0
// Asking servers whether they are well: who does it is server_prober, who wants it are the
// provisioner and the health checkers.
#pragma once

#include "messages/team.hpp"
#include "runtime/base/clock.hpp"

#include <functional>
#include <string>
#include <vector>

namespace stagedoor::actors {

/// A server that failed its probe, and why.
struct probe_failure {
  std::string url;
  std::string reason;
};

/// Tries each server once: a GET of |path|, or a TCP connection when it is empty. Calls back once,
/// on any thread, with those that failed.
using probe_function =
    std::function<void(std::vector<std::string> urls, std::string path, milliseconds deadline,
                       std::function<void(std::vector<probe_failure>)> finished)>;

}  // namespace stagedoor::actors
