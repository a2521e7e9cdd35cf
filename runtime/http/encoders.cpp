// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/encoders.hpp"

#include <algorithm>
#include <array>
#include <brotli/encode.h>
#include <climits>
#include <zlib.h>
#include <zstd.h>

namespace stagedoor::http {
namespace {

// Levels for answers made on the fly: the next one up costs about half as much again for a few
// percent of size. Windows of 256 KiB (brotli, zstd) bound the memory of a stream.
constexpr int gzip_level = 5;
constexpr int brotli_quality = 4;
constexpr int zstd_level = 3;
constexpr int window_log = 18;

class gzip_encoder final : public encoder {
 public:
  gzip_encoder() {
    constexpr int gzip_wrapper = 16;
    ok_ = deflateInit2(&stream_, gzip_level, Z_DEFLATED, MAX_WBITS + gzip_wrapper, 8,
                       Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~gzip_encoder() override { deflateEnd(&stream_); }
  gzip_encoder(const gzip_encoder&) = delete;
  gzip_encoder& operator=(const gzip_encoder&) = delete;

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  bool reset() noexcept override {
    flushed_ = ended_ = false;
    staged_ = {};
    return deflateReset(&stream_) == Z_OK;
  }

  progress transform(std::string_view in, std::span<char> out, filter_mode mode) override {
    progress p;
    take_staged(out, p);
    if (staged_.empty() && !ended_ && !(mode == filter_mode::flush && in.empty() && flushed_)) {
      const auto rest = out.subspan(p.produced);
      // zlib repeats the marker of a flush when it meets the end of the output at it, and never
      // gets past it in less than seven bytes.
      if (rest.size() >= stage_.size()) {
        p.produced += deflate_into(rest, in, mode, p);
      } else {
        staged_ = std::span(stage_).first(deflate_into(stage_, in, mode, p));
        take_staged(out, p);
      }
    } else if (staged_.empty()) {
      complete_ = true;
    }
    p.done = complete_ && staged_.empty();
    return p;
  }

 private:
  std::size_t deflate_into(std::span<char> out, std::string_view in, filter_mode mode,
                           progress& p) {
    const auto in_size = static_cast<uInt>(std::min<std::size_t>(in.size(), UINT_MAX));
    const auto out_size = static_cast<uInt>(std::min<std::size_t>(out.size(), UINT_MAX));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = in_size;
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = out_size;
    const int how = mode == filter_mode::more    ? Z_NO_FLUSH
                    : mode == filter_mode::flush ? Z_SYNC_FLUSH
                                                 : Z_FINISH;
    const int state = deflate(&stream_, how);
    p.consumed = in_size - stream_.avail_in;
    p.failed = state == Z_STREAM_ERROR;
    ended_ = state == Z_STREAM_END;
    complete_ =
        mode == filter_mode::finish ? ended_ : p.consumed == in.size() && stream_.avail_out > 0;
    flushed_ = mode == filter_mode::flush && complete_;
    return out_size - stream_.avail_out;
  }

  void take_staged(std::span<char> out, progress& p) noexcept {
    const std::size_t n = std::min(staged_.size(), out.size() - p.produced);
    std::copy_n(staged_.begin(), n, out.begin() + static_cast<std::ptrdiff_t>(p.produced));
    p.produced += n;
    staged_ = staged_.subspan(n);
  }

  z_stream stream_{};
  std::array<char, 64> stage_{};
  std::span<char> staged_;  ///< of stage_, not given out yet
  bool ok_ = false;
  bool complete_ = false;  ///< the last call's input and mode are done but for staged_
  bool flushed_ = false;
  bool ended_ = false;
};

class zstd_encoder final : public encoder {
 public:
  zstd_encoder() : context_(ZSTD_createCCtx()) {
    ok_ = context_ != nullptr && set(ZSTD_c_compressionLevel, zstd_level) &&
          set(ZSTD_c_windowLog, window_log);
  }
  ~zstd_encoder() override { ZSTD_freeCCtx(context_); }
  zstd_encoder(const zstd_encoder&) = delete;
  zstd_encoder& operator=(const zstd_encoder&) = delete;

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  bool reset() noexcept override {
    return ZSTD_isError(ZSTD_CCtx_reset(context_, ZSTD_reset_session_only)) == 0;
  }

  progress transform(std::string_view in, std::span<char> out, filter_mode mode) override {
    ZSTD_inBuffer source{in.data(), in.size(), 0};
    ZSTD_outBuffer sink{out.data(), out.size(), 0};
    const ZSTD_EndDirective how = mode == filter_mode::more    ? ZSTD_e_continue
                                  : mode == filter_mode::flush ? ZSTD_e_flush
                                                               : ZSTD_e_end;
    const std::size_t left = ZSTD_compressStream2(context_, &sink, &source, how);
    progress p{source.pos, sink.pos};
    p.failed = ZSTD_isError(left) != 0;
    p.done = !p.failed && p.consumed == in.size() && (mode == filter_mode::more || left == 0);
    return p;
  }

 private:
  bool set(ZSTD_cParameter parameter, int value) {
    return ZSTD_isError(ZSTD_CCtx_setParameter(context_, parameter, value)) == 0;
  }
  ZSTD_CCtx* context_;
  bool ok_ = false;
};

/// Brotli's state cannot be reset, only made anew; its memory is what glibc keeps for us.
class brotli_encoder final : public encoder {
 public:
  brotli_encoder() { ok_ = open(); }
  ~brotli_encoder() override { BrotliEncoderDestroyInstance(state_); }
  brotli_encoder(const brotli_encoder&) = delete;
  brotli_encoder& operator=(const brotli_encoder&) = delete;

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  bool reset() noexcept override { return false; }

  progress transform(std::string_view in, std::span<char> out, filter_mode mode) override {
    std::size_t in_left = in.size();
    std::size_t out_left = out.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    const BrotliEncoderOperation how = mode == filter_mode::more    ? BROTLI_OPERATION_PROCESS
                                       : mode == filter_mode::flush ? BROTLI_OPERATION_FLUSH
                                                                    : BROTLI_OPERATION_FINISH;
    progress p;
    p.failed = BrotliEncoderCompressStream(state_, how, &in_left, &next_in, &out_left, &next_out,
                                           nullptr) == BROTLI_FALSE;
    p.consumed = in.size() - in_left;
    p.produced = out.size() - out_left;
    p.done = !p.failed && in_left == 0 && BrotliEncoderHasMoreOutput(state_) == BROTLI_FALSE &&
             (mode != filter_mode::finish || BrotliEncoderIsFinished(state_) == BROTLI_TRUE);
    return p;
  }

 private:
  bool open() {
    state_ = BrotliEncoderCreateInstance(nullptr, nullptr, nullptr);
    return state_ != nullptr &&
           BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, brotli_quality) == BROTLI_TRUE &&
           BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, window_log) == BROTLI_TRUE;
  }
  BrotliEncoderState* state_ = nullptr;
  bool ok_ = false;
};

template <class Encoder>
std::unique_ptr<encoder> make() {
  auto made = std::make_unique<Encoder>();
  if (!made->ok()) return nullptr;
  return made;
}

}  // namespace

std::unique_ptr<encoder> make_encoder(coding c) {
  switch (c) {
    case coding::identity: return nullptr;
    case coding::gzip: return make<gzip_encoder>();
    case coding::brotli: return make<brotli_encoder>();
    case coding::zstd: return make<zstd_encoder>();
  }
  return nullptr;
}

}  // namespace stagedoor::http
