// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/protocol.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/link/wire.hpp"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>

namespace stagedoor::link {
namespace {

constexpr std::size_t stream_number_bytes = sizeof(std::uint32_t);
// Beside data, which stops at out_bytes, a peer that never reads can cause this much.
constexpr std::size_t control_bytes = 16U << 10U;

}  // namespace

link_protocol::link_protocol(link_side side, const link_identity& me, const link_limits& limits,
                             const std::string& expected, sink& out)
    : side_(side),
      me_(me),
      limits_(limits),
      expected_(ascii::to_lower(expected)),
      sink_(out),
      in_scan_(limits.basp_payload_bytes),
      out_scan_(limits.basp_payload_bytes) {}

// -- the connection --------------------------------------------------------------------------------

void link_protocol::start(secured facts, mono_time now) {
  assert(state_ == state::securing);
  facts_ = std::move(facts);
  heard_ = now;
  state_ = state::greeting;
  if (side_ == link_side::dialer) say_hello();
}

void link_protocol::receive(std::string_view bytes, mono_time now) {
  heard_ = now;
  in_.append(bytes);
  std::size_t used = 0;
  while (!ended_) {
    const auto next = read_frame(std::string_view(in_).substr(used), limits_.frame_bytes);
    if (!next) return break_rules(next.error().detail);
    if (!next->has_value()) break;
    used += (*next)->size();
    got(**next, now);
  }
  in_.erase(0, used);
}

void link_protocol::tick(mono_time now) {
  if (!up() || ended_) return;
  if (now >= heard_ + limits_.silence_deadline)
    return end(link_end::silence,
               fmt::format("nothing came for {} ms", limits_.silence_deadline.count()));
  if (now < next_ping_) return;
  next_ping_ = now + limits_.ping_interval;
  // Bytes that wait say as much as a ping would, once they go.
  if (output().empty()) append_frame(out_, frame_type::ping, {});
}

mono_time link_protocol::next_deadline() const noexcept {
  return std::min(next_ping_, heard_ + limits_.silence_deadline);
}

std::string_view link_protocol::output() const noexcept {
  return std::string_view(out_).substr(out_begin_);
}

void link_protocol::sent(std::size_t n) {
  out_begin_ += n;
  assert(out_begin_ <= out_.size());
  if (out_begin_ == out_.size()) {
    out_.clear();
    out_begin_ = 0;
  } else if (out_begin_ >= limits_.out_bytes) {
    out_.erase(0, out_begin_);
    out_begin_ = 0;
  }
  give_credit();
}

void link_protocol::end(link_end why, std::string detail) {
  if (ended_) return;
  ended_ = why;
  detail_ = std::move(detail);
  const bool peer_may_listen = why == link_end::local || why == link_end::protocol_error;
  if (!peer_may_listen || state_ == state::securing) return;
  std::string said(1, static_cast<char>(why));
  said += std::string_view(detail_).substr(0, max_refusal_text);
  append_frame(out_, frame_type::bye, said);
}

void link_protocol::break_rules(std::string detail) {
  end(link_end::protocol_error, std::move(detail));
}

// -- frames ------------------------------------------------------------------------------------------

void link_protocol::got(const frame& f, mono_time now) {
  switch (f.type) {
    case frame_type::refused: return got_refused(f.payload);
    case frame_type::bye: return got_bye(f.payload);
    case frame_type::hello:
      if (state_ != state::greeting) return break_rules("hello at the wrong time");
      return got_hello(f.payload, now);
    case frame_type::ready:
      if (state_ != state::confirming) return break_rules("ready at the wrong time");
      return become_up(now);
    default: break;
  }
  if (!up()) return break_rules("a frame before the hellos were through");
  if (f.type != frame_type::ping) got_stream_frame(f);
}

void link_protocol::say_hello() {
  hello h;
  h.protocols = me_.protocols;
  h.run = me_.run;
  h.window_bytes = static_cast<std::uint32_t>(limits_.window_bytes);
  h.frame_bytes = static_cast<std::uint32_t>(limits_.frame_bytes);
  h.build = me_.build.substr(0, max_build);
  h.node = me_.node;
  const auto words = hello_words(h);
  const auto proof = facts_.prove(proof_context(side_, words));
  if (!proof) return end(link_end::untrusted, "the TLS session gives no proof");
  append_frame(out_, frame_type::hello, encode_hello(*proof, words));
}

std::optional<refused> link_protocol::judge(const received_hello& got) const {
  const auto theirs = side_ == link_side::dialer ? link_side::listener : link_side::dialer;
  const auto& said = got.said;
  if (facts_.prove(proof_context(theirs, got.words)) != said.proof)
    return refused{refusal::replayed, "the hello was made for another session"};
  if (std::find(facts_.names.begin(), facts_.names.end(), said.node) == facts_.names.end())
    return refused{refusal::wrong_name,
                   fmt::format("the certificate is not for the name {}", said.node)};
  if (!expected_.empty() && said.node != expected_)
    return refused{refusal::wrong_name, fmt::format("{} answered for {}", said.node, expected_)};
  if (said.run == me_.run)
    return refused{refusal::myself,
                   fmt::format("{} has the incarnation of {}", said.node, me_.node)};
  if (!agree(me_.protocols, said.protocols))
    return refused{
        refusal::no_protocol,
        fmt::format("{} speaks {} to {}, {} speaks {} to {}", said.node, said.protocols.lowest,
                    said.protocols.highest, me_.node, me_.protocols.lowest, me_.protocols.highest)};
  return std::nullopt;
}

void link_protocol::got_hello(std::string_view payload, mono_time now) {
  const auto got = parse_hello(payload);
  if (!got) return break_rules(got.error().detail);
  if (auto no = judge(*got)) return refuse(std::move(*no));
  const auto& said = got->said;
  const peer who{said.node, said.build, said.run, agree(me_.protocols, said.protocols).value()};
  if (auto no = sink_.on_hello(who)) return refuse(std::move(*no));
  other_ = who;
  peer_window_ = said.window_bytes;
  peer_frame_ = said.frame_bytes;
  if (side_ == link_side::listener) {
    say_hello();
    state_ = state::confirming;
  } else {
    append_frame(out_, frame_type::ready, {});
    become_up(now);
  }
}

void link_protocol::become_up(mono_time now) {
  state_ = state::up;
  next_ping_ = now + limits_.ping_interval;
  sink_.on_up();
}

void link_protocol::refuse(refused r) {
  if (r.text.size() > max_refusal_text) r.text.resize(max_refusal_text);
  append_frame(out_, frame_type::refused, encode_refused(r));
  refusal_ = r.why;
  end(link_end::refused, std::move(r.text));
}

void link_protocol::got_refused(std::string_view payload) {
  if (up()) return break_rules("refused at the wrong time");
  auto r = parse_refused(payload);
  if (!r) return break_rules(r.error().detail);
  refusal_ = r->why;
  end(link_end::refused,
      fmt::format("the peer refused us: {}: {}", to_string(r->why), std::move(r->text)));
}

void link_protocol::got_bye(std::string_view payload) {
  const bool ours =
      !payload.empty() && static_cast<link_end>(payload.front()) == link_end::protocol_error;
  const auto text = payload.substr(payload.empty() ? 0 : 1, max_refusal_text);
  end(ours ? link_end::protocol_error : link_end::goodbye,
      fmt::format("the peer closed the link: {}", text));
}

// -- the stream --------------------------------------------------------------------------------------

void link_protocol::begin_stream(std::uint32_t stream) {
  active_ = newest_ = stream;
  credit_ = peer_window_;
  kept_ = owed_ = 0;
  in_scan_.restart();
  out_scan_.restart();
}

void link_protocol::open_stream() {
  assert(up() && active_ == 0 && side_ == link_side::dialer);
  begin_stream(newest_ + 1);
  append_stream_frame(out_, frame_type::open, active_);
}

std::size_t link_protocol::sendable() const noexcept {
  if (!streaming() || ended_ || crowded()) return 0;
  return std::min({credit_, peer_frame_ - stream_number_bytes, limits_.out_bytes});
}

void link_protocol::send(std::string_view bytes) {
  assert(bytes.size() <= sendable());
  if (const auto good = out_scan_.scan(bytes); !good)
    return break_rules(fmt::format("from this node: {}", good.error().detail));
  credit_ -= bytes.size();
  bytes_out_ += bytes.size();
  append_stream_frame(out_, frame_type::data, active_, bytes);
}

void link_protocol::end_stream() {
  if (!streaming() || ended_) return;
  append_stream_frame(out_, frame_type::end, active_);
  active_ = 0;
}

void link_protocol::consumed(std::size_t n) {
  if (!streaming()) return;
  owed_ += n;
  assert(owed_ <= kept_);
  give_credit();
}

void link_protocol::give_credit() {
  if (!streaming() || ended_ || crowded() || owed_ < limits_.window_bytes / 2) return;
  std::string amount;
  put(amount, static_cast<std::uint32_t>(owed_));
  kept_ -= owed_;
  owed_ = 0;
  append_stream_frame(out_, frame_type::credit, active_, amount);
}

void link_protocol::got_stream_frame(const frame& f) {
  if (output().size() > limits_.out_bytes + limits_.frame_bytes + control_bytes)
    return break_rules("the peer sends but does not read");
  if (f.payload.size() < stream_number_bytes) return break_rules("a stream frame without number");
  const auto stream = get<std::uint32_t>(f.payload);
  const auto rest = f.payload.substr(stream_number_bytes);
  if (f.type == frame_type::open) {
    if (side_ == link_side::dialer || active_ != 0 || stream <= newest_)
      return break_rules("a stream opened that may not be");
    begin_stream(stream);
    return sink_.on_opened();
  }
  if (stream == 0 || stream > newest_) return break_rules("a frame for a stream never opened");
  if (stream != active_) return;  // it crossed our end of the stream
  switch (f.type) {
    case frame_type::data: return got_data(rest);
    case frame_type::credit: return got_credit(rest);
    default: active_ = 0; return sink_.on_closed();
  }
}

void link_protocol::got_data(std::string_view bytes) {
  if (bytes.size() > limits_.window_bytes - kept_) return break_rules("more bytes than credit");
  if (const auto good = in_scan_.scan(bytes); !good) return break_rules(good.error().detail);
  kept_ += bytes.size();
  bytes_in_ += bytes.size();
  sink_.on_bytes(bytes);
}

void link_protocol::got_credit(std::string_view payload) {
  if (payload.size() != sizeof(std::uint32_t)) return break_rules("credit without a number");
  const auto amount = get<std::uint32_t>(payload);
  if (amount > peer_window_ - credit_) return break_rules("more credit than a window");
  credit_ += amount;
}

}  // namespace stagedoor::link
