// SPDX-License-Identifier: Apache-2.0
// Any text as a zone file that may include itself: no crash, bounded work, every record sound, and
// what loads can be loaded again without a change.
#include "runtime/dns/rrset.hpp"
#include "runtime/dns/zone_file.hpp"
#include "runtime/dns/zone_state.hpp"

#include <cstdint>
#include <cstdlib>

namespace {
void require(bool holds) {
  if (!holds) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagedoor;
  using namespace stagedoor::dns;
  static const wire_name apex = parse_name("example.", root_name()).value();
  const std::string text(reinterpret_cast<const char*>(data), size);
  const zone_file_limits limits{
      .bytes = 1 << 20, .records = 2000, .generate_steps = 500, .include_depth = 2};
  std::size_t reads = 0;
  const auto zone = parse_zone(
      text, "db", apex,
      [&](const std::string&) -> result<std::string> {
        if (++reads > 8) return fault{fault_kind::not_found, {}, {}, "enough"};
        return text;
      },
      limits);
  require(zone.errors.size() <= limits.diagnostics && zone.warnings.size() <= limits.diagnostics);
  require(zone.good() || zone.data.records.empty());
  for (const auto& r : zone.data.records) {
    require(r.ttl <= 0x7fffffffU);
    require(well_formed_rdata(
        r.type, {reinterpret_cast<const std::uint8_t*>(r.rdata.data()), r.rdata.size()}));
  }
  zone_state state(zone_id{1}, apex);
  if (const auto loaded = state.load(zone.data)) {
    require(zone.good() && state.loaded());
    const auto again = state.load(zone.data);
    require(again && again->items.empty() && again->serial == loaded->serial);
  }
  return 0;
}
