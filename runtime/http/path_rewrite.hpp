// SPDX-License-Identifier: Apache-2.0
// Traefik's stripPrefix, stripPrefixRegex, addPrefix, replacePath and replacePathRegex.
//
// They work on the escaped path that will be sent; configured texts are compared with it decoded,
// so `/a b` strips `/a%20b`. What was taken is said in X-Forwarded-Prefix or X-Replaced-Path.
// Owner: a site. Runs on: the loop of the connection.
#pragma once

#include "runtime/http/middleware.hpp"
#include "runtime/http/regexp.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::http {

/// The bytes of the escaped |path| that stand for |plain| at its start; 0 when they do not.
[[nodiscard]] std::size_t decoded_prefix(std::string_view path, std::string_view plain) noexcept;

class strip_prefix final : public middleware {
 public:
  strip_prefix(std::string qualified_name, std::vector<std::string> prefixes)
      : middleware(std::move(qualified_name)), prefixes_(std::move(prefixes)) {}
  [[nodiscard]] verdict on_request(exchange& x) const override;

 private:
  std::vector<std::string> prefixes_;  ///< the first that fits is taken
};

class strip_prefix_regex final : public middleware {
 public:
  strip_prefix_regex(std::string qualified_name, std::vector<regexp> patterns)
      : middleware(std::move(qualified_name)), patterns_(std::move(patterns)) {}
  [[nodiscard]] verdict on_request(exchange& x) const override;

 private:
  std::vector<regexp> patterns_;
};

class add_prefix final : public middleware {
 public:
  add_prefix(std::string qualified_name, std::string_view prefix);
  [[nodiscard]] verdict on_request(exchange& x) const override;

 private:
  std::string prefix_;  ///< escaped, starts with '/'
};

class replace_path final : public middleware {
 public:
  replace_path(std::string qualified_name, std::string_view path);
  [[nodiscard]] verdict on_request(exchange& x) const override;

 private:
  std::string path_;  ///< escaped, starts with '/'
};

class replace_path_regex final : public middleware {
 public:
  replace_path_regex(std::string qualified_name, regexp pattern, std::string replacement)
      : middleware(std::move(qualified_name)),
        pattern_(std::move(pattern)),
        replacement_(std::move(replacement)) {}
  [[nodiscard]] verdict on_request(exchange& x) const override;

 private:
  regexp pattern_;
  std::string replacement_;
};

}  // namespace stagedoor::http
