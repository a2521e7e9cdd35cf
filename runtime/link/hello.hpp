// SPDX-License-Identifier: Apache-2.0
// The first thing each side of a link says: who it is, and what it speaks.
//
// A name and an incarnation are worth nothing if they can be repeated by somebody else. So each
// hello carries a secret that only this end of this TLS session can compute over exactly these
// words (RFC 8446 section 7.5): one that was recorded elsewhere, or is sent back to its author, is
// refused.
// Runs on: any thread; values. Bounded by: tls::is_node_name, max_build, max_refusal_text.
#pragma once

#include "runtime/base/result.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::link {

inline constexpr std::size_t max_build = 64;  ///< bytes
inline constexpr std::size_t max_refusal_text = 200;
/// What a TLS exporter is asked for; the context is the side and the words.
inline constexpr std::string_view hello_label = "EXPORTER-stagedoor-link-hello";

enum class link_side : std::uint8_t { dialer = 1, listener = 2 };

/// One run of one node: a random number.
struct incarnation {
  std::array<std::uint8_t, 16> bytes{};

  /// On failure: internal (the kernel has no random bytes).
  [[nodiscard]] static result<incarnation> random();
  /// 32 hexadecimal digits.
  [[nodiscard]] static std::optional<incarnation> parse(std::string_view hex) noexcept;
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const incarnation&, const incarnation&) = default;
};

/// Protocol versions, lowest and highest that are spoken.
struct protocol_range {
  std::uint16_t lowest = 1;
  std::uint16_t highest = 1;
};

/// The highest that both speak.
[[nodiscard]] std::optional<std::uint16_t> agree(protocol_range a, protocol_range b) noexcept;

using hello_proof = std::array<unsigned char, 32>;

struct hello {
  hello_proof proof{};
  protocol_range protocols;
  incarnation run;
  std::uint32_t window_bytes = 0;  ///< what its sender takes of a stream before it gives credit
  std::uint32_t frame_bytes = 0;   ///< the largest payload its sender takes
  std::string build;
  std::string node;
};

/// What the proof is computed over: everything but the proof.
[[nodiscard]] std::string hello_words(const hello& h);
[[nodiscard]] std::string encode_hello(const hello_proof& proof, std::string_view words);

struct received_hello {
  hello said;
  std::string_view words;  ///< a view into what was parsed
};
/// Bytes behind the known fields belong to the words and are left to later versions.
/// On failure: malformed, invalid (names, ranges, sizes).
[[nodiscard]] result<received_hello> parse_hello(std::string_view payload);

/// The context for the TLS exporter.
[[nodiscard]] std::string proof_context(link_side sender, std::string_view words);

enum class refusal : std::uint8_t {
  unknown_node = 1,  ///< not among those that may join
  wrong_name = 2,    ///< its certificate is for another name, or we dialled somebody else
  no_protocol = 3,   ///< no version in common
  replayed = 4,      ///< the hello belongs to another session
  myself = 5,        ///< the same incarnation: a node that dialled itself, or was cloned
  full = 6,          ///< as many links as there may be
  not_now = 7,       ///< the node is leaving or not ready
};
[[nodiscard]] std::string_view to_string(refusal why) noexcept;

struct refused {
  refusal why = refusal::unknown_node;
  std::string text;  ///< for a person; printable ASCII
};
[[nodiscard]] std::string encode_refused(const refused& r);
/// On failure: malformed.
[[nodiscard]] result<refused> parse_refused(std::string_view payload);

}  // namespace stagedoor::link
