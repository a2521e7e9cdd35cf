// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/go_duration.hpp"

#include <cstdint>
#include <fmt/format.h>

namespace stagedoor::http {
namespace {

/// value / unit without trailing zeros: 1500 of 1000 is "1.5".
std::string decimal(std::uint64_t value, std::uint64_t unit) {
  std::string out = fmt::format("{}", value / unit);
  std::uint64_t rest = value % unit;
  if (rest == 0) return out;
  out += '.';
  for (std::uint64_t place = unit / 10; rest > 0; place /= 10) {
    out += static_cast<char>('0' + rest / place);
    rest %= place;
  }
  return out;
}

}  // namespace

std::string go_duration(std::chrono::nanoseconds d) {
  const bool negative = d.count() < 0;
  const auto n =
      negative ? 0 - static_cast<std::uint64_t>(d.count()) : static_cast<std::uint64_t>(d.count());
  constexpr std::uint64_t second = 1'000'000'000;
  const std::string sign = negative ? "-" : "";
  if (n == 0) return "0s";
  if (n < 1'000) return fmt::format("{}{}ns", sign, n);
  if (n < 1'000'000) return sign + decimal(n, 1'000) + "µs";
  if (n < second) return sign + decimal(n, 1'000'000) + "ms";
  const std::uint64_t minutes = n / (60 * second);
  const std::string seconds = decimal(n % (60 * second), second) + "s";
  if (minutes == 0) return sign + seconds;
  if (minutes < 60) return fmt::format("{}{}m{}", sign, minutes, seconds);
  return fmt::format("{}{}h{}m{}", sign, minutes / 60, minutes % 60, seconds);
}

}  // namespace stagedoor::http
