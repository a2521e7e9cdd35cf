// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/hello.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/link/wire.hpp"
#include "runtime/tls/authority.hpp"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <sys/random.h>

namespace stagedoor::link {
namespace {

constexpr std::uint32_t least_window = 4096;  // less, and a stream would move a byte at a time
constexpr std::uint32_t least_frame = 1024;

fault bad(fault_kind kind, std::string what) {
  return {kind, fault_side::peer, retryable::no, std::move(what)};
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

template <std::size_t Size, class Byte>
void copy_to(std::array<Byte, Size>& out, std::string_view bytes) {
  if (bytes.size() == Size) std::copy(bytes.begin(), bytes.end(), out.begin());
}

template <class Bytes>
std::string_view text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

result<incarnation> incarnation::random() {
  incarnation made;
  if (::getrandom(made.bytes.data(), made.bytes.size(), 0) !=
      static_cast<ssize_t>(made.bytes.size()))
    return errno_fault(fault_side::self, "random bytes for an incarnation", errno);
  return made;
}

std::optional<incarnation> incarnation::parse(std::string_view hex) noexcept {
  incarnation made;
  if (hex.size() != 2 * made.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < made.bytes.size(); ++i) {
    const int high = ascii::hex_value(hex[2 * i]);
    const int low = ascii::hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    made.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return made;
}

std::string incarnation::to_string() const {
  std::string out;
  for (const auto byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

std::optional<std::uint16_t> agree(protocol_range a, protocol_range b) noexcept {
  const auto highest = std::min(a.highest, b.highest);
  if (highest < std::max(a.lowest, b.lowest)) return std::nullopt;
  return highest;
}

std::string hello_words(const hello& h) {
  std::string out;
  put(out, h.protocols.lowest);
  put(out, h.protocols.highest);
  out += text_of(h.run.bytes);
  put(out, h.window_bytes);
  put(out, h.frame_bytes);
  put(out, static_cast<std::uint8_t>(h.build.size()));
  out += h.build;
  put(out, static_cast<std::uint8_t>(h.node.size()));
  out += h.node;
  return out;
}

std::string encode_hello(const hello_proof& proof, std::string_view words) {
  std::string out(text_of(proof));
  out += words;
  return out;
}

result<received_hello> parse_hello(std::string_view payload) {
  received_hello got;
  hello& h = got.said;
  wire_reader in(payload);
  copy_to(h.proof, in.take(h.proof.size()));
  got.words = in.rest();
  h.protocols.lowest = in.number<std::uint16_t>();
  h.protocols.highest = in.number<std::uint16_t>();
  copy_to(h.run.bytes, in.take(h.run.bytes.size()));
  h.window_bytes = in.number<std::uint32_t>();
  h.frame_bytes = in.number<std::uint32_t>();
  h.build = in.take(in.number<std::uint8_t>());
  h.node = in.take(in.number<std::uint8_t>());
  if (in.failed()) return bad(fault_kind::malformed, "hello: ends too early");
  if (h.protocols.lowest == 0 || h.protocols.lowest > h.protocols.highest)
    return bad(fault_kind::invalid, "hello: not a range of protocol versions");
  if (h.window_bytes < least_window || h.frame_bytes < least_frame)
    return bad(fault_kind::invalid, "hello: window or frame too small to work with");
  if (h.build.size() > max_build || !printable(h.build))
    return bad(fault_kind::invalid, "hello: not a build");
  if (!tls::is_node_name(h.node)) return bad(fault_kind::invalid, "hello: not a node name");
  h.node = ascii::to_lower(h.node);
  return got;
}

std::string proof_context(link_side sender, std::string_view words) {
  std::string out;
  put(out, static_cast<std::uint8_t>(sender));
  out += words;
  return out;
}

std::string_view to_string(refusal why) noexcept {
  switch (why) {
    case refusal::unknown_node: return "unknown node";
    case refusal::wrong_name: return "wrong name";
    case refusal::no_protocol: return "no protocol in common";
    case refusal::replayed: return "hello of another session";
    case refusal::myself: return "same incarnation";
    case refusal::full: return "too many links";
    case refusal::not_now: return "not now";
  }
  return "unknown node";
}

std::string encode_refused(const refused& r) {
  std::string out;
  put(out, static_cast<std::uint8_t>(r.why));
  out += std::string_view(r.text).substr(0, max_refusal_text);
  return out;
}

result<refused> parse_refused(std::string_view payload) {
  wire_reader in(payload);
  const auto why = in.number<std::uint8_t>();
  if (in.failed() || why < static_cast<std::uint8_t>(refusal::unknown_node) ||
      why > static_cast<std::uint8_t>(refusal::not_now))
    return bad(fault_kind::malformed, "refusal: no reason");
  if (in.rest().size() > max_refusal_text || !printable(in.rest()))
    return bad(fault_kind::malformed, "refusal: not a text");
  return refused{static_cast<refusal>(why), std::string(in.rest())};
}

}  // namespace stagedoor::link
