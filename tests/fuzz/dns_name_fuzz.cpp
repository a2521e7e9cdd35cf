// SPDX-License-Identifier: Apache-2.0
// Any text as a name: what is accepted is a valid wire name and survives the way through text.
// Any bytes as a wire name: query_name accepts exactly what name_length does.
#include "runtime/dns/name.hpp"

#include <cstdint>
#include <cstdlib>
#include <span>

namespace {
void require(bool holds) {
  if (!holds) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagedoor::dns;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto wire = parse_name(text, root_name())) {
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(wire->data()), wire->size());
    require(name_length(bytes) == wire->size());
    const auto again = parse_name(name_text(*wire), {});
    require(again && *again == *wire);
    require(same_name(lower_cased(*wire), *wire));
    require(is_at_or_below(*wire, root_name()));
  }
  query_name q;
  const std::size_t length = name_length({data, size});
  require(q.assign(std::span(data, size)) == (length != 0 && length == size));
  if (length != 0) {
    require(q.assign(std::span(data, length)));
    require(q.labels() == label_count(q.view()));
    for (std::size_t n = 0; n <= q.labels(); ++n) require(is_at_or_below(q.view(), q.suffix(n)));
  }
  return 0;
}
