// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/head_parser.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace stagedoor::http {
namespace {

using namespace std::literals;

struct outcome {
  parse_state state = parse_state::incomplete;
  int status = 0;
  std::string reason;
};

outcome request(std::string_view bytes, request_head& head, head_parser& parser) {
  parser.reset();
  const auto state = parser.parse_request(bytes, head);
  if (state != parse_state::failed) return {state, 0, {}};
  return {state, parser.error().status, std::string(parser.error().reason)};
}

outcome request(std::string_view bytes, head_limits limits = {}) {
  head_parser parser(limits);
  const auto head = std::make_unique<request_head>();
  return request(bytes, *head, parser);
}

// -- requests that must be refused -----------------------------------------------------------------

struct refused {
  std::string_view what;
  std::string_view bytes;
  int status = 400;
};

const refused refused_requests[] = {
    // Two lengths, or one that can be read in two ways (RFC 9112 section 6.3).
    {"both lengths",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {"both lengths, the other order",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
    {"both lengths, zero",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"},
    {"two different lengths",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"},
    {"two equal lengths",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"},
    {"listed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n"},
    {"length with plus", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n"},
    {"negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n"},
    {"hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n"},
    {"length with a fraction", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\n"},
    {"length with a blank inside", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 2\r\n\r\n"},
    {"empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"},
    {"length beyond 64 bits",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n"},
    {"length near 64 bits",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n"},
    {"length with letters", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5a\r\n\r\n"},

    // Transfer codings.
    {"coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {"coding not ending in chunked",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"},
    {"chunked is not last",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"},
    {"identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"},
    {"empty coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n"},
    {"coding spelled almost right",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"},
    {"coding with a parameter",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n"},
    {"coding in quotes", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n"},
    {"coding with vertical tab",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
     "chunked\r\n\r\n"},
    {"a second coding that is not chunked",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n"},
    {"another coding before chunked",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {"chunked twice",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
     "chunked\r\n\r\n",
     501},
    {"chunked twice in a list",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 501},
    {"chunked with a comma", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n",
     501},

    // Lines (RFC 9112 sections 2.2 and 5).
    {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
    {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"},
    {"bare LF as the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
    {"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n"},
    {"bare CR before a field", "GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n"},
    {"bare CR in the request line", "GET /\rX HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"two CR", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"},
    {"folded with a space", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"},
    {"folded with a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n"},
    {"folded first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
    {"folded coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"},
    {"blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
    {"tab before the colon", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 5\r\n\r\n"},
    {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"},
    {"empty name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"},
    {"NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"sv},
    {"NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"sv},
    {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"control byte in a value",
     "GET / HTTP/1.1\r\nHost: a\r\nX: b\x01"
     "c\r\n\r\n"},
    {"escape byte in a long value",
     "GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789abcdef0123\x1b"
     "456789\r\n\r\n"},
    {"DEL in a long value",
     "GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789abcdef\x7f"
     "0123456789\r\n\r\n"},
    {"a byte above 127 in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\xe4: b\r\n\r\n"},
    {"parenthesis in a name", "GET / HTTP/1.1\r\nHost: a\r\nX(): b\r\n\r\n"},
    {"two empty lines before the request", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a blank line before the request", " \r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},

    // The request line.
    {"two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"two blanks before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"tab instead of a blank", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"blank at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {"no version", "GET /\r\nHost: a\r\n\r\n"},
    {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n"},
    {"version with two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
    {"version without minor", "GET / HTTP/1\r\nHost: a\r\n\r\n"},
    {"parenthesis in the method", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"long method", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHI / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"asterisk without OPTIONS", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"fragment in the query", "GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"unknown scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"scheme without authority", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"scheme without slashes", "GET http:a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"malformed escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"cut escape", "GET /a% HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"cut escape after one digit", "GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
    {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
    {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501},

    // Host (RFC 9112 section 3.2).
    {"no Host", "GET / HTTP/1.1\r\n\r\n"},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
    {"two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"},
    {"Host differs from the target", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"},
    {"user in the target", "GET http://u@a/ HTTP/1.1\r\nHost: u@a\r\n\r\n"},
    {"user in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
    {"blank in Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {"list in Host", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"},
    {"path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {"letters as port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"},
    {"long port", "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n"},
    {"two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"},
    {"port without host", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"},
    {"open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
    {"name in brackets", "GET / HTTP/1.1\r\nHost: [name]\r\n\r\n"},
    {"text after the bracket", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"},
    {"a byte above 127 in Host", "GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n"},

    {"unknown expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\n\r\n", 417},
};

TEST(head_parser, refuses_what_could_be_read_in_two_ways) {
  for (const auto& c : refused_requests) {
    const auto got = request(c.bytes);
    EXPECT_EQ(got.state, parse_state::failed) << c.what;
    EXPECT_EQ(got.status, c.status) << c.what << ": " << got.reason;
  }
}

TEST(head_parser, refuses_it_too_when_it_comes_byte_by_byte) {
  for (const auto& c : refused_requests) {
    head_parser parser;
    const auto head = std::make_unique<request_head>();
    auto state = parse_state::incomplete;
    for (std::size_t n = 1; n <= c.bytes.size() && state == parse_state::incomplete; ++n)
      state = parser.parse_request(c.bytes.substr(0, n), *head);
    EXPECT_EQ(state, parse_state::failed) << c.what;
    EXPECT_EQ(parser.error().status, c.status) << c.what << ": " << parser.error().reason;
  }
}

// -- requests that must be taken ---------------------------------------------------------------------

struct taken {
  std::string_view bytes;
  std::string_view host;
  std::string_view path;
  std::string_view escaped;
  std::string_view query = {};
};

const taken taken_requests[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/", "/"},
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/", "/"},
    {"GET /x?y=1&z=%20 HTTP/1.1\r\nHost:a\r\n\r\n", "a", "/x", "/x", "y=1&z=%20"},
    {"GET / HTTP/1.1\r\nHost: \t Team-A.Example.COM:8080 \t\r\n\r\n", "team-a.example.com", "/",
     "/"},
    {"GET / HTTP/1.1\r\nHost: a.example.\r\n\r\n", "a.example", "/", "/"},
    {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "a", "/", "/"},
    {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "::1", "/", "/"},
    {"GET / HTTP/1.1\r\nHost: [FE80::1]\r\n\r\n", "fe80::1", "/", "/"},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "", "/", "/"},
    {"GET / HTTP/1.0\r\n\r\n", "", "/", "/"},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "a", "*", "*"},
    {"GET http://A.example:80/x?y HTTP/1.1\r\nHost: a.example:80\r\n\r\n", "a.example", "/x", "/x",
     "y"},
    {"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/", "/"},
    {"GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/", "/", "q"},
    {"GET HTTPS://a/ HTTP/1.0\r\n\r\n", "a", "/", "/"},
    // Paths: one spelling to route by.
    {"GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/b", "/b"},
    {"GET /a/%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/b", "/b"},
    {"GET /../../etc HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/etc", "/etc"},
    {"GET /a//b/./c/ HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/a/b/c/", "/a/b/c/"},
    {"GET /a/. HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/a", "/a"},
    {"GET /a/b/.. HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/a", "/a"},
    {"GET /.. HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/", "/"},
    {"GET // HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/", "/"},
    {"GET /.well-known/x HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/.well-known/x", "/.well-known/x"},
    {"GET /...//x HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/.../x", "/.../x"},
    {"GET /%41%7e%2d HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/A~-", "/A~-"},
    {"GET /foo%20bar HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/foo bar", "/foo%20bar"},
    {"GET /a%2fb%2Fc HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/a%2Fb%2Fc", "/a%2Fb%2Fc"},
    {"GET /%252e HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/%252e", "/%252e"},
    {"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/\xc3\xa4", "/\xc3\xa4"},
};

TEST(head_parser, finds_host_and_path) {
  for (const auto& c : taken_requests) {
    head_parser parser;
    const auto head = std::make_unique<request_head>();
    const auto got = request(c.bytes, *head, parser);
    ASSERT_EQ(got.state, parse_state::done) << c.bytes << got.reason;
    EXPECT_EQ(head->host, c.host) << c.bytes;
    EXPECT_EQ(head->path, c.path) << c.bytes;
    EXPECT_EQ(head->escaped_path, c.escaped) << c.bytes;
    EXPECT_EQ(head->query, c.query) << c.bytes;
    EXPECT_EQ(parser.size(), c.bytes.size()) << c.bytes;
  }
}

TEST(head_parser, finds_the_same_however_the_bytes_are_cut) {
  for (const auto& c : taken_requests) {
    head_parser parser;
    const auto head = std::make_unique<request_head>();
    for (std::size_t n = 1; n < c.bytes.size(); ++n)
      ASSERT_EQ(parser.parse_request(c.bytes.substr(0, n), *head), parse_state::incomplete)
          << c.bytes;
    ASSERT_EQ(parser.parse_request(c.bytes, *head), parse_state::done) << c.bytes;
    EXPECT_EQ(head->host, c.host) << c.bytes;
    EXPECT_EQ(head->path, c.path) << c.bytes;
  }
}

TEST(head_parser, stops_at_the_end_of_the_head) {
  head_parser parser;
  const auto head = std::make_unique<request_head>();
  const auto first = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"sv;
  const std::string both = std::string(first) + "GET /2 HTTP/1.1\r\n";
  ASSERT_EQ(parser.parse_request(both, *head), parse_state::done);
  EXPECT_EQ(parser.size(), first.size());
}

struct framed {
  std::string_view bytes;
  body_framing framing;
  std::uint64_t length = 0;
  bool keep_alive = true;
};

TEST(head_parser, tells_how_a_request_body_ends) {
  const framed cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", body_framing::none},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", body_framing::none},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n", body_framing::length, 12},
      {"POST / HTTP/1.1\r\nHost: a\r\ncontent-length:\t012 \r\n\r\n", body_framing::length, 12},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n", body_framing::chunked},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", body_framing::none, 0, false},
      {"GET / HTTP/1.0\r\n\r\n", body_framing::none, 0, false},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", body_framing::none},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", body_framing::none,
       0, false},
  };
  for (const auto& c : cases) {
    head_parser parser;
    const auto head = std::make_unique<request_head>();
    ASSERT_EQ(request(c.bytes, *head, parser).state, parse_state::done) << c.bytes;
    EXPECT_EQ(head->framing, c.framing) << c.bytes;
    EXPECT_EQ(head->content_length, c.length) << c.bytes;
    EXPECT_EQ(head->keep_alive, c.keep_alive) << c.bytes;
  }
}

TEST(head_parser, an_upgrade_needs_both_fields_and_is_never_to_cleartext_http2) {
  const std::pair<std::string_view, bool> cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
       true},
      {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, H2C\r\n\r\n",
       false},
  };
  for (const auto& [bytes, wanted] : cases) {
    head_parser parser;
    const auto head = std::make_unique<request_head>();
    ASSERT_EQ(request(bytes, *head, parser).state, parse_state::done) << bytes;
    EXPECT_EQ(head->wants_upgrade, wanted) << bytes;
  }
}

TEST(head_parser, limits_the_head_the_target_and_the_fields) {
  const head_limits limits{.head_bytes = 1024, .target_bytes = 100};
  const std::string long_target = "GET /" + std::string(200, 'a');
  EXPECT_EQ(request(long_target, limits).status, 414);
  EXPECT_EQ(request(long_target + " HTTP/1.1\r\nHost: a\r\n\r\n", limits).status, 414);
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  EXPECT_EQ(request(start + std::string(2000, 'x'), limits).status, 431);
  EXPECT_EQ(request(start + std::string(2000, 'x') + "\r\n\r\n", limits).status, 431);
  const std::string fits = start + std::string(1024 - start.size() - 4, 'x') + "\r\n\r\n";
  EXPECT_EQ(request(fits, limits).state, parse_state::done);

  std::string fields = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t i = 1; i < max_fields; ++i) fields += "A: b\r\n";
  EXPECT_EQ(request(fields + "\r\n").state, parse_state::done);
  EXPECT_EQ(request(fields + "A: b\r\n\r\n").status, 431);
}

TEST(head_parser, a_head_in_ten_thousand_pieces_is_read_in_linear_time) {
  // One long value, byte by byte: each byte may be looked at a bounded number of times only.
  head_parser parser;
  const auto head = std::make_unique<request_head>();
  const std::string bytes =
      "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(60'000, 'x') + "\r\n\r\n";
  for (std::size_t n = 1; n < bytes.size(); ++n)
    ASSERT_EQ(parser.parse_request(std::string_view(bytes).substr(0, n), *head),
              parse_state::incomplete);
  EXPECT_EQ(parser.parse_request(bytes, *head), parse_state::done);
}

// -- responses ---------------------------------------------------------------------------------------

parse_state response(std::string_view bytes, response_head& head, bool to_head = false) {
  head_parser parser;
  return parser.parse_response(bytes, to_head, head);
}

TEST(head_parser, tells_how_a_response_body_ends) {
  struct {
    std::string_view bytes;
    body_framing framing;
    bool to_head = false;
    bool keep_alive = true;
  } const cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", body_framing::length},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", body_framing::length},
      {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", body_framing::none},
      {"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n", body_framing::chunked},
      {"HTTP/1.1 200 OK\r\n\r\n", body_framing::until_close, false, false},
      {"HTTP/1.0 200 OK\r\n\r\n", body_framing::until_close, false, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", body_framing::length, false, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
       body_framing::length},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", body_framing::none, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body_framing::none, true},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", body_framing::none},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", body_framing::none},
      {"HTTP/1.1 100 Continue\r\n\r\n", body_framing::none},
  };
  for (const auto& c : cases) {
    const auto head = std::make_unique<response_head>();
    ASSERT_EQ(response(c.bytes, *head, c.to_head), parse_state::done) << c.bytes;
    EXPECT_EQ(head->framing, c.framing) << c.bytes;
    EXPECT_EQ(head->keep_alive, c.keep_alive) << c.bytes;
  }
}

TEST(head_parser, refuses_responses_with_an_uncertain_end) {
  const std::string_view cases[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX : 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: 5\r\n y\r\n\r\n",
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 099 OK\r\n\r\n",
      "HTTP/1.1  200 OK\r\n\r\n",
      "ICY 200 OK\r\n\r\n",
      "HTTP/1.1 200 O\x01K\r\n\r\n",
  };
  for (const auto bytes : cases) {
    const auto head = std::make_unique<response_head>();
    EXPECT_EQ(response(bytes, *head), parse_state::failed) << bytes;
  }
}

}  // namespace
}  // namespace stagedoor::http
