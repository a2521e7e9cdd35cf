// SPDX-License-Identifier: Apache-2.0
// What server and client contexts have in common: versions, memory, certificate authorities.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/tls/context.hpp"

#include <string>
#include <string_view>

namespace stagedoor::tls {

/// On failure: internal.
[[nodiscard]] result<void> set_common(SSL_CTX* ctx, version least, version most);

/// Adds the authorities in |pem| to those that |ctx| trusts. |name| stands for it in the fault.
/// On failure: malformed.
[[nodiscard]] result<void> trust(SSL_CTX* ctx, std::string_view pem, std::string_view name);

}  // namespace stagedoor::tls
