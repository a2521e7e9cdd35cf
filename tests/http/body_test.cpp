// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/body.hpp"

#include <gtest/gtest.h>
#include <string>

namespace stagedoor::http {
namespace {

using namespace std::literals;

struct decoded {
  std::string payload;
  bool done = false;
  bool failed = false;
  std::size_t left = 0;  ///< bytes behind the body
  std::string trailers;
};

// Feeds |bytes| in pieces of |step|.
decoded decode(body_framing framing, std::uint64_t length, std::string_view bytes,
               std::size_t step) {
  body_decoder d;
  d.start(framing, length);
  decoded out;
  std::string waiting;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    waiting += bytes.substr(at, step);
    for (;;) {
      const auto found = d.next(waiting);
      out.payload += waiting.substr(found.framing, found.payload);
      d.take(found.payload);
      waiting.erase(0, found.framing + found.payload);
      if (found.framing + found.payload == 0 || d.failed()) break;
    }
    if (d.failed()) break;
  }
  out.done = d.done();
  out.failed = d.failed();
  out.left = waiting.size();
  out.trailers = d.trailers();
  return out;
}

TEST(body_decoder, finds_the_payload_of_chunks_however_they_are_cut) {
  const auto body =
      "4\r\nWiki\r\n6;a=\"b\"\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n000\r\nX-A: b\r\n\r\nGET /"sv;
  for (std::size_t step = 1; step <= body.size(); ++step) {
    const auto got = decode(body_framing::chunked, 0, body, step);
    EXPECT_TRUE(got.done) << step;
    EXPECT_EQ(got.payload, "Wikipedia in \r\n\r\nchunks.") << step;
    EXPECT_EQ(got.left, 5U) << step;
    EXPECT_EQ(got.trailers, "X-A: b\r\n") << step;
  }
}

TEST(body_decoder, refuses_chunks_that_could_be_read_in_two_ways) {
  const std::string_view cases[] = {
      "\r\n",
      "x\r\n",
      "-1\r\n",
      "+1\r\na\r\n",
      "0x1\r\na\r\n",
      " 1\r\na\r\n",
      "1 \r\na\r\n",
      "1\t;x\r\na\r\n",
      "1\na\r\n",
      "1\r\na\n",
      "1\r\nab\r\n",
      "1\r\na\r\r\n",
      "1\rX\na\r\n",
      "1;a\nb\r\na\r\n",
      "1;a\rb\r\na\r\n",
      "1;a\0b\r\na\r\n"sv,
      "1000000000000001\r\n",
      "10000000000000000\r\n",
      "ffffffffffffffff\r\n",
      "0\r\nno colon\r\n\r\n",
      "0\r\nX : y\r\n\r\n",
      "0\r\n: y\r\n\r\n",
      "0\r\nX: y\n\r\n",
      "0\r\nX: y\r\n folded\r\n\r\n",
      "0\r\n\rX\r\n",
      "0\n\n",
  };
  for (const auto body : cases)
    for (const std::size_t step : {std::size_t{1}, body.size()})
      EXPECT_TRUE(decode(body_framing::chunked, 0, body, step).failed) << body;
}

TEST(body_decoder, bounds_what_is_not_payload) {
  const std::string long_extension = "1;" + std::string(max_chunk_line, 'x') + "\r\na\r\n";
  EXPECT_TRUE(decode(body_framing::chunked, 0, long_extension, 4096).failed);
  const std::string zeros = std::string(max_chunk_line + 1, '0') + "\r\n\r\n";
  EXPECT_TRUE(decode(body_framing::chunked, 0, zeros, 4096).failed);
  std::string many;
  for (std::size_t i = 0; i * 200 <= max_extension_bytes; ++i)
    many += "1;" + std::string(200, 'x') + "\r\na\r\n";
  EXPECT_TRUE(decode(body_framing::chunked, 0, many, 4096).failed);
  std::string trailers = "0\r\n";
  for (std::size_t i = 0; i * 100 <= max_trailer_bytes; ++i)
    trailers += "X: " + std::string(100, 'x') + "\r\n";
  EXPECT_TRUE(decode(body_framing::chunked, 0, trailers, 4096).failed);
}

TEST(body_decoder, drops_trailers_that_would_frame_route_or_authenticate) {
  const auto got =
      decode(body_framing::chunked, 0,
             "0\r\nContent-Length: 5\r\nX-Sum: 1\r\nHOST: b\r\ntransfer-encoding: x\r\n\r\n", 64);
  EXPECT_TRUE(got.done);
  EXPECT_EQ(got.trailers, "X-Sum: 1\r\n");
}

TEST(body_decoder, counts_a_length_and_leaves_the_rest) {
  const auto got = decode(body_framing::length, 5, "helloGET /", 3);
  EXPECT_TRUE(got.done);
  EXPECT_EQ(got.payload, "hello");
  EXPECT_EQ(got.left, 5U);
}

TEST(body_decoder, knows_when_a_body_was_cut_off) {
  body_decoder d;
  d.start(body_framing::until_close, 0);
  EXPECT_EQ(d.next("abc").payload, 3U);
  d.take(3);
  EXPECT_FALSE(d.done());
  EXPECT_TRUE(d.end_of_input());
  EXPECT_TRUE(d.done());

  d.start(body_framing::length, 5);
  EXPECT_EQ(d.next("abc").payload, 3U);
  d.take(3);
  EXPECT_FALSE(d.end_of_input());
  d.start(body_framing::chunked, 0);
  EXPECT_FALSE(d.end_of_input());
}

}  // namespace
}  // namespace stagedoor::http
