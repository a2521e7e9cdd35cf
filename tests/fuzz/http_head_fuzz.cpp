// SPDX-License-Identifier: Apache-2.0
// Our head parser against Boost.Beast's, and against itself with the bytes cut in two.
//
// What we take, Beast must take, with the same method, target, fields and framing; the other way
// round we refuse more, on purpose. The exceptions are listed where they are made.
#include "runtime/http/head_parser.hpp"

#include <algorithm>
#include <boost/beast/http.hpp>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>

namespace {

namespace ours = stagedoor::http;
namespace beast = boost::beast::http;

constexpr std::size_t limit = 64U << 10U;

void require(bool holds) {
  if (!holds) std::abort();
}

// Beast is laxer or stricter than RFC 9112 here, and we are not what it is:
bool is_known_difference(const ours::request_head& head) {
  // Beast parses the value of Connection as a list and refuses what is no token list; to us an
  // unknown option only names a field.
  // It refuses an Upgrade or a Proxy-Connection it cannot parse; we drop these fields.
  for (const auto& f : head.fields.all())
    if (f.id == ours::field_id::connection || f.id == ours::field_id::upgrade ||
        f.id == ours::field_id::proxy_connection)
      return true;
  return false;
}

void compare(std::string_view bytes, const ours::request_head& head, std::size_t size) {
  beast::request_parser<beast::buffer_body> parser;
  parser.header_limit(limit);
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // boost::none is "nothing" in 1.74
  parser.eager(false);
  // The one empty line that we forgive is not for Beast.
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2), size -= 2;
  boost::system::error_code error;
  const auto used = parser.put(boost::asio::buffer(bytes.data(), size), error);
  if (error && is_known_difference(head)) return;
  require(!error || error == beast::error::need_more);
  require(parser.is_header_done());
  require(used == size);
  const auto& message = parser.get();
  require(std::string_view(message.method_string().data(), message.method_string().size()) ==
          head.method);
  require(std::string_view(message.target().data(), message.target().size()) == head.target);
  const auto count = std::distance(message.begin(), message.end());
  require(static_cast<std::size_t>(count) == head.fields.size());
  require(parser.chunked() == (head.framing == ours::body_framing::chunked));
  if (head.framing == ours::body_framing::length)
    require(parser.content_length() && *parser.content_length() == head.content_length);
}

void check_views(std::string_view bytes, const ours::request_head& head) {
  const auto inside = [bytes](std::string_view v) {
    return v.empty() ||
           (v.data() >= bytes.data() && v.data() + v.size() <= bytes.data() + bytes.size());
  };
  for (const auto& f : head.fields.all()) {
    require(inside(f.name) && inside(f.value) && !f.name.empty());
    require(f.value.find_first_of("\r\n\0") == std::string_view::npos);
  }
  require(inside(head.method) && inside(head.target));
  require(head.path == "*" || head.path.starts_with('/'));
  require(head.path.find("//") == std::string_view::npos || head.path.find('%') != head.path.npos ||
          head.path == head.escaped_path);
  const std::string path = std::string(head.escaped_path) + "/";
  require(path.find("/../") == path.npos && path.find("/./") == path.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > limit) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static const auto head = std::make_unique<ours::request_head>();
  static const auto again = std::make_unique<ours::request_head>();

  ours::head_parser parser;
  const auto whole = parser.parse_request(bytes, *head);
  if (whole == ours::parse_state::done) {
    check_views(bytes, *head);
    compare(bytes, *head, parser.size());
  }

  // Cut anywhere, the outcome is the same; only a bad line that came in part is not judged before
  // its line feed is there.
  ours::head_parser halves;
  auto state = halves.parse_request(bytes.substr(0, size / 2), *again);
  if (state == ours::parse_state::incomplete) state = halves.parse_request(bytes, *again);
  require(state == whole ||
          (whole == ours::parse_state::failed && state == ours::parse_state::incomplete));
  if (state == ours::parse_state::done)
    require(halves.size() == parser.size() && again->path == head->path &&
            again->host == head->host);

  ours::head_parser answer;
  static const auto response = std::make_unique<ours::response_head>();
  if (answer.parse_response(bytes, (size & 1U) != 0, *response) == ours::parse_state::done)
    require(response->status >= 100 && answer.size() <= size);
  return 0;
}
