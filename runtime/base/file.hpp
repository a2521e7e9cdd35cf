// SPDX-License-Identifier: Apache-2.0
// Reads a whole file that somebody else wrote: configuration, keys, certificates.
//
// What lies at a path may be a named pipe that nobody writes to, a device without an end, or a log
// by mistake: none of them holds a reader up or fills its memory.
// Runs on: any thread that may wait for a disk; never a loop. Bounded by: the caller's limit.
// On failure: not_found and what else errno says, on the caller's |side|; invalid (not a regular
// file), too_large. The detail begins with the path.
#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <sys/types.h>

namespace stagedoor {

struct file_content {
  std::string bytes;
  mode_t mode = 0;  ///< permission bits
};

[[nodiscard]] result<file_content> read_file(const std::string& path, std::size_t limit,
                                             fault_side side = fault_side::operator_input);

}  // namespace stagedoor
