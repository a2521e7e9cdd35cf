// SPDX-License-Identifier: Apache-2.0
// Composes the heads that are sent on: what arrived, without what ends here, with what was edited.
//
// Each field that is forwarded is copied once, straight from where it was received into the block
// that is sent; runs of them are copied as one piece.
// Owner: an edge. Runs on: its loop. Bounded by: the received head plus the edits.
#pragma once

#include "runtime/http/field_edits.hpp"
#include "runtime/http/message.hpp"

#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

namespace stagedoor::http {

/// A growing text that keeps its memory. Cheaper than std::string: nothing is cleared or checked
/// byte by byte.
class head_writer {
 public:
  void clear() noexcept { size_ = 0; }
  [[nodiscard]] std::string_view text() const noexcept { return {bytes_.get(), size_}; }

  head_writer& add(std::string_view part) {
    if (part.empty()) return *this;
    if (capacity_ - size_ < part.size()) grow(part.size());
    std::memcpy(bytes_.get() + size_, part.data(), part.size());
    size_ += part.size();
    return *this;
  }
  head_writer& add(std::uint64_t number) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    return add({digits, static_cast<std::size_t>(end - digits)});
  }
  head_writer& field(std::string_view name, std::string_view value) {
    return add(name).add(": ").add(value).add("\r\n");
  }

 private:
  void grow(std::size_t more) {
    const std::size_t capacity = 2 * capacity_ + more + 4096;
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ != 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_ = std::make_unique_for_overwrite<char[]>(4096);
  std::size_t capacity_ = 4096;
  std::size_t size_ = 0;
};

struct request_line_parts {
  std::string_view method;
  std::string_view path;
  std::string_view query;
  bool has_query = false;
  std::string_view authority;  ///< empty: the Host field is sent as it came
  std::string_view upgrade;    ///< protocol asked for; empty = none
};

/// |out| is cleared first. The head is HTTP/1.1 for a kept connection.
void write_request_head(head_writer& out, const request_head& head, const request_line_parts& line,
                        const field_edits& edits);

struct response_line_parts {
  body_framing framing = body_framing::none;    ///< towards the client
  bool keep_length = true;                      ///< Content-Length is sent as it came
  std::optional<std::uint64_t> content_length;  ///< written in addition
  bool close = false;
  bool client_is_1_0 = false;  ///< must be told that it may stay
  std::string_view upgrade;    ///< of a 101
};

void write_response_head(head_writer& out, const response_head& head,
                         const response_line_parts& line, const field_edits& edits);

}  // namespace stagedoor::http
