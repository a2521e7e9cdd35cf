// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/log.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace stagedoor::log {
namespace {

constexpr const char* line_pattern = "%Y-%m-%dT%H:%M:%S.%e%z %l %v";

spdlog::level::level_enum to_spdlog(level l) noexcept {
  switch (l) {
    case level::debug: return spdlog::level::debug;
    case level::info: return spdlog::level::info;
    case level::warning: return spdlog::level::warn;
    case level::error: return spdlog::level::err;
    case level::off: return spdlog::level::off;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink) {
  auto made = std::make_shared<spdlog::logger>("stagedoor", std::move(sink));
  made->set_pattern(line_pattern, spdlog::pattern_time_type::utc);
  made->flush_on(spdlog::level::info);
  return made;
}

std::shared_ptr<spdlog::logger>& logger() {
  static auto instance = make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  return instance;
}

void write(level l, std::string_view event, pairs values) {
  if (!enabled(l)) return;
  std::string line(event);
  for (const auto& [key, value] : values) {
    line += ' ';
    line += key;
    line += '=';
    line += quoted(value);
  }
  logger()->log(to_spdlog(l), line);
}

}  // namespace

void set_level(level minimum) noexcept { logger()->set_level(to_spdlog(minimum)); }

bool enabled(level l) noexcept { return logger()->should_log(to_spdlog(l)); }

void to_file(const std::string& path) {
  const auto minimum = logger()->level();
  logger() = make_logger(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
  logger()->set_level(minimum);
}

void debug(std::string_view event, pairs values) { write(level::debug, event, values); }
void info(std::string_view event, pairs values) { write(level::info, event, values); }
void warning(std::string_view event, pairs values) { write(level::warning, event, values); }
void error(std::string_view event, pairs values) { write(level::error, event, values); }

std::string quoted(std::string_view text) {
  const auto plain = [](unsigned char c) { return c > ' ' && c != '"' && c != '\\' && c != 0x7f; };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < ' ' || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out += '"';
}

}  // namespace stagedoor::log
