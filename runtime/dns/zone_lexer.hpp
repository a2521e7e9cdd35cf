// SPDX-License-Identifier: Apache-2.0
// Splits a master file into entries of tokens (RFC 1035 section 5.1): comments, quotes and
// parentheses are gone afterwards, positions are kept for messages.
// Runs on: any thread, cold path. Bounded by: zone_lexer::max_tokens an entry, and the text.
#pragma once

#include "runtime/base/result.hpp"

#include <string_view>
#include <vector>

namespace stagedoor::dns {

struct zone_token {
  std::string_view text;  ///< without quotes; escapes as written
  unsigned line = 0;      ///< from 1
  unsigned column = 0;    ///< from 1
  bool quoted = false;
};

struct zone_entry {
  std::vector<zone_token> tokens;
  bool owner_omitted = false;  ///< the line began with a blank
};

/// What is wrong and where; |column| 0 = the whole line.
struct zone_position_error {
  unsigned line = 0;
  unsigned column = 0;
  std::string_view what;
};

class zone_lexer {
 public:
  static constexpr std::size_t max_tokens = 20'000;

  enum class status : unsigned char { entry, end, error };

  explicit zone_lexer(std::string_view text, unsigned first_line = 1)
      : text_(text), line_(first_line) {}

  /// The next entry that has tokens. After an error the next call goes on with the next line.
  status next(zone_entry& entry);
  [[nodiscard]] const zone_position_error& error() const noexcept { return error_; }

 private:
  [[nodiscard]] bool at_end() const noexcept { return at_ >= text_.size(); }
  void newline() noexcept {
    ++line_;
    line_start_ = at_;
  }
  void skip_line() noexcept;
  bool take_token(zone_entry& entry);
  status fail(unsigned line, unsigned column, std::string_view what);
  [[nodiscard]] unsigned column() const noexcept {
    return static_cast<unsigned>(at_ - line_start_) + 1;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  unsigned line_;
  zone_position_error error_;
};

}  // namespace stagedoor::dns
