// SPDX-License-Identifier: Apache-2.0
#include "configs/corefile_lexer.hpp"

namespace stagedoor::configs {
namespace {

class lexer {
 public:
  lexer(const std::string& file, std::string_view text) : file_(file), rest_(text) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (rest_.starts_with(byte_order_mark)) rest_.remove_prefix(byte_order_mark.size());
  }

  std::vector<corefile_token> run() {
    while (!rest_.empty()) {
      if (is_space(rest_.front())) {
        advance();
      } else if (rest_.front() == '#') {
        skip_comment();
      } else if (rest_.front() == '"') {
        quoted();
      } else {
        plain();
      }
    }
    return std::move(tokens_);
  }

 private:
  static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
  }

  char advance() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (c == '\n') {
      ++line_;
      column_ = 1;
    } else if ((static_cast<unsigned char>(c) & 0xc0U) != 0x80U) {
      ++column_;  // the bytes that continue a character do not count
    }
    return c;
  }

  void skip_comment() {
    while (!rest_.empty() && rest_.front() != '\n') advance();
  }

  void quoted() {
    corefile_token token{{}, {file_, line_, column_}, line_, true, false};
    advance();
    while (!rest_.empty()) {
      const char c = advance();
      if (c == '"') {
        token.closed = true;
        break;
      }
      if (c == '\\' && !rest_.empty() && rest_.front() == '"') {
        token.text += advance();
      } else {
        token.text += c;
      }
    }
    token.last_line = line_;
    tokens_.push_back(std::move(token));
  }

  void plain() {
    corefile_token token{{}, {file_, line_, column_}, line_, false};
    while (!rest_.empty() && !is_space(rest_.front()) && rest_.front() != '#') {
      token.text += advance();
    }
    tokens_.push_back(std::move(token));
  }

  const std::string& file_;
  std::string_view rest_;
  std::uint32_t line_ = 1;
  std::uint32_t column_ = 1;
  std::vector<corefile_token> tokens_;
};

}  // namespace

std::vector<corefile_token> lex_corefile(const std::string& file, std::string_view text) {
  return lexer(file, text).run();
}

}  // namespace stagedoor::configs
