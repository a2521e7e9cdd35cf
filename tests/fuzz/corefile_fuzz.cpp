// SPDX-License-Identifier: Apache-2.0
// A Corefile that can import itself: whatever it says, it ends, and what is accepted is complete.
#include "configs/dns_config.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

using namespace stagedoor;
using namespace stagedoor::configs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const corefile_sources sources{
      [](std::string_view name) -> std::optional<std::string> {
        if (name == "E") return "{ } import";
        return std::nullopt;
      },
      [&](const std::string& path) -> result<std::string> {
        if (path.ends_with("self")) return text;
        if (path.ends_with("conf")) return std::string("nameserver 192.0.2.1\n");
        return fault{fault_kind::not_found, fault_side::operator_input, retryable::no, "none"};
      },
      [](const std::string&) {
        return std::vector<std::string>{"self", "conf"};
      }};
  diagnostics out;
  const auto config = read_dns_config(parse_corefile("Corefile", text, sources, out), sources, out);
  if (out.all().size() > defaults::diagnostics) std::abort();
  if (out.has_errors()) return 0;
  for (const auto& block : config.blocks) {
    if (block.zones.empty()) std::abort();
    for (const auto& zone : block.zones)
      if (zone.name.empty() || zone.name.back() != '.') std::abort();
    for (const auto& forward : block.forwards)
      if (forward.to.empty() || forward.to.size() > defaults::forward_upstreams) std::abort();
    for (const auto& file : block.files)
      if (file.path.empty() || file.zones.empty()) std::abort();
  }
  return 0;
}
