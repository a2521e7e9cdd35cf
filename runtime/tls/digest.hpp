// SPDX-License-Identifier: Apache-2.0
// Digests for formats that name them: htpasswd's MD5 and SHA-1, and SHA-256.
//
// Not for anything new that has to be secret: MD5 and SHA-1 are here because old files use them.
// Runs on: any thread; no allocation once its thread has used it.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace stagedoor::tls {

using md5_digest = std::array<unsigned char, 16>;
using sha1_digest = std::array<unsigned char, 20>;
using sha256_digest = std::array<unsigned char, 32>;

[[nodiscard]] md5_digest md5(std::string_view bytes) noexcept;
[[nodiscard]] sha1_digest sha1(std::string_view bytes) noexcept;
[[nodiscard]] sha256_digest sha256(std::string_view bytes) noexcept;

/// Takes the same time wherever they differ.
[[nodiscard]] bool equal_secrets(std::string_view a, std::string_view b) noexcept;

}  // namespace stagedoor::tls
