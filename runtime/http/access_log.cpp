// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/access_log.hpp"

#include "runtime/base/log.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <iterator>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stagedoor::http {
namespace {

constexpr std::size_t pipe_piece = 4096;  // PIPE_BUF: never blocks when poll says writable
constexpr seconds report_interval{60};

bool is_plain(char c) noexcept { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

void append_hex(std::string& out, std::string_view prefix, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto u = static_cast<unsigned char>(c);
  out.append(prefix);
  out.push_back(digits[u >> 4U]);
  out.push_back(digits[u & 15U]);
}

std::string_view or_dash(std::string_view text) noexcept { return text.empty() ? "-" : text; }

result<std::pair<unique_fd, bool>> open_file(const std::string& path) {
  unique_fd file;
  int fd = STDOUT_FILENO;
  if (!path.empty()) {
    file.reset(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640));
    if (!file) return errno_fault(fault_side::operator_input, "open " + path, errno);
    fd = file.get();
  }
  struct stat about {};
  const bool regular = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  return std::pair(std::move(file), regular);
}

}  // namespace

void append_log_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (is_plain(c)) {
      out.push_back(c);
    } else {
      append_hex(out, "\\x", c);
    }
  }
}

void append_json_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (is_plain(c)) {
      out.push_back(c);
    } else {
      append_hex(out, "\\u00", c);  // bytes are shown as Latin-1: always valid, never two lines
    }
  }
}

result<access_log> access_log::open(access_log_options options) {
  auto opened = open_file(options.path);
  if (!opened) return std::move(opened).error();
  return access_log(std::move(options), std::move(opened->first), opened->second);
}

result<void> access_log::reopen() {
  write_out();
  auto opened = open_file(options_.path);
  if (!opened) return std::move(opened).error();
  file_ = std::move(opened->first);
  is_regular_ = opened->second;
  return {};
}

bool access_log::is_wanted(const access_entry& e) const noexcept {
  if (options_.statuses.empty() && options_.min_duration.count() == 0) return true;
  if (options_.min_duration.count() > 0 && e.duration >= options_.min_duration) return true;
  return std::any_of(
      options_.statuses.begin(), options_.statuses.end(),
      [&](const status_range& r) { return e.status >= r.first && e.status <= r.last; });
}

void access_log::write(const access_entry& e) {
  if (!is_wanted(e)) return;
  if (buffer_.size() >= access_log_bytes) {
    ++lost_;
    return;
  }
  if (options_.format == access_format::json) {
    write_json(e);
  } else {
    write_common(e);
  }
  if (buffer_.size() >= access_log_flush_bytes) write_out();
}

std::string_view access_log::clf_time(wall_time at) {
  const auto second = std::chrono::floor<seconds>(at).time_since_epoch().count();
  if (second != time_second_) {
    time_second_ = second;
    std::tm parts{};
    const std::time_t t = second;
    ::gmtime_r(&t, &parts);
    constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_text_ = fmt::format("{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000", parts.tm_mday,
                             months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                             parts.tm_hour, parts.tm_min, parts.tm_sec);
  }
  return time_text_;
}

void access_log::write_common(const access_entry& e) {
  std::string& out = buffer_;
  const auto quoted = [&](std::string_view text) {
    out.push_back('"');
    append_log_text(out, or_dash(text));
    out.push_back('"');
  };
  append_log_text(out, or_dash(e.client));
  out.append(" - ");
  append_log_text(out, or_dash(e.user));
  out.append(" [").append(clf_time(e.start)).append("] \"");
  append_log_text(out, or_dash(e.method));
  out.push_back(' ');
  append_log_text(out, e.target);
  out.push_back(' ');
  append_log_text(out, e.protocol);
  fmt::format_to(std::back_inserter(out), "\" {} {} ", e.status, e.bytes);
  quoted(options_.keep_request_fields ? e.referer : "");
  out.push_back(' ');
  quoted(options_.keep_request_fields ? e.user_agent : "");
  if (options_.format == access_format::common) {
    fmt::format_to(std::back_inserter(out), " {} ", e.number);
    quoted(e.router);
    out.push_back(' ');
    quoted(e.server);
    fmt::format_to(std::back_inserter(out), " {}ms",
                   std::chrono::duration_cast<milliseconds>(e.duration).count());
  }
  out.push_back('\n');
}

void access_log::write_json(const access_entry& e) {
  std::string& out = buffer_;
  const auto text = [&](std::string_view key, std::string_view value) {
    out.append(",\"").append(key).append("\":\"");
    append_json_text(out, value);
    out.push_back('"');
  };
  fmt::format_to(
      std::back_inserter(out),
      R"({{"DownstreamContentSize":{},"DownstreamStatus":{},"Duration":{},"RequestCount":{})",
      e.bytes, e.status, e.duration.count(), e.number);
  text("ClientHost", or_dash(e.client));
  text("ClientUsername", or_dash(e.user));
  text("RequestMethod", e.method);
  text("RequestPath", e.target);
  text("RequestProtocol", e.protocol);
  if (options_.keep_request_fields) {
    text("request_Referer", e.referer);
    text("request_User-Agent", e.user_agent);
  }
  if (!e.router.empty()) text("RouterName", e.router);
  if (!e.server.empty()) text("ServiceURL", e.server);
  const auto whole = std::chrono::floor<seconds>(e.start);
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(e.start - whole).count();
  fmt::format_to(std::back_inserter(out), R"(,"StartUTC":"{:%Y-%m-%dT%H:%M:%S}.{:09}Z"{})",
                 fmt::gmtime(wall_clock::to_time_t(whole)), nanos,
                 ",\"level\":\"info\",\"msg\":\"\"}\n");
}

bool access_log::write_some() {
  const int fd = file_ ? file_.get() : STDOUT_FILENO;
  std::size_t size = buffer_.size();
  if (!is_regular_) {
    pollfd ready{fd, POLLOUT, 0};
    if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) {
      if ((ready.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) drop_buffer();
      return false;
    }
    if (size > pipe_piece) {
      const auto line = buffer_.rfind('\n', pipe_piece - 1);
      size = line == std::string::npos ? pipe_piece : line + 1;
    }
  }
  const ssize_t n = ::write(fd, buffer_.data(), size);
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR) drop_buffer();
    return false;
  }
  if (n > 0) is_mid_line_ = buffer_[static_cast<std::size_t>(n) - 1] != '\n';
  buffer_.erase(0, static_cast<std::size_t>(n));
  return !buffer_.empty();
}

void access_log::write_out() {
  while (!buffer_.empty() && write_some()) {
  }
}

void access_log::drop_buffer() {
  const auto begin = buffer_.begin() + (buffer_.starts_with('\n') ? 1 : 0);
  lost_ += static_cast<std::uint64_t>(std::count(begin, buffer_.end(), '\n'));
  // Half a line is in the file: whatever follows must not be read as its rest.
  buffer_.assign(is_mid_line_ ? "\n" : "");
}

void access_log::flush(mono_time now) {
  if (!buffer_.empty()) write_out();
  if (lost_ == lost_reported_ || now < next_report_) return;
  log::warning("access log lines lost",
               {{"path", options_.path}, {"lines", lost_ - lost_reported_}});
  lost_reported_ = lost_;
  next_report_ = now + report_interval;
}

}  // namespace stagedoor::http
