// SPDX-License-Identifier: Apache-2.0
// Reads request and response heads in one pass, and refuses whatever two implementations could
// read in two ways.
//
// Request smuggling lives off disagreement: a proxy and a server that find different ends of one
// message. So everything that RFC 9112 lets a recipient refuse is refused: both lengths, repeated
// or listed lengths, bare CR or LF, folded lines, a blank before the colon, a Host missing or
// twice, a transfer coding other than chunked. No byte is looked at twice except the first line of
// a head that arrives in pieces, and nothing is copied.
//
// Owner: a connection. Runs on: its loop. Bounded by: head_limits, max_fields.
// On failure: the status to answer with before the connection is closed.
#pragma once

#include "runtime/http/message.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace stagedoor::http {

struct head_limits {
  std::size_t head_bytes = 64U << 10U;    ///< start line, fields and the empty line; beyond: 431
  std::size_t target_bytes = 16U << 10U;  ///< request-target; beyond: 414
};

enum class parse_state : std::uint8_t { incomplete, done, failed };

/// Why a head was refused: |status| for the client, |reason| for the log.
struct parse_fault {
  std::uint16_t status = 400;
  std::string_view reason;  ///< a literal
};

class head_parser {
 public:
  explicit head_parser(head_limits limits = {}) noexcept : limits_(limits) {}

  /// Begins a new head.
  void reset() noexcept {
    next_line_ = 0;
    seen_ = 0;
    lines_ = 0;
  }
  /// True when some of the head was there at the last call.
  [[nodiscard]] bool begun() const noexcept { return seen_ != 0; }

  /// |bytes| starts where the head does; each call passes the same bytes at the same place and what
  /// followed since. The views in |out| point into it, or into this parser, until reset().
  [[nodiscard]] parse_state parse_request(std::string_view bytes, request_head& out);
  /// |to_head|: the response answers HEAD and has no body, whatever it says.
  [[nodiscard]] parse_state parse_response(std::string_view bytes, bool to_head,
                                           response_head& out);

  /// After done: bytes of the head, its empty line included.
  [[nodiscard]] std::size_t size() const noexcept { return next_line_; }
  /// After failed.
  [[nodiscard]] const parse_fault& error() const noexcept { return error_; }

 private:
  enum class line_state : std::uint8_t { incomplete, line, empty_line, failed };
  struct framing_facts {
    std::uint32_t lengths = 0;   ///< Content-Length fields
    std::uint32_t codings = 0;   ///< Transfer-Encoding fields
    bool chunked = false;        ///< the one coding is chunked
    bool final_chunked = false;  ///< the last of them is chunked
    bool length_valid = true;
    bool lengths_differ = false;
    std::uint64_t length = 0;
    bool says_close = false;
    bool says_keep_alive = false;
    bool says_upgrade = false;
    bool lists_fields = false;
    bool has_upgrade = false;
    bool upgrades_to_h2c = false;
    bool has_expect = false;
    bool expect_valid = false;
    std::uint32_t hosts = 0;
    std::string_view host;
  };

  parse_state fail(std::uint16_t status, std::string_view reason) noexcept {
    error_ = {status, reason};
    return parse_state::failed;
  }
  line_state fail_line(std::uint16_t status, std::string_view reason) noexcept {
    error_ = {status, reason};
    return line_state::failed;
  }

  [[nodiscard]] bool has_line(std::string_view bytes) noexcept;
  line_state request_line(std::string_view bytes, request_head& out);
  line_state status_line(std::string_view bytes, response_head& out);
  line_state field_line(std::string_view bytes, field_list& out);
  parse_state fields(std::string_view bytes, field_list& out);
  void note(const field& f) noexcept;
  void note_connection(std::string_view value) noexcept;
  void note_coding(std::string_view value) noexcept;
  void note_length(std::string_view value) noexcept;
  parse_state finish(request_head& out);
  parse_state finish(response_head& out, bool to_head);
  parse_state settle_target(request_head& out);
  parse_state settle_host(request_head& out);

  head_limits limits_;
  std::size_t next_line_ = 0;  ///< offset of the first line that is not parsed
  std::size_t seen_ = 0;       ///< offset up to which no line feed ends that line
  std::size_t lines_ = 0;      ///< parsed ones
  framing_facts facts_;
  parse_fault error_;
  std::string path_memory_;  ///< of a path that had to be normalised
  std::array<char, 256> host_memory_{};
};

}  // namespace stagedoor::http
