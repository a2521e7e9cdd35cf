// SPDX-License-Identifier: Apache-2.0
// Everything that is wrong with all the files of an operator, said at once.
//
// A loader that stops at the first mistake makes its user run it once per mistake. Loaders here
// note what they find and go on; the caller asks has_errors() when all files were read.
//
// Runs on: any one thread. Bounded by: defaults::diagnostics; more are counted, not kept.
#pragma once

#include "configs/defaults.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

/// A place in a file. Lines and columns start at 1; 0 = not known (the whole file, or a source that
/// is no file, such as a container).
struct location {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  friend bool operator==(const location&, const location&) = default;
};

/// "traefik.yml:3:5", without the parts that are not known.
[[nodiscard]] std::string to_string(const location& at);

enum class severity : std::uint8_t { error, warning };

struct diagnostic {
  severity level = severity::error;
  location at;
  std::string message;
};

/// "traefik.yml:3:5: error: expected a number, got \"x\"".
[[nodiscard]] std::string to_string(const diagnostic& d);

class diagnostics {
 public:
  void error(location at, std::string message);
  void warning(location at, std::string message);
  /// The usual form of an error: "<what>: expected <wanted>, got <got>".
  void expected(location at, std::string_view what, std::string_view wanted, std::string_view got);
  void append(const diagnostics& others);

  [[nodiscard]] bool has_errors() const noexcept { return errors_ > 0; }
  [[nodiscard]] std::size_t errors() const noexcept { return errors_; }
  [[nodiscard]] std::size_t warnings() const noexcept { return warnings_; }
  /// In the order they were found.
  [[nodiscard]] const std::vector<diagnostic>& all() const noexcept { return all_; }
  /// By file (in the order files were first mentioned), then line, then column.
  [[nodiscard]] std::vector<diagnostic> sorted() const;
  /// One line each, sorted; a last line counts what was not kept.
  [[nodiscard]] std::string print() const;

 private:
  void add(diagnostic d);

  std::vector<diagnostic> all_;
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

/// `text` in double quotes as an error message shows it: control characters escaped, cut at 60
/// bytes.
[[nodiscard]] std::string shown(std::string_view text);

/// The candidate that `word` was most likely meant to be, or "" when none is near. Case is ignored.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       const std::vector<std::string_view>& candidates);

/// `; did you mean "x"?`, or "" when no candidate is near.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       const std::vector<std::string_view>& candidates);

}  // namespace stagedoor::configs
