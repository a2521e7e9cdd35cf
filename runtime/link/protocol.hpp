// SPDX-License-Identifier: Apache-2.0
// What two nodes say to each other inside a TLS stream, without the stream.
//
// Carrying a byte stream by simply not reading when the local side is slow would also stop the
// pings, and a slow peer would look dead. So bytes of the stream need credit from their receiver:
// the connection itself is always read, and what has to be kept is bounded by the window.
//
// Both sides: hello ▶ hello ▶ ready (frame.hpp); then pings, and one stream at a time, which the
// dialer opens. A stream ends as a whole; bytes that were still on their way to who ended it are
// dropped.
// Owner: a link. Runs on: its loop; takes the time as an argument.
// Bounded by: link_limits: one frame in, out_bytes and a few control frames out, one window kept by
// the sink. On failure: ended() is set, with the reason; the last frames are still in output().
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/link/basp_scanner.hpp"
#include "runtime/link/frame.hpp"
#include "runtime/link/hello.hpp"
#include "runtime/link/link_end.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::link {

/// Who this node is.
struct link_identity {
  std::string node;
  std::string build;
  incarnation run;
  protocol_range protocols;
};

struct link_limits {
  milliseconds handshake_deadline{5000};  ///< from the connection to the end of the hellos
  milliseconds ping_interval{1000};
  milliseconds silence_deadline{4000};
  std::size_t frame_bytes = 64U << 10U;          ///< payload of one frame
  std::size_t window_bytes = 256U << 10U;        ///< of a stream, kept for a slow local side
  std::size_t out_bytes = 64U << 10U;            ///< waiting for the connection; then no more
  std::uint32_t basp_payload_bytes = 1U << 20U;  ///< of one actor message
};

/// The other node, once it said hello and was believed.
struct peer {
  std::string node;
  std::string build;
  incarnation run;
  std::uint16_t protocol = 0;  ///< agreed
};

/// What TLS knows of the connection.
struct secured {
  std::vector<std::string> names;  ///< DNS names of the peer's certificate, lower case
  /// The exporter, for hello_label and this context; nothing = it failed.
  std::function<std::optional<hello_proof>(std::string_view context)> prove;
};

class link_protocol {
 public:
  class sink {
   public:
    /// Whether this peer is wanted; a refusal is told to it.
    [[nodiscard]] virtual std::optional<refused> on_hello(const peer& who) = 0;
    virtual void on_up() = 0;
    virtual void on_opened() = 0;  ///< listener: the peer opened a stream
    /// Must be kept or passed on, and reported by consumed().
    virtual void on_bytes(std::string_view bytes) = 0;
    virtual void on_closed() = 0;  ///< the peer ended the stream

   protected:
    ~sink() = default;
  };

  /// |expected|: the node that was dialled; empty on a listener.
  link_protocol(link_side side, const link_identity& me, const link_limits& limits,
                const std::string& expected, sink& out);
  link_protocol(const link_protocol&) = delete;
  link_protocol& operator=(const link_protocol&) = delete;

  // -- the connection ----------------------------------------------------------------------------

  /// The TLS handshake is over.
  void start(secured facts, mono_time now);
  void receive(std::string_view bytes, mono_time now);
  /// Pings, and notices silence; to be called at next_deadline().
  void tick(mono_time now);
  /// While up.
  [[nodiscard]] mono_time next_deadline() const noexcept;
  /// What has to be sent, from the front; sent() takes away what was.
  [[nodiscard]] std::string_view output() const noexcept;
  void sent(std::size_t n);
  /// The connection ended by itself, or the owner wants it to.
  void end(link_end why, std::string detail);

  // -- the stream ----------------------------------------------------------------------------------

  /// Dialer, while up() and not streaming().
  void open_stream();
  /// How many bytes send() takes now.
  [[nodiscard]] std::size_t sendable() const noexcept;
  void send(std::string_view bytes);
  void end_stream();
  /// |n| bytes of on_bytes() need not be kept any more.
  void consumed(std::size_t n);

  // -- state -----------------------------------------------------------------------------------------

  [[nodiscard]] bool up() const noexcept { return state_ == state::up; }
  [[nodiscard]] bool streaming() const noexcept { return up() && active_ != 0; }
  [[nodiscard]] std::optional<link_end> ended() const noexcept { return ended_; }
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
  /// Why one side refused the other, with ended() == refused.
  [[nodiscard]] std::optional<refusal> refused_because() const noexcept { return refusal_; }
  /// When anything came from the peer last.
  [[nodiscard]] mono_time heard() const noexcept { return heard_; }
  /// Bytes of streams since the link is there.
  [[nodiscard]] std::uint64_t bytes_in() const noexcept { return bytes_in_; }
  [[nodiscard]] std::uint64_t bytes_out() const noexcept { return bytes_out_; }
  /// Empty before its hello was believed.
  [[nodiscard]] const peer& other() const noexcept { return other_; }

 private:
  enum class state : std::uint8_t { securing, greeting, confirming, up };

  void got(const frame& f, mono_time now);
  void got_hello(std::string_view payload, mono_time now);
  void got_refused(std::string_view payload);
  void got_bye(std::string_view payload);
  void got_stream_frame(const frame& f);
  void got_data(std::string_view bytes);
  void got_credit(std::string_view payload);
  void say_hello();
  void become_up(mono_time now);
  void begin_stream(std::uint32_t stream);
  [[nodiscard]] std::optional<refused> judge(const received_hello& got) const;
  void refuse(refused r);
  void break_rules(std::string detail);
  void give_credit();
  [[nodiscard]] bool crowded() const noexcept { return output().size() >= limits_.out_bytes; }

  const link_side side_;
  const link_identity& me_;
  const link_limits& limits_;
  const std::string expected_;
  sink& sink_;
  secured facts_;
  state state_ = state::securing;
  peer other_;
  std::optional<link_end> ended_;
  std::optional<refusal> refusal_;
  std::string detail_;

  std::string in_;  ///< the beginning of a frame
  std::string out_;
  std::size_t out_begin_ = 0;
  mono_time heard_{};
  mono_time next_ping_{};

  std::uint32_t active_ = 0;  ///< the stream that is open; 0 = none
  std::uint32_t newest_ = 0;  ///< the highest that ever was
  std::size_t peer_window_ = 0;
  std::size_t peer_frame_ = 0;
  std::size_t credit_ = 0;  ///< bytes we may send
  std::size_t kept_ = 0;    ///< bytes that came and for which no credit was given yet
  std::size_t owed_ = 0;    ///< of those, what is consumed already
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  basp_scanner in_scan_;
  basp_scanner out_scan_;
};

}  // namespace stagedoor::link
