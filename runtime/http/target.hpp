// SPDX-License-Identifier: Apache-2.0
// The path of a request-target in the two forms a proxy needs: to route by, and to send on.
//
// Two spellings of one path must not be two paths, or a rule that guards one is walked around with
// the other. So unreserved characters are decoded, other escapes upper-cased, dot segments and
// empty segments removed, as Traefik's normalizePath and sanitizePath do. A path that is in that
// form already, nearly every one, is not copied.
// Runs on: any. Bounded by: the length of the target.
#pragma once

#include <string>
#include <string_view>

namespace stagedoor::http {

struct normal_path {
  bool valid = false;        ///< false: a malformed escape
  std::string_view escaped;  ///< as sent on
  std::string_view routing;  ///< escapes of all but reserved characters decoded
};

/// |raw| starts with '/' and has no '?' and no '#'. The views point into |raw| or |memory|.
[[nodiscard]] normal_path normalise_path(std::string_view raw, std::string& memory);

}  // namespace stagedoor::http
