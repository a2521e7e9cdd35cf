// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/body.hpp"

#include "runtime/http/char_class.hpp"

#include <algorithm>
#include <cassert>

namespace stagedoor::http {
namespace {

constexpr std::uint64_t max_chunk_size = std::uint64_t{1} << 60U;

// RFC 9110 section 6.5.1: what frames, routes or authenticates a message is no trailer.
bool may_trail(std::string_view name) noexcept {
  constexpr std::string_view never[] = {"connection",
                                        "content-encoding",
                                        "content-length",
                                        "content-range",
                                        "content-type",
                                        "cookie",
                                        "expect",
                                        "host",
                                        "keep-alive",
                                        "proxy-connection",
                                        "set-cookie",
                                        "te",
                                        "trailer",
                                        "transfer-encoding",
                                        "upgrade",
                                        "authorization",
                                        "proxy-authorization",
                                        "x-forwarded-for",
                                        "x-forwarded-proto",
                                        "x-forwarded-host"};
  return std::none_of(std::begin(never), std::end(never),
                      [name](std::string_view n) { return ascii::iequals(n, name); });
}

}  // namespace

void body_decoder::start(body_framing framing, std::uint64_t length) {
  left_ = length;
  received_ = 0;
  line_bytes_ = 0;
  extension_bytes_ = 0;
  trailer_bytes_ = 0;
  line_.clear();
  trailers_.clear();
  switch (framing) {
    case body_framing::none: state_ = state::done; break;
    case body_framing::length: state_ = length == 0 ? state::done : state::counted; break;
    case body_framing::chunked: state_ = state::size_first; break;
    case body_framing::until_close: state_ = state::open_ended; break;
  }
}

body_decoder::piece body_decoder::next(std::string_view in) {
  piece found;
  while (found.framing < in.size()) {
    const std::size_t rest = in.size() - found.framing;
    switch (state_) {
      case state::counted:
      case state::chunk:
        found.payload = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest));
        return found;
      case state::open_ended: found.payload = rest; return found;
      case state::done:
      case state::failed: return found;
      default: state_ = after(in[found.framing++]); break;
    }
  }
  return found;
}

void body_decoder::take(std::size_t n) noexcept {
  received_ += n;
  if (n == 0 || state_ == state::open_ended) return;
  assert(n <= left_);
  left_ -= n;
  if (left_ == 0) state_ = state_ == state::chunk ? state::chunk_return : state::done;
}

bool body_decoder::end_of_input() noexcept {
  if (state_ == state::open_ended) state_ = state::done;
  return done();
}

body_decoder::state body_decoder::after(char c) {
  switch (state_) {
    case state::size_first:
    case state::size: {
      ++line_bytes_;
      if (const int digit = ascii::hex_value(c); digit >= 0) {
        if (state_ == state::size_first) left_ = 0;
        if (left_ >= max_chunk_size / 16 || line_bytes_ > max_chunk_line) return state::failed;
        left_ = left_ * 16 + static_cast<unsigned>(digit);
        return state::size;
      }
      if (state_ == state::size_first) return state::failed;
      if (c == '\r') return state::size_feed;
      return c == ';' ? state::extension : state::failed;
    }
    case state::extension:
      if (c == '\r') return state::size_feed;
      if (++line_bytes_ > max_chunk_line || ++extension_bytes_ > max_extension_bytes)
        return state::failed;
      return char_class::is(c, char_class::field_value) ? state::extension : state::failed;
    case state::size_feed: return c == '\n' ? end_of_size_line() : state::failed;
    case state::chunk_return: return c == '\r' ? state::chunk_feed : state::failed;
    case state::chunk_feed: return c == '\n' ? state::size_first : state::failed;
    case state::trailer:
      if (c == '\r') return state::trailer_feed;
      if (++trailer_bytes_ > max_trailer_bytes || !char_class::is(c, char_class::field_value))
        return state::failed;
      line_.push_back(c);
      return state::trailer;
    case state::trailer_feed: return c == '\n' ? end_of_trailer_line() : state::failed;
    default: return state::failed;
  }
}

body_decoder::state body_decoder::end_of_size_line() noexcept {
  line_bytes_ = 0;
  return left_ == 0 ? state::trailer : state::chunk;
}

body_decoder::state body_decoder::end_of_trailer_line() {
  if (line_.empty()) return state::done;
  const char* const begin = line_.data();
  const char* const end = begin + line_.size();
  const char* const colon = char_class::skip(begin, end, char_class::token);
  if (colon == begin || colon == end || *colon != ':') return state::failed;
  if (may_trail({begin, static_cast<std::size_t>(colon - begin)}))
    trailers_.append(line_).append("\r\n");
  line_.clear();
  return state::trailer;
}

}  // namespace stagedoor::http
