// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/body_relay.hpp"

#include <charconv>

namespace stagedoor::http {

void body_relay::parts::add(std::string_view part) noexcept {
  if (part.empty()) return;
  // sendmsg() only reads from it; iovec has no const form.
  list[count++] = {const_cast<char*>(part.data()), part.size()};
  bytes += part.size();
}

void body_relay::start(body_framing in, std::uint64_t length, body_framing out,
                       body_filter* filter) {
  decoder_.start(in, length);
  in_ = in;
  out_ = out;
  filter_ = filter;
  finished_ = false;
  large_ = false;
  sent_ = 0;
}

relay_state body_relay::run(end source, end sink, std::string_view head) {
  for (unsigned reads = 0;; ++reads) {
    if (!sink.bytes.empty()) {
      sink.bytes.append(head);
      head = {};
      if (!flush(sink)) return outcome_;
    }
    if (!finished_) {
      const bool moved = filter_ != nullptr ? step_filtered(source, sink, head)
                         : passes_through() ? step_through(source, sink, head)
                                            : step_framed(source, sink, head);
      head = {};
      if (!moved) return outcome_;
    }
    if (finished_) {
      if (sink.bytes.empty() && sink.io.flush()) return relay_state::complete;
      return sink.io.tls_failed() ? relay_state::sink_failed : relay_state::full;
    }
    if (!source.bytes.empty()) continue;
    if (reads == reads_a_turn) return relay_state::yielded;
    if (!refill(source)) return outcome_;
  }
}

bool body_relay::flush(end& sink) {
  if (!sink.io.writable()) return outcome_ = relay_state::full, false;
  const auto bytes = sink.bytes.data();
  const auto written = sink.io.write(std::span<const char>(bytes.data(), bytes.size()));
  if (written.error != 0) return outcome_ = relay_state::sink_failed, false;
  sent_ += written.bytes;
  sink.bytes.consume(written.bytes);
  if (!sink.bytes.empty()) return outcome_ = relay_state::full, false;
  sink.bytes.release();
  return true;
}

// The framing is the same on both sides: bytes that do not fit stay in the source.
bool body_relay::step_through(end& source, end& sink, std::string_view head) {
  const auto payload = source.bytes.data().substr(0, decoder_.next(source.bytes.data()).payload);
  const std::size_t wanted = head.size() + payload.size();
  if (wanted != 0) {
    io_result written;
    if (!sink.io.writable()) {
      written = {};
    } else if (payload.empty()) {
      written = sink.io.write(std::span<const char>(head.data(), head.size()));
    } else {
      parts out;
      out.add(head);
      out.add(payload);
      written = sink.io.write({out.list.data(), out.count});
    }
    if (written.error != 0) return outcome_ = relay_state::sink_failed, false;
    sent_ += written.bytes;
    if (written.bytes < head.size()) {
      sink.bytes.append(head.substr(written.bytes));
    } else {
      const std::size_t used = written.bytes - head.size();
      decoder_.take(used);
      source.bytes.consume(used);
    }
    if (written.bytes < wanted) {
      finished_ = decoder_.done();
      return outcome_ = relay_state::full, false;
    }
  }
  finished_ = decoder_.done();
  return true;
}

bool body_relay::step_framed(end& source, end& sink, std::string_view head) {
  parts out;
  out.add(head);
  std::array<std::string_view, max_parts> runs;
  std::size_t count = 0;
  std::size_t total = 0;
  while (count < max_parts - 4) {
    const auto found = decoder_.next(source.bytes.data());
    source.bytes.consume(found.framing);
    if (found.payload == 0) break;
    runs[count] = source.bytes.data().substr(0, found.payload);
    ++count;
    total += found.payload;
    decoder_.take(found.payload);
    source.bytes.consume(found.payload);  // the bytes stay in place until the next read
  }
  if (decoder_.failed()) return outcome_ = relay_state::malformed, false;

  const bool chunked = out_ == body_framing::chunked;
  if (chunked && total != 0) out.add(chunk_line(total));
  for (std::size_t i = 0; i < count; ++i) out.add(runs[i]);
  const bool last = decoder_.done();
  if (chunked && last) {
    tail_.assign(total != 0 ? "\r\n" : "")
        .append("0\r\n")
        .append(decoder_.trailers())
        .append("\r\n");
    out.add(tail_);
  } else if (chunked && total != 0) {
    out.add("\r\n");
  }
  finished_ = last;
  return send(sink, out);
}

// One piece of input at a time: what the filter makes of it goes out before it gets more.
bool body_relay::step_filtered(end& source, end& sink, std::string_view head) {
  std::array<char, 8192> room;
  for (;;) {
    const auto found = decoder_.next(source.bytes.data());
    source.bytes.consume(found.framing);
    if (decoder_.failed()) return outcome_ = relay_state::malformed, false;
    const auto payload = source.bytes.data().substr(0, found.payload);
    const bool ends_here = decoder_.done();
    filter_mode mode = filter_mode::more;
    if (ends_here)
      mode = filter_mode::finish;
    else if (payload.empty() && !source.io.readable())
      mode = filter_mode::flush;
    if (payload.empty() && mode == filter_mode::more) {
      if (head.empty()) return true;
      parts out;
      out.add(head);
      return send(sink, out);
    }

    const auto done = filter_->transform(payload, room, mode);
    if (done.failed) return outcome_ = relay_state::filter_failed, false;
    decoder_.take(done.consumed);
    source.bytes.consume(done.consumed);
    parts out;
    out.add(head);
    head = {};
    const bool chunked = out_ == body_framing::chunked;
    const std::string_view made(room.data(), done.produced);
    const bool last = ends_here && done.done;
    if (chunked && !made.empty()) out.add(chunk_line(made.size()));
    out.add(made);
    if (chunked && last) {
      tail_.assign(made.empty() ? "" : "\r\n").append("0\r\n\r\n");
      out.add(tail_);
    } else if (chunked && !made.empty()) {
      out.add("\r\n");
    }
    finished_ = last;
    if (out.bytes != 0 && !send(sink, out)) return false;
    if (last) return true;
    if (mode == filter_mode::flush && done.done) return true;
  }
}

bool body_relay::send(end& sink, parts& out) {
  if (out.bytes == 0) return true;
  io_result written;
  if (sink.io.writable()) written = sink.io.write({out.list.data(), out.count});
  if (written.error != 0) return outcome_ = relay_state::sink_failed, false;
  sent_ += written.bytes;
  if (written.bytes == out.bytes) return true;
  std::size_t skip = written.bytes;
  sink.bytes.reserve(out.bytes - written.bytes);
  for (std::size_t i = 0; i < out.count; ++i) {
    const std::string_view part(static_cast<const char*>(out.list[i].iov_base),
                                out.list[i].iov_len);
    if (skip >= part.size()) {
      skip -= part.size();
      continue;
    }
    sink.bytes.append(part.substr(skip));
    skip = 0;
  }
  return outcome_ = relay_state::full, false;
}

bool body_relay::refill(end& source) {
  if (!source.io.readable()) {
    source.bytes.release();
    return outcome_ = relay_state::starved, false;
  }
  const std::size_t size = large_ ? buffer_pool::large_bytes : buffer_pool::small_bytes;
  if (source.bytes.capacity() < size) source.bytes.release();
  source.bytes.reserve(size);
  const auto space = source.bytes.space();
  const auto got = source.io.read(space);
  if (got.error != 0) return outcome_ = relay_state::source_failed, false;
  if (got.eof) {
    if (decoder_.end_of_input()) return true;  // the next step sends what ends the body
    return outcome_ = relay_state::cut_off, false;
  }
  source.bytes.commit(got.bytes);
  if (got.bytes == space.size()) large_ = true;
  return true;
}

std::string_view body_relay::chunk_line(std::size_t size) noexcept {
  char* const begin = chunk_line_.data();
  auto* const stop = std::to_chars(begin, begin + 16, size, 16).ptr;
  stop[0] = '\r';
  stop[1] = '\n';
  return {begin, static_cast<std::size_t>(stop + 2 - begin)};
}

}  // namespace stagedoor::http
