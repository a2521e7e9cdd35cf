// SPDX-License-Identifier: Apache-2.0
// What is sent to a server by http_client, and what comes back.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::client {

struct header {
  std::string name;
  std::string value;
};

enum class verify_peer : std::uint8_t { yes, no };

/// Of https URLs only.
struct tls_options {
  std::string ca_pem;            ///< who may vouch for the server; empty = the system's authorities
  std::string certificate_file;  ///< PEM, our own; empty = none
  std::string key_file;          ///< PEM
  verify_peer verify = verify_peer::yes;
};

struct request {
  std::string method = "GET";
  std::string url;
  std::vector<header> headers;
  std::string body;
  milliseconds deadline{10'000};  ///< from send() to the last byte; 0 = none (streams)
  milliseconds connect_deadline{5'000};
  milliseconds idle_deadline{0};     ///< between two chunks of a stream; 0 = none
  std::size_t max_body = 1U << 20U;  ///< of the response; a stream is not counted
  unsigned max_redirects = 0;        ///< followed for GET and HEAD, never from https to http
  std::string unix_socket;           ///< connect to this path instead of the URL's host
  tls_options tls{};
};

struct response {
  unsigned status = 0;
  std::vector<header> headers;  ///< of the last answer, in order
  std::string body;

  /// The first header of that name, case ignored; null when there is none.
  [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
};

using response_callback = std::function<void(result<response>)>;

/// An answer without end. All three run on the loop; on_end once, and nothing after it. A fault
/// that on_chunk returns ends the stream, and on_end gets it.
struct stream_callbacks {
  std::function<void(const response& head)> on_head;
  std::function<result<void>(std::string_view chunk)> on_chunk;
  std::function<void(result<void>)> on_end;
};

/// Any of the three forms of RFC 9110 5.6.7; nothing when it is none.
[[nodiscard]] std::optional<wall_time> http_date(const std::string& text);

/// Refuses what could forge a second header line or leave http. On failure: invalid.
[[nodiscard]] result<void> check(const request& r);

}  // namespace stagedoor::client
