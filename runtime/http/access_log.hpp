// SPDX-License-Identifier: Apache-2.0
// One line a request, in Traefik's formats.
//
// A line that a client can forge is worse than none, so everything that came from outside is
// escaped; a disk that is full or slow must not slow requests down, so lines are collected and
// written at the end of a turn, and lost (and counted) when the file does not take them.
//
// Owner: an edge; each loop writes whole lines to its own descriptor of the same file.
// Runs on: its loop. Bounded by: access_log_bytes.
// On failure: lines are dropped, one warning a minute says how many.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::http {

inline constexpr std::size_t access_log_flush_bytes =
    64U << 10U;  ///< written without waiting for the turn's end
inline constexpr std::size_t access_log_bytes =
    1U << 20U;  ///< waiting for a slow pipe; then lines are lost

enum class access_format : std::uint8_t { common, generic_clf, json };

struct status_range {
  std::uint16_t first = 100;
  std::uint16_t last = 599;
};

struct access_log_options {
  std::string path;  ///< empty = standard output
  access_format format = access_format::common;
  bool keep_request_fields = false;    ///< Referer and User-Agent; Traefik drops them by default
  std::vector<status_range> statuses;  ///< with min_duration: either is enough
  std::chrono::nanoseconds min_duration{0};  ///< 0 = not asked for
};

/// What is known of a finished request. Views are only read during write().
struct access_entry {
  std::string_view client;  ///< forwarded_client()
  std::string_view user;    ///< empty = "-"
  wall_time start;
  std::string_view method;
  std::string_view target;    ///< path and query as they came
  std::string_view protocol;  ///< "HTTP/1.1"
  std::uint16_t status = 0;   ///< 0 = none was sent
  std::uint64_t bytes = 0;    ///< of the response body
  std::string_view referer;
  std::string_view user_agent;
  std::uint64_t number = 0;  ///< the edge's count of requests
  std::string_view router;   ///< qualified; empty = "-"
  std::string_view server;   ///< url; empty = "-"
  std::chrono::nanoseconds duration{0};
};

class access_log {
 public:
  /// Opens the file to append to. On failure: not_found, refused, overloaded.
  [[nodiscard]] static result<access_log> open(access_log_options options);

  void write(const access_entry& e);
  /// The loop calls it at the end of each turn.
  void flush(mono_time now);
  /// After the file was moved away (SIGUSR1): goes on in a new one of the same name. Keeps the old
  /// one when that cannot be opened.
  result<void> reopen();

  [[nodiscard]] std::uint64_t lost_lines() const noexcept { return lost_; }

 private:
  access_log(access_log_options options, unique_fd file, bool regular)
      : options_(std::move(options)), file_(std::move(file)), is_regular_(regular) {}
  [[nodiscard]] bool is_wanted(const access_entry& e) const noexcept;
  void write_common(const access_entry& e);
  void write_json(const access_entry& e);
  void write_out();
  bool write_some();
  void drop_buffer();
  std::string_view clf_time(wall_time at);

  access_log_options options_;
  unique_fd file_;   ///< empty for standard output
  bool is_regular_;  ///< a pipe is asked before each write whether it would block
  std::string buffer_;
  bool is_mid_line_ = false;       ///< the file ends with part of a line
  std::string time_text_;          ///< of time_second_
  std::int64_t time_second_ = -1;  ///< seconds since 1970; -1 = none yet
  std::uint64_t lost_ = 0;
  std::uint64_t lost_reported_ = 0;
  mono_time next_report_{};
};

/// |text| between double quotes: '"', '\' and everything but printable ASCII as \xHH.
void append_log_text(std::string& out, std::string_view text);
/// |text| as the content of a JSON string.
void append_json_text(std::string& out, std::string_view text);

}  // namespace stagedoor::http
