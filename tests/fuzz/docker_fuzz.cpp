// SPDX-License-Identifier: Apache-2.0
// Everything a Docker engine may send: the first byte chooses list, inspection or events, and for
// events how the bytes are cut; however they are cut, the same events must come out.
#include "runtime/client/docker_container.hpp"
#include "runtime/client/docker_event.hpp"

#include <cstdlib>

namespace {

std::size_t events_in(std::string_view text, std::size_t chunk) {
  stagedoor::client::docker_event_reader reader(4096);
  std::size_t seen = 0;
  while (!text.empty()) {
    const auto part = text.substr(0, chunk);
    text.remove_prefix(part.size());
    if (!reader.feed(part, [&](const auto&) { ++seen; })) break;
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'l') {
    if (const auto list = stagedoor::client::parse_container_list(text))
      for (const auto& c : *list)
        if (c.id.empty()) std::abort();
  } else if (data[0] == 'i') {
    (void)stagedoor::client::parse_container(text);
  } else if (events_in(text, 1U + data[0] % 16U) != events_in(text, text.size() + 1)) {
    std::abort();
  }
  return 0;
}
