// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/head_parser.hpp"

#include "runtime/http/char_class.hpp"
#include "runtime/http/target.hpp"

#include <cstring>

namespace stagedoor::http {
namespace {

constexpr std::size_t max_method_bytes = 32;

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

field_id classify(std::string_view name) noexcept {
  const auto is = [name](std::string_view known) { return ascii::iequals(name, known); };
  switch (name.size()) {
    case 2: return is("te") ? field_id::te : field_id::other;
    case 4: return is("host") ? field_id::host : field_id::other;
    case 6: return is("expect") ? field_id::expect : field_id::other;
    case 7:
      if (is("upgrade")) return field_id::upgrade;
      return is("trailer") ? field_id::trailer : field_id::other;
    case 10:
      if (is("connection")) return field_id::connection;
      return is("keep-alive") ? field_id::keep_alive : field_id::other;
    case 14: return is("content-length") ? field_id::content_length : field_id::other;
    case 16: return is("proxy-connection") ? field_id::proxy_connection : field_id::other;
    case 17: return is("transfer-encoding") ? field_id::transfer_encoding : field_id::other;
    case 18: return is("proxy-authenticate") ? field_id::proxy_authenticate : field_id::other;
    case 19: return is("proxy-authorization") ? field_id::proxy_authorization : field_id::other;
    default: return field_id::other;
  }
}

struct split_authority {
  bool valid = false;
  std::string_view host;  ///< no port, no brackets
};

split_authority split(std::string_view authority) noexcept {
  using namespace char_class;
  std::string_view host_part = authority;
  std::string_view port;
  if (!authority.empty() && authority.front() == '[') {
    const auto close = authority.find(']');
    if (close == std::string_view::npos || close < 3) return {};
    host_part = authority.substr(1, close - 1);
    for (const char c : host_part)
      if (ascii::hex_value(c) < 0 && c != ':' && c != '.') return {};
    port = authority.substr(close + 1);
    if (!port.empty() && port.front() != ':') return {};
  } else {
    const auto colon = authority.find(':');
    host_part = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
    if (host_part.empty() && !port.empty()) return {};
    const char* const end = host_part.data() + host_part.size();
    if (skip(host_part.data(), end, char_class::host) != end) return {};
  }
  if (port.size() > 6) return {};
  for (std::size_t i = 1; i < port.size(); ++i)
    if (!ascii::is_digit(port[i])) return {};
  return {true, host_part};
}

}  // namespace

// -- lines ---------------------------------------------------------------------------------------

// Whether it is worth looking at the line at next_line_ (again).
bool head_parser::has_line(std::string_view bytes) noexcept {
  if (seen_ <= next_line_) return true;
  if (bytes.size() == seen_) return false;
  if (std::memchr(bytes.data() + seen_, '\n', bytes.size() - seen_) != nullptr) return true;
  seen_ = bytes.size();
  return false;
}

head_parser::line_state head_parser::request_line(std::string_view bytes, request_head& out) {
  using namespace char_class;
  const char* const begin = bytes.data() + next_line_;
  const char* const end = bytes.data() + bytes.size();

  const char* p = skip(begin, end, token);
  if (p - begin > static_cast<std::ptrdiff_t>(max_method_bytes))
    return fail_line(400, "method too long");
  if (p == end) return line_state::incomplete;
  if (p == begin || *p != ' ') return fail_line(400, "malformed method");
  out.method = {begin, static_cast<std::size_t>(p - begin)};

  const char* const target_begin = ++p;
  p = skip(p, end, char_class::target);
  if (static_cast<std::size_t>(p - target_begin) > limits_.target_bytes)
    return fail_line(414, "request-target too long");
  if (p == end) return line_state::incomplete;
  if (p == target_begin || *p != ' ') return fail_line(400, "malformed request-target");
  out.target = {target_begin, static_cast<std::size_t>(p - target_begin)};

  ++p;
  constexpr std::string_view shape = "HTTP/d.d\r\n";
  for (const char expected : shape) {
    if (p == end) return line_state::incomplete;
    if (expected == 'd' ? !ascii::is_digit(*p) : *p != expected)
      return fail_line(400, "malformed HTTP version");
    ++p;
  }
  const char major = p[-5];
  const char minor = p[-3];
  if (major != '1' || minor > '1') return fail_line(505, "HTTP version not supported");
  out.minor_version = static_cast<std::uint8_t>(minor - '0');
  next_line_ = static_cast<std::size_t>(p - bytes.data());
  return line_state::line;
}

head_parser::line_state head_parser::status_line(std::string_view bytes, response_head& out) {
  using namespace char_class;
  const char* const begin = bytes.data() + next_line_;
  const char* const end = bytes.data() + bytes.size();
  const char* p = begin;
  constexpr std::string_view shape = "HTTP/d.d ddd";
  for (const char expected : shape) {
    if (p == end) return line_state::incomplete;
    if (expected == 'd' ? !ascii::is_digit(*p) : *p != expected)
      return fail_line(502, "malformed status line");
    ++p;
  }
  if (begin[5] != '1' || begin[7] > '1') return fail_line(502, "HTTP version not supported");
  out.minor_version = static_cast<std::uint8_t>(begin[7] - '0');
  out.status = static_cast<std::uint16_t>((p[-3] - '0') * 100 + (p[-2] - '0') * 10 + (p[-1] - '0'));
  if (out.status < 100) return fail_line(502, "malformed status code");

  // The blank before an empty reason is often missing; there is only one way to read that.
  if (p != end && *p == ' ')
    ++p;
  else if (p != end && *p != '\r')
    return fail_line(502, "malformed status line");
  const char* const reason = p;
  p = skip_field_value(p, end);
  if (end - p < 2) {
    if (p == end || *p == '\r') return line_state::incomplete;
    return fail_line(502, "malformed status line");
  }
  if (p[0] != '\r' || p[1] != '\n') return fail_line(502, "malformed status line");
  out.reason = {reason, static_cast<std::size_t>(p - reason)};
  next_line_ = static_cast<std::size_t>(p + 2 - bytes.data());
  return line_state::line;
}

head_parser::line_state head_parser::field_line(std::string_view bytes, field_list& out) {
  using namespace char_class;
  const char* const begin = bytes.data() + next_line_;
  const char* const end = bytes.data() + bytes.size();
  if (begin == end) return line_state::incomplete;
  if (*begin == '\r') {
    if (end - begin < 2) return line_state::incomplete;
    if (begin[1] != '\n') return fail_line(400, "bare CR");
    next_line_ += 2;
    return line_state::empty_line;
  }

  const char* p = skip(begin, end, token);
  if (p == end) return line_state::incomplete;
  if (*p != ':' || p == begin) {
    if (p == begin && is_blank(*p)) return fail_line(400, "folded field line");
    if (is_blank(*p)) return fail_line(400, "blank before the colon of a field");
    return fail_line(400, "malformed field name");
  }
  field f;
  f.name = {begin, static_cast<std::size_t>(p - begin)};
  ++p;
  while (p != end && is_blank(*p)) ++p;
  const char* const value = p;
  p = skip_field_value(p, end);
  if (p == end) return line_state::incomplete;
  if (*p != '\r') return fail_line(400, "control byte in a field value");
  if (end - p < 2) return line_state::incomplete;
  if (p[1] != '\n') return fail_line(400, "bare CR");
  next_line_ = static_cast<std::size_t>(p + 2 - bytes.data());

  while (p != value && is_blank(p[-1])) --p;
  f.value = {value, static_cast<std::size_t>(p - value)};
  f.id = classify(f.name);
  if (f.id != field_id::other) note(f);
  if (!out.add(f.name, f.value, f.id)) return fail_line(431, "too many fields");
  return line_state::line;
}

parse_state head_parser::fields(std::string_view bytes, field_list& out) {
  for (;;) {
    switch (field_line(bytes, out)) {
      case line_state::line: break;
      case line_state::empty_line:
        if (next_line_ > limits_.head_bytes) return fail(431, "head too large");
        return parse_state::done;
      case line_state::failed: return parse_state::failed;
      case line_state::incomplete:
        seen_ = bytes.size();
        if (bytes.size() >= limits_.head_bytes) return fail(431, "head too large");
        return parse_state::incomplete;
    }
  }
}

// -- what the fields say about framing ---------------------------------------------------------------

void head_parser::note(const field& f) noexcept {
  switch (f.id) {
    case field_id::connection: note_connection(f.value); break;
    case field_id::content_length: note_length(f.value); break;
    case field_id::transfer_encoding: note_coding(f.value); break;
    case field_id::host:
      ++facts_.hosts;
      facts_.host = f.value;
      break;
    case field_id::upgrade:
      // Cleartext HTTP/2 through a proxy that reads HTTP/1.1 would carry requests past its rules.
      for_each_element(f.value, [this](std::string_view protocol) {
        if (!ascii::iequals(protocol, "h2c"))
          facts_.has_upgrade = true;
        else
          facts_.upgrades_to_h2c = true;
      });
      break;
    case field_id::expect:
      facts_.expect_valid = ascii::iequals(f.value, "100-continue") && !facts_.has_expect;
      facts_.has_expect = true;
      break;
    default: break;
  }
}

void head_parser::note_connection(std::string_view value) noexcept {
  for_each_element(value, [this](std::string_view option) {
    if (ascii::iequals(option, "close"))
      facts_.says_close = true;
    else if (ascii::iequals(option, "keep-alive"))
      facts_.says_keep_alive = true;
    else if (ascii::iequals(option, "upgrade"))
      facts_.says_upgrade = true;
    else
      facts_.lists_fields = true;
  });
}

void head_parser::note_coding(std::string_view value) noexcept {
  std::uint32_t elements = 0;
  for_each_element(value, [this, &elements](std::string_view coding) {
    ++elements;
    facts_.final_chunked = ascii::iequals(coding, "chunked");
  });
  if (elements == 0) facts_.final_chunked = false;
  // "chunked," is a list with one element; other recipients may not think so.
  facts_.chunked = facts_.codings == 0 && ascii::iequals(value, "chunked");
  ++facts_.codings;
}

void head_parser::note_length(std::string_view value) noexcept {
  const auto length = ascii::parse_number(value);
  // 2^62 bytes are beyond any sum that is done with a length.
  if (!length || *length > (std::uint64_t{1} << 62U))
    facts_.length_valid = false;
  else if (facts_.lengths != 0 && *length != facts_.length)
    facts_.lengths_differ = true;
  else
    facts_.length = *length;
  ++facts_.lengths;
}

// -- requests ------------------------------------------------------------------------------------

parse_state head_parser::parse_request(std::string_view bytes, request_head& out) {
  if (!has_line(bytes)) {
    if (bytes.size() < limits_.head_bytes) return parse_state::incomplete;
    return fail(431, "head too large");
  }
  if (lines_ == 0) {
    // One empty line before a request is forgiven (RFC 9112 section 2.2).
    if (next_line_ == 0 && !bytes.empty() && bytes[0] == '\r') {
      if (bytes.size() < 2) return parse_state::incomplete;
      if (bytes[1] != '\n') return fail(400, "bare CR");
      next_line_ = 2;
    }
    facts_ = {};
    out.fields.clear();
    switch (request_line(bytes, out)) {
      case line_state::failed: return parse_state::failed;
      case line_state::line:
        ++lines_;
        if (const auto settled = settle_target(out); settled == parse_state::failed) return settled;
        break;
      default:
        seen_ = bytes.size();
        if (bytes.size() >= limits_.head_bytes) return fail(414, "request-target too long");
        return parse_state::incomplete;
    }
  }
  const auto state = fields(bytes, out.fields);
  return state == parse_state::done ? finish(out) : state;
}

parse_state head_parser::settle_target(request_head& out) {
  if (out.method == "CONNECT") return fail(501, "CONNECT is not served");
  std::string_view rest = out.target;
  out.authority = {};
  out.absolute_form = false;
  if (rest.front() != '/') {
    if (rest == "*") {
      if (out.method != "OPTIONS") return fail(400, "request-target * without OPTIONS");
      out.path = out.escaped_path = rest;
      out.query = {};
      return parse_state::done;
    }
    const auto scheme = rest.substr(0, rest.find(':') + 1);
    if (!ascii::iequals(scheme, "http:") && !ascii::iequals(scheme, "https:"))
      return fail(400, "malformed request-target");
    rest.remove_prefix(scheme.size());
    if (!rest.starts_with("//")) return fail(400, "malformed request-target");
    rest.remove_prefix(2);
    const auto end = rest.find_first_of("/?");
    out.authority = rest.substr(0, end);
    if (out.authority.empty()) return fail(400, "request-target without authority");
    out.absolute_form = true;
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
  }
  const auto question = rest.find('?');
  const auto raw_path = rest.substr(0, question);
  out.query = question == std::string_view::npos ? std::string_view{} : rest.substr(question + 1);
  const auto path = normalise_path(raw_path.empty() ? "/" : raw_path, path_memory_);
  if (!path.valid) return fail(400, "malformed escape in the path");
  out.path = path.routing;
  out.escaped_path = path.escaped;
  return parse_state::done;
}

parse_state head_parser::settle_host(request_head& out) {
  if (facts_.hosts > 1) return fail(400, "Host more than once");
  out.has_host = facts_.hosts == 1;
  if (!out.has_host && out.minor_version == 1) return fail(400, "Host is missing");
  if (!out.absolute_form)
    out.authority = facts_.host;
  else if (out.has_host && !ascii::iequals(out.authority, facts_.host))
    return fail(400, "Host differs from the request-target");
  const auto parts = split(out.authority);
  if (!parts.valid || parts.host.size() > host_memory_.size()) return fail(400, "malformed Host");

  out.host = parts.host;
  if (!out.host.empty() && out.host.back() == '.') out.host.remove_suffix(1);
  for (std::size_t i = 0; i < out.host.size(); ++i) {
    if (ascii::lower(out.host[i]) == out.host[i]) continue;
    for (std::size_t k = 0; k < out.host.size(); ++k) host_memory_[k] = ascii::lower(out.host[k]);
    out.host = {host_memory_.data(), out.host.size()};
    break;
  }
  return parse_state::done;
}

parse_state head_parser::finish(request_head& out) {
  const auto& f = facts_;
  if (f.lengths > 1) return fail(400, "Content-Length more than once");
  if (!f.length_valid) return fail(400, "malformed Content-Length");
  if (f.codings != 0) {
    if (f.lengths != 0) return fail(400, "Content-Length beside Transfer-Encoding");
    if (out.minor_version == 0) return fail(400, "Transfer-Encoding in HTTP/1.0");
    if (!f.final_chunked) return fail(400, "Transfer-Encoding does not end in chunked");
    if (!f.chunked) return fail(501, "transfer coding not supported");
  }
  if (f.has_expect && !f.expect_valid && out.minor_version == 1)
    return fail(417, "expectation not supported");

  out.content_length = f.length;
  out.framing = body_framing::none;
  if (f.codings != 0)
    out.framing = body_framing::chunked;
  else if (f.lengths != 0 && f.length != 0)
    out.framing = body_framing::length;
  out.keep_alive = !f.says_close && (out.minor_version == 1 || f.says_keep_alive);
  out.connection_lists = f.lists_fields;
  out.wants_upgrade =
      f.says_upgrade && f.has_upgrade && !f.upgrades_to_h2c && out.minor_version == 1;
  out.expects_continue =
      f.has_expect && out.minor_version == 1 && out.framing != body_framing::none;
  return settle_host(out);
}

// -- responses -----------------------------------------------------------------------------------

parse_state head_parser::parse_response(std::string_view bytes, bool to_head, response_head& out) {
  if (!has_line(bytes)) {
    if (bytes.size() < limits_.head_bytes) return parse_state::incomplete;
    return fail(502, "head too large");
  }
  if (lines_ == 0) {
    facts_ = {};
    out.fields.clear();
    switch (status_line(bytes, out)) {
      case line_state::failed: return parse_state::failed;
      case line_state::line: ++lines_; break;
      default:
        seen_ = bytes.size();
        if (bytes.size() >= limits_.head_bytes) return fail(502, "head too large");
        return parse_state::incomplete;
    }
  }
  const auto state = fields(bytes, out.fields);
  if (state == parse_state::failed) error_.status = 502;
  return state == parse_state::done ? finish(out, to_head) : state;
}

parse_state head_parser::finish(response_head& out, bool to_head) {
  const auto& f = facts_;
  if (!f.length_valid || f.lengths_differ) return fail(502, "malformed Content-Length");
  const bool bodiless = to_head || out.status < 200 || out.status == 204 || out.status == 304;
  if (f.codings != 0) {
    if (f.lengths != 0) return fail(502, "Content-Length beside Transfer-Encoding");
    if (out.minor_version == 0) return fail(502, "Transfer-Encoding in HTTP/1.0");
    if (!f.chunked) return fail(502, "transfer coding not supported");
  }
  out.has_length = f.lengths != 0;
  out.content_length = f.length;
  out.keep_alive = !f.says_close && (out.minor_version == 1 || f.says_keep_alive);
  out.connection_lists = f.lists_fields;
  if (bodiless)
    out.framing = body_framing::none;
  else if (f.codings != 0)
    out.framing = body_framing::chunked;
  else if (f.lengths != 0)
    out.framing = f.length == 0 ? body_framing::none : body_framing::length;
  else
    out.framing = body_framing::until_close;
  if (out.framing == body_framing::until_close) out.keep_alive = false;
  return parse_state::done;
}

}  // namespace stagedoor::http
