// SPDX-License-Identifier: Apache-2.0
// Reads master files: RFC 1035 section 5, $TTL of RFC 2308 section 4, and BIND's $GENERATE.
//
// All errors of a file are reported at once, each with file, line, column and what was expected;
// a zone with errors has no data. Names outside the zone and data below its cuts are kept or left
// out with a warning, as the servers that people come from do.
// Runs on: any thread, cold path. Bounded by: zone_file_limits.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/dns/zone_data.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::dns {

struct zone_file_limits {
  std::size_t bytes = std::size_t{4} << 30;  ///< of one file
  std::size_t records = 20'000'000;          ///< after $GENERATE and $INCLUDE
  std::size_t generate_steps = 65'536;       ///< of one $GENERATE
  std::size_t include_depth = 16;
  std::size_t diagnostics = 100;  ///< kept of errors and of warnings
};

struct zone_diagnostic {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;  ///< 0 = the whole line
  std::string message;
  /// "zones/db.localhost:12:24: expected an IPv4 address, got 'x'"
  [[nodiscard]] std::string to_string() const;
};

struct parsed_zone {
  zone_data data;  ///< without records when there are errors
  std::vector<zone_diagnostic> errors;
  std::vector<zone_diagnostic> warnings;
  [[nodiscard]] bool good() const noexcept { return errors.empty(); }
};

/// Gets the text of a file by path; for $INCLUDE, so that tests need no files.
using file_reader = std::function<result<std::string>(const std::string& path)>;
/// Reads from the file system, regular files of at most |limit| bytes.
[[nodiscard]] file_reader disk_reader(std::size_t limit);

/// |text| of the file called |path|, as the zone |apex| (wire form).
[[nodiscard]] parsed_zone parse_zone(std::string_view text, const std::string& path,
                                     std::string_view apex, const file_reader& includes,
                                     const zone_file_limits& limits = {});
[[nodiscard]] parsed_zone read_zone_file(const std::string& path, std::string_view apex,
                                         const zone_file_limits& limits = {});

}  // namespace stagedoor::dns
