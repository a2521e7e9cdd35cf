// SPDX-License-Identifier: Apache-2.0
// Writes files that must be whole or not there at all: keys and certificates.
//
// Runs on: any thread that may wait for a disk; never a loop.
// On failure: not_found, refused, conflict, internal.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

#include <string>
#include <string_view>
#include <sys/types.h>

namespace stagedoor::acme {

/// Under another name first, on disk, then renamed: readers see the old file or the new one.
[[nodiscard]] result<void> write_file(const std::string& path, std::string_view bytes, mode_t mode);

/// Points |link| at |target| (relative to it), replacing what it was in one step.
[[nodiscard]] result<void> point_link(const std::string& link, const std::string& target);

/// With all its parents; |mode| for the last one, if it is made here.
[[nodiscard]] result<void> make_folder(const std::string& path, mode_t mode);

/// Makes renames in |folder| survive a power cut.
[[nodiscard]] result<void> sync_folder(const std::string& folder);

/// certbot's lock: a second holder is refused at once (conflict). Kept until the descriptor closes.
[[nodiscard]] result<unique_fd> lock_file(const std::string& path);

}  // namespace stagedoor::acme
