// SPDX-License-Identifier: Apache-2.0
// What the encoders write is read back by the libraries' own decoders.
#include "runtime/http/compress.hpp"

#include "runtime/http/accept_encoding.hpp"
#include "tests/http/policy_fixture.hpp"

#include <brotli/decode.h>
#include <gtest/gtest.h>
#include <random>
#include <zlib.h>
#include <zstd.h>

namespace stagedoor::http {
namespace {

std::string decoded(coding c, std::string_view in) {
  std::string out(8U << 20U, '\0');
  if (c == coding::gzip) {
    z_stream z{};
    inflateInit2(&z, 15 + 16);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    z.avail_in = static_cast<uInt>(in.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    inflate(&z, Z_SYNC_FLUSH);
    out.resize(out.size() - z.avail_out);
    inflateEnd(&z);
  } else if (c == coding::brotli) {
    auto* const state = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
    std::size_t in_left = in.size();
    std::size_t out_left = out.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    BrotliDecoderDecompressStream(state, &in_left, &next_in, &out_left, &next_out, nullptr);
    out.resize(out.size() - out_left);
    BrotliDecoderDestroyInstance(state);
  } else {
    auto* const state = ZSTD_createDStream();
    ZSTD_inBuffer source{in.data(), in.size(), 0};
    ZSTD_outBuffer sink{out.data(), out.size(), 0};
    while (source.pos < source.size)
      if (ZSTD_isError(ZSTD_decompressStream(state, &sink, &source)) != 0) break;
    out.resize(sink.pos);
    ZSTD_freeDStream(state);
  }
  return out;
}

/// Feeds |in| in one mode through an output window of |window| bytes.
std::string drive(body_filter& filter, std::string_view in, filter_mode mode, std::size_t window) {
  std::string out;
  std::vector<char> piece(window);
  for (int turns = 0; turns < 1'000'000; ++turns) {
    const auto p = filter.transform(in, piece, mode);
    EXPECT_FALSE(p.failed);
    if (p.failed) return out;
    out.append(piece.data(), p.produced);
    in.remove_prefix(p.consumed);
    if (p.done) return out;
  }
  ADD_FAILURE() << "the filter makes no progress";
  return out;
}

std::string text_of(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string out;
  while (out.size() < size) out += "word" + std::to_string(random() % 1000) + " ";
  out.resize(size);
  return out;
}

class encoders : public testing::TestWithParam<coding> {
 protected:
  encoder_pool pool_;
};

TEST_P(encoders, decode_to_what_went_in_whatever_the_pieces) {
  std::mt19937 random(7);
  for (const std::size_t window : {1U, 7U, 100U, 16384U}) {
    const auto whole = text_of(window == 1 ? 3000 : 100'000, 1);
    auto filter = pool_.lease(GetParam());
    ASSERT_NE(filter, nullptr);
    std::string sent;
    std::string_view rest = whole;
    while (!rest.empty()) {
      const auto piece = rest.substr(0, 1 + random() % 5000);
      sent +=
          drive(*filter, piece, random() % 4 == 0 ? filter_mode::flush : filter_mode::more, window);
      rest.remove_prefix(piece.size());
    }
    sent += drive(*filter, {}, filter_mode::finish, window);
    ASSERT_EQ(decoded(GetParam(), sent), whole) << window;
    EXPECT_LT(sent.size(), whole.size());
  }
}

TEST_P(encoders, a_flush_lets_everything_so_far_out) {
  auto filter = pool_.lease(GetParam());
  const auto sent = drive(*filter, "data: one\n\n", filter_mode::flush, 1024);
  EXPECT_EQ(decoded(GetParam(), sent), "data: one\n\n");
  EXPECT_EQ(drive(*filter, {}, filter_mode::flush, 1024).size(), 0U) << "nothing new, nothing sent";
  const auto more = drive(*filter, "data: two\n\n", filter_mode::flush, 1024);
  EXPECT_EQ(decoded(GetParam(), sent + more), "data: one\n\ndata: two\n\n");
}

TEST_P(encoders, an_empty_body_is_still_a_whole_stream) {
  auto filter = pool_.lease(GetParam());
  const auto sent = drive(*filter, {}, filter_mode::finish, 1024);
  EXPECT_FALSE(sent.empty());
  EXPECT_EQ(decoded(GetParam(), sent), "");
}

TEST_P(encoders, are_clean_when_they_come_from_the_pool) {
  for (int i = 0; i < 3; ++i) {
    auto abandoned = pool_.lease(GetParam());
    (void)drive(*abandoned, text_of(50'000, 3), filter_mode::flush, 4096);
    abandoned.reset();
    auto filter = pool_.lease(GetParam());
    const auto body = text_of(5'000, 4);
    EXPECT_EQ(decoded(GetParam(), drive(*filter, body, filter_mode::finish, 4096)), body);
  }
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_P(encoders, are_limited_in_number) {
  std::vector<std::unique_ptr<body_filter>> taken;
  for (std::size_t i = 0; i < max_encoders; ++i) taken.push_back(pool_.lease(GetParam()));
  ASSERT_NE(taken.back(), nullptr);
  EXPECT_EQ(pool_.lease(GetParam()), nullptr);
  taken.pop_back();
  EXPECT_NE(pool_.lease(GetParam()), nullptr);
}

INSTANTIATE_TEST_SUITE_P(all, encoders, testing::Values(coding::gzip, coding::brotli, coding::zstd),
                         [](const auto& param) { return std::string(to_string(param.param)); });

// -- the middleware ----------------------------------------------------------------------------------

class compress_middleware : public testing::Test {
 protected:
  struct outcome {
    std::string encoding;  ///< Content-Encoding sent back
    bool filtered = false;
    std::string vary;
    std::string length;
    std::string etag;
  };
  outcome ask(std::vector<header> request_headers, std::vector<header> response_headers,
              std::optional<std::uint64_t> length = 5000, std::uint16_t status = 200,
              std::string_view method = "GET") {
    const fake_request request("http://a/", std::move(request_headers), method);
    fake_exchange e(request, state_, {std::make_shared<compress>("compress@file", options_)});
    EXPECT_EQ(e.run(), verdict::proceed);
    if (length) response_headers.push_back({"Content-Length", std::to_string(*length)});
    e.respond(status, std::move(response_headers), length);
    return {e.sent_back("Content-Encoding"), e.x.answer_edits.filter != nullptr,
            e.sent_back("Vary"), e.sent_back("Content-Length"), e.sent_back("ETag")};
  }
  void expect_plain(const outcome& o) {
    EXPECT_EQ(o.encoding, "");
    EXPECT_FALSE(o.filtered);
  }
  middleware_state state_;
  compress_options options_;
  const std::vector<header> gzip_{{"Accept-Encoding", "gzip"}};
  const std::vector<header> html_{{"Content-Type", "text/html"}};
};

TEST_F(compress_middleware, encodes_as_the_client_likes) {
  const auto o = ask(gzip_, {{"Content-Type", "text/html"}, {"ETag", "\"x\""}});
  EXPECT_EQ(o.encoding, "gzip");
  EXPECT_TRUE(o.filtered);
  EXPECT_EQ(o.vary, "Accept-Encoding");
  EXPECT_EQ(o.length, "");
  EXPECT_EQ(o.etag, "W/\"x\"");
  EXPECT_EQ(ask({{"Accept-Encoding", "gzip;q=0.5"}, {"accept-encoding", "br"}}, html_).encoding,
            "br");
  EXPECT_EQ(ask({{"Accept-Encoding", "zstd"}}, html_).encoding, "zstd");
  EXPECT_EQ(ask(gzip_, html_, std::nullopt).encoding, "gzip") << "a stream";
}

TEST_F(compress_middleware, tells_caches_even_when_it_does_not_encode) {
  const auto o = ask({}, html_);
  expect_plain(o);
  EXPECT_EQ(o.vary, "Accept-Encoding");
  EXPECT_EQ(o.length, "5000");
  EXPECT_EQ(ask(gzip_, {{"Vary", "Origin, accept-encoding"}}).vary, "Origin, accept-encoding");
  EXPECT_EQ(ask(gzip_, {{"Vary", "Origin"}}).vary, "Origin|Accept-Encoding");
}

TEST_F(compress_middleware, leaves_alone_what_must_not_change) {
  expect_plain(ask(gzip_, html_, 1023));
  EXPECT_TRUE(ask(gzip_, html_, 1024).filtered);
  const auto encoded = ask(gzip_, {{"Content-Encoding", "br"}});
  EXPECT_EQ(encoded.encoding, "br");
  EXPECT_FALSE(encoded.filtered);
  expect_plain(ask(gzip_, {{"Cache-Control", "max-age=1, No-Transform"}}));
  expect_plain(ask(gzip_, html_, 5000, 200, "HEAD"));
  for (const int status : {101, 204, 205, 206, 304})
    expect_plain(ask(gzip_, html_, 5000, static_cast<std::uint16_t>(status)));
  expect_plain(ask(gzip_, {{"Content-Type", "application/grpc; x=y"}}));
  expect_plain(ask({{"Accept-Encoding", "gzip"}, {"Content-Type", "application/grpc"}}, html_));
  expect_plain(ask({{"Accept-Encoding", "gzip"}, {"Upgrade", "websocket"}}, html_));
}

TEST_F(compress_middleware, minds_excluded_and_included_types) {
  options_.excluded_types = {"text/event-stream; charset=utf-8"};
  expect_plain(ask(gzip_, {{"Content-Type", "Text/Event-Stream"}}, std::nullopt));
  EXPECT_TRUE(ask(gzip_, html_).filtered);
  options_ = {};
  options_.included_types = {"application/json"};
  EXPECT_TRUE(ask(gzip_, {{"Content-Type", "application/json;charset=utf-8"}}).filtered);
  expect_plain(ask(gzip_, html_));
  expect_plain(ask(gzip_, {}));
}

TEST_F(compress_middleware, uses_the_default_when_the_client_says_nothing) {
  options_.default_encoding = coding::brotli;
  EXPECT_EQ(ask({}, html_).encoding, "br");
  EXPECT_EQ(ask({{"Accept-Encoding", "*"}}, html_).encoding, "br");
  EXPECT_EQ(ask({{"Accept-Encoding", ""}}, html_).encoding, "");
}

TEST_F(compress_middleware, sends_it_as_it_is_when_encoders_run_out) {
  std::vector<std::unique_ptr<body_filter>> taken;
  for (std::size_t i = 0; i < max_encoders; ++i)
    taken.push_back(state_.encoders().lease(coding::gzip));
  expect_plain(ask(gzip_, html_));
}

}  // namespace
}  // namespace stagedoor::http
