// SPDX-License-Identifier: Apache-2.0
// The three compression libraries behind one interface.
#pragma once

#include "runtime/http/encoder_pool.hpp"

#include <memory>

namespace stagedoor::http {

/// Null for identity, or when the library is out of memory.
[[nodiscard]] std::unique_ptr<encoder> make_encoder(coding c);

}  // namespace stagedoor::http
