// SPDX-License-Identifier: Apache-2.0
// Any bytes as a hello: what is accepted is within the limits and says the same when written again.
// Any bytes as a refusal: what is accepted is printable.
#include "runtime/link/hello.hpp"
#include "runtime/tls/authority.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {
void require(bool holds) {
  if (!holds) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagedoor::link;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto got = parse_hello(bytes)) {
    const auto& h = got->said;
    require(stagedoor::tls::is_node_name(h.node) && h.build.size() <= max_build);
    require(h.protocols.lowest > 0 && h.protocols.lowest <= h.protocols.highest);
    require(agree(h.protocols, h.protocols) == h.protocols.highest);
    const auto again = parse_hello(encode_hello(h.proof, hello_words(h)));
    require(again && again->said.node == h.node && again->said.run == h.run &&
            again->said.window_bytes == h.window_bytes && again->said.build == h.build);
    require(incarnation::parse(h.run.to_string()) == h.run);
  }
  if (const auto got = parse_refused(bytes)) {
    require(got->text.size() <= max_refusal_text);
    require(std::all_of(got->text.begin(), got->text.end(),
                        [](char c) { return c >= ' ' && c <= '~'; }));
    require(encode_refused(*got) == bytes);
  }
  return 0;
}
