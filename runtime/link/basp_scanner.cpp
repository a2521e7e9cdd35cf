// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/basp_scanner.hpp"

#include "runtime/link/wire.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace stagedoor::link {
namespace {

constexpr std::uint8_t last_operation = 6;  // heartbeat
constexpr std::size_t length_at = 4;

}  // namespace

result<void> basp_scanner::scan(std::string_view bytes) {
  while (!bytes.empty()) {
    if (payload_left_ > 0) {
      const auto passed = std::min(payload_left_, bytes.size());
      payload_left_ -= passed;
      bytes.remove_prefix(passed);
      continue;
    }
    const auto taken = std::min(header_bytes - held_, bytes.size());
    std::memcpy(header_.data() + held_, bytes.data(), taken);
    held_ += taken;
    bytes.remove_prefix(taken);
    if (held_ < header_bytes) return {};
    held_ = 0;
    if (auto checked = check_header(); !checked) return checked;
  }
  return {};
}

result<void> basp_scanner::check_header() {
  const auto operation = static_cast<std::uint8_t>(header_[0]);
  if (operation > last_operation)
    return fault{fault_kind::malformed, fault_side::peer, retryable::no,
                 fmt::format("BASP header with unknown operation {}", operation)};
  const auto length = get<std::uint32_t>({header_.data() + length_at, sizeof(std::uint32_t)});
  if (length > payload_limit_)
    return fault{
        fault_kind::too_large, fault_side::peer, retryable::no,
        fmt::format("BASP header promises {} bytes, expected at most {}", length, payload_limit_)};
  payload_left_ = length;
  ++messages_;
  return {};
}

}  // namespace stagedoor::link
