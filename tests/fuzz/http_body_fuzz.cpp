// SPDX-License-Identifier: Apache-2.0
// The chunked decoder: the payload is the same however the bytes are cut, and what it takes,
// Boost.Beast takes with the same payload.
#include "runtime/http/body.hpp"

#include <boost/beast/http.hpp>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

namespace ours = stagedoor::http;
namespace beast = boost::beast::http;

void require(bool holds) {
  if (!holds) std::abort();
}

struct outcome {
  std::string payload;
  std::size_t used = 0;
  bool done = false;
  bool failed = false;
};

outcome decode(std::string_view bytes, std::size_t step) {
  ours::body_decoder d;
  d.start(ours::body_framing::chunked, 0);
  outcome out;
  for (std::size_t end = step; !d.done() && !d.failed(); end += step) {
    for (;;) {
      const auto rest = bytes.substr(0, end).substr(out.used);
      const auto found = d.next(rest);
      out.payload += rest.substr(found.framing, found.payload);
      d.take(found.payload);
      out.used += found.framing + found.payload;
      if (found.framing + found.payload == 0 || d.failed()) break;
    }
    if (end >= bytes.size()) break;
  }
  out.done = d.done();
  out.failed = d.failed();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 16384) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = decode(bytes, size);
  const auto cut = decode(bytes, 1 + size / 7);
  require(whole.done == cut.done && whole.failed == cut.failed);
  if (!whole.failed) require(whole.payload == cut.payload && whole.used == cut.used);
  if (!whole.done) return 0;

  const std::string message = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" +
                              std::string(bytes.substr(0, whole.used));
  beast::request_parser<beast::string_body> parser;
  parser.eager(true);
  parser.header_limit(1U << 20U);
  boost::system::error_code error;
  std::string_view rest = message;
  while (!rest.empty() && !parser.is_done()) {
    const auto used = parser.put(boost::asio::buffer(rest.data(), rest.size()), error);
    // Beast reads extensions as tokens and quoted strings; to us they are any text, and dropped.
    if (error && bytes.find(';') != bytes.npos) return 0;
    require(!error || error == beast::error::need_more);
    if (used == 0) break;
    rest.remove_prefix(used);
  }
  require(parser.is_done() && parser.get().body() == whole.payload);
  return 0;
}
