// SPDX-License-Identifier: Apache-2.0
// A request or response head as parsed: views into the connection's buffer, no copies.
//
// Owner: a connection. Runs on: its loop. Bounded by: max_fields and the head size limit of the
// parser. The views are valid until the connection consumes the head from its buffer.
#pragma once

#include "runtime/base/ascii.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace stagedoor::http {

/// More header fields than this are refused (431 for requests, 502 for responses).
inline constexpr std::size_t max_fields = 128;

/// The fields that a proxy itself must understand; the parser recognises them once.
enum class field_id : std::uint8_t {
  other,
  connection,
  content_length,
  expect,
  host,
  keep_alive,
  proxy_authenticate,
  proxy_authorization,
  proxy_connection,
  te,
  trailer,
  transfer_encoding,
  upgrade,
};

struct field {
  std::string_view name;   ///< as it came
  std::string_view value;  ///< without surrounding blanks
  field_id id = field_id::other;
};

/// The header fields of one message in their order.
class field_list {
 public:
  /// False when full.
  bool add(std::string_view name, std::string_view value, field_id id = field_id::other) noexcept {
    if (count_ == max_fields) return false;
    fields_[count_++] = {name, value, id};
    return true;
  }
  void clear() noexcept { count_ = 0; }
  [[nodiscard]] std::span<const field> all() const noexcept { return {fields_.data(), count_}; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  /// The first value under |name| (ASCII case ignored).
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept {
    for (const auto& f : all())
      if (ascii::iequals(f.name, name)) return f.value;
    return std::nullopt;
  }

 private:
  std::array<field, max_fields> fields_;
  std::size_t count_ = 0;
};

/// Calls |use| with each element of a comma-separated list, blanks trimmed, empty ones left out.
template <class Use>
void for_each_element(std::string_view list, Use&& use) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (const auto element = ascii::trim(list.substr(0, comma)); !element.empty()) use(element);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

/// How the end of a body is found (RFC 9112 section 6.3).
enum class body_framing : std::uint8_t { none, length, chunked, until_close };

struct request_head {
  std::string_view method;
  std::string_view target;        ///< request-target as it came
  std::string_view path;          ///< path part, normalised for routing; starts with '/', or is "*"
  std::string_view escaped_path;  ///< the same path as it is sent on: what must be escaped, is
  std::string_view query;         ///< without '?'; empty when there is none
  std::string_view authority;     ///< Host field or absolute-form authority, as it came
  std::string_view host;          ///< lower case, no port, no brackets, no trailing dot
  std::uint8_t minor_version = 1;
  body_framing framing = body_framing::none;
  std::uint64_t content_length = 0;  ///< when framing is length
  bool keep_alive = true;
  bool has_host = false;          ///< a Host field came, perhaps an empty one
  bool absolute_form = false;     ///< the target carried the authority
  bool connection_lists = false;  ///< Connection names fields that end here too
  bool wants_upgrade = false;     ///< Connection: upgrade with an Upgrade field
  bool expects_continue = false;  ///< Expect: 100-continue
  field_list fields;
};

struct response_head {
  std::uint16_t status = 0;
  std::string_view reason;
  std::uint8_t minor_version = 1;
  body_framing framing = body_framing::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  bool connection_lists = false;  ///< Connection names fields that end here too
  bool has_length = false;        ///< Content-Length came; of HEAD and 304 it is not the framing
  field_list fields;
};

}  // namespace stagedoor::http
