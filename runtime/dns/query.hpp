// SPDX-License-Identifier: Apache-2.0
// One received packet, read as far as answering needs: header, question, EDNS.
//
// Everything else in a query is skipped over, but must be well-formed. What is wrong with the
// packet becomes the rcode of the answer, so that the caller only chooses between answering with
// an error, answering properly, and staying silent.
// Bounded by: the packet. On failure: verdict::drop, or verdict::error with error_code.
#pragma once

#include "runtime/dns/name.hpp"
#include "runtime/dns/types.hpp"

#include <cstdint>
#include <span>

namespace stagedoor::dns {

enum class verdict : std::uint8_t {
  answer,  ///< a well-formed query
  error,   ///< answer with error_code; the question is echoed when has_question
  drop,    ///< no answer: not a query, or nothing an answer could be addressed with
};

struct query {
  std::span<const std::uint8_t> packet;  ///< borrowed from the receive buffer
  query_name name;                       ///< valid when has_question
  std::uint16_t id = 0;
  std::uint16_t flags = 0;  ///< as received
  std::uint16_t qtype = 0;
  std::uint16_t qclass = 0;
  std::uint16_t question_bytes = 0;  ///< name, type and class, as received
  std::uint16_t error_code = 0;      ///< extended rcode
  std::uint16_t udp_size = 512;      ///< what the client can take, at least 512
  std::uint16_t edns_flags = 0;      ///< the DO bit is 0x8000
  std::uint8_t opcode = 0;
  std::uint8_t edns_version = 0;
  bool has_question = false;
  bool has_edns = false;

  [[nodiscard]] bool recursion_desired() const noexcept { return (flags & flag::rd) != 0; }
  [[nodiscard]] bool dnssec_ok() const noexcept { return (edns_flags & 0x8000U) != 0; }
};

/// Reads |packet| into |q|, which may hold an earlier query.
/// RFC 1035 section 4, RFC 6891, RFC 9619 (exactly one question).
[[nodiscard]] verdict read_query(std::span<const std::uint8_t> packet, query& q) noexcept;

}  // namespace stagedoor::dns
