// SPDX-License-Identifier: Apache-2.0
// Any bytes from a peer, before and after the hellos, on either side of a link: what is kept and
// what is answered stays bounded, and bytes are passed on only within the window.
//
// The first byte chooses the side, the state and the size of the pieces.
#include "tests/link/protocol_pair.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace stagedoor;        // NOLINT: a program of its own
using namespace stagedoor::link;  // NOLINT: the same

void require(bool holds) {
  if (!holds) std::abort();
}

/// Takes half of what it gets at once, and the rest never.
struct half_deaf final : link_protocol::sink {
  std::optional<refused> on_hello(const peer&) override { return std::nullopt; }
  void on_up() override {}
  void on_opened() override { kept = 0; }
  void on_bytes(std::string_view bytes) override {
    kept += bytes.size() - bytes.size() / 2;
    protocol->consumed(bytes.size() / 2);
  }
  void on_closed() override {}
  link_protocol* protocol = nullptr;
  std::size_t kept = 0;
};

void pass_on(link_protocol& from, link_protocol& to, mono_time now) {
  const std::string said(from.output());
  from.sent(said.size());
  to.receive(said, now);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto choice = *data;
  std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const bool dials = (choice & 1U) != 0;
  const bool connected = (choice & 2U) != 0;
  const bool streams = (choice & 4U) != 0;
  const std::size_t piece = 1 + (choice >> 3U) * 37U;

  const auto me = identity("node-1", 1);
  const auto other = identity("node-2", 2);
  link_limits limits;
  limits.window_bytes = 8192;
  limits.frame_bytes = 4096;
  limits.out_bytes = 4096;
  half_deaf mine;
  recorded theirs;
  link_protocol tested(dials ? link_side::dialer : link_side::listener, me, limits, "", mine);
  link_protocol helper(dials ? link_side::listener : link_side::dialer, other, limits, "", theirs);
  mine.protocol = &tested;
  mono_time now{seconds(1)};
  const auto prove = [](std::string_view context) {
    return std::optional(fake_secret("session", context));
  };
  tested.start({{"node-2"}, prove}, now);
  if (connected) {
    helper.start({{"node-1"}, prove}, now);
    for (int i = 0; i < 3; ++i) {
      pass_on(tested, helper, now);
      pass_on(helper, tested, now);
    }
    require(tested.up() && helper.up());
    if (streams) {
      (dials ? tested : helper).open_stream();
      pass_on(tested, helper, now);
      pass_on(helper, tested, now);
      require(tested.streaming());
    }
  }
  while (!bytes.empty() && !tested.ended()) {
    const auto n = std::min(piece, bytes.size());
    tested.receive(bytes.substr(0, n), now);
    bytes.remove_prefix(n);
    now += milliseconds(100);
    tested.tick(now);
    require(mine.kept <= limits.window_bytes);
    require(tested.output().size() <= limits.out_bytes + limits.frame_bytes + (32U << 10U));
    if (tested.sendable() >= basp_scanner::header_bytes) tested.send(basp_message(""));
  }
  return 0;
}
