// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/zone_lexer.hpp"

namespace stagedoor::dns {
namespace {
bool ends_word(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '(' || c == ')';
}
}  // namespace

zone_lexer::status zone_lexer::fail(unsigned line, unsigned column, std::string_view what) {
  error_ = {line, column, what};
  skip_line();
  return status::error;
}

void zone_lexer::skip_line() noexcept {
  while (!at_end() && text_[at_] != '\n') ++at_;
  if (at_end()) return;
  ++at_;
  newline();
}

// A quoted string, or a word; quotes inside a word belong to it (alpn="h2,h3"). False when a quote
// is not closed on its line.
bool zone_lexer::take_token(zone_entry& entry) {
  zone_token token{{}, line_, column(), text_[at_] == '"'};
  bool quoted = token.quoted;
  if (quoted) ++at_;
  const std::size_t start = at_;
  while (!at_end()) {
    const char c = text_[at_];
    if (c == '\n' || (!quoted && ends_word(c))) break;
    if (c == '"') {
      if (token.quoted) break;
      quoted = !quoted;
    }
    at_ += c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n' ? 2U : 1U;
  }
  token.text = text_.substr(start, at_ - start);
  const bool open = token.quoted ? at_end() || text_[at_] != '"' : quoted;
  if (open) {
    error_ = {token.line, token.column, "expected a closing quote on this line"};
    return false;
  }
  if (token.quoted) ++at_;
  entry.tokens.push_back(token);
  return true;
}

zone_lexer::status zone_lexer::next(zone_entry& entry) {
  entry.tokens.clear();
  entry.owner_omitted = !at_end() && (text_[at_] == ' ' || text_[at_] == '\t');
  unsigned open_line = 0;  // of the parenthesis that is open, 0 = none
  unsigned open_column = 0;
  while (!at_end()) {
    const char c = text_[at_];
    if (c == '\n') {
      ++at_;
      newline();
      if (open_line != 0) continue;
      if (!entry.tokens.empty()) return status::entry;
      entry.owner_omitted = !at_end() && (text_[at_] == ' ' || text_[at_] == '\t');
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
    } else if (c == ';') {
      while (!at_end() && text_[at_] != '\n') ++at_;
    } else if (c == '(') {
      if (open_line != 0) return fail(line_, column(), "expected ')' before another '('");
      open_line = line_;
      open_column = column();
      ++at_;
    } else if (c == ')') {
      if (open_line == 0) return fail(line_, column(), "')' without '('");
      open_line = 0;
      ++at_;
    } else {
      if (entry.tokens.size() >= max_tokens)
        return fail(line_, column(), "too many words in one entry");
      if (!take_token(entry)) {
        skip_line();
        return status::error;
      }
    }
  }
  if (open_line != 0)
    return fail(open_line, open_column, "expected ')' before the end of the file");
  return entry.tokens.empty() ? status::end : status::entry;
}

}  // namespace stagedoor::dns
