// SPDX-License-Identifier: Apache-2.0
// Both sides of a link without sockets: what one says is handed to the other, in virtual time.
#pragma once

#include "runtime/link/protocol.hpp"
#include "runtime/link/wire.hpp"

#include <string>
#include <vector>

namespace stagedoor::link {

/// Stands for the TLS exporter of one session: the same on both sides, another for each session.
inline hello_proof fake_secret(std::string_view session, std::string_view context) {
  hello_proof out{};
  std::size_t i = 0;
  for (const auto text : {session, std::string_view("/"), context})
    for (const char c : text) {
      out[i % out.size()] =
          static_cast<unsigned char>(out[i % out.size()] * 31U + static_cast<unsigned char>(c) + i);
      ++i;
    }
  return out;
}

inline link_identity identity(std::string node, std::uint8_t run) {
  link_identity made;
  made.node = std::move(node);
  made.build = "test";
  made.run.bytes.fill(run);
  return made;
}

/// One BASP message: a header that announces |payload| and the payload.
inline std::string basp_message(std::string_view payload, std::uint8_t operation = 2) {
  std::string out(1, static_cast<char>(operation));
  out.append(3, '\0');
  put(out, static_cast<std::uint32_t>(payload.size()));
  out.append(24, '\0');
  out.append(payload);
  return out;
}

struct recorded final : link_protocol::sink {
  std::vector<std::string> events;
  std::string bytes;
  std::optional<refused> answer;

  std::optional<refused> on_hello(const peer& who) override {
    events.push_back("hello " + who.node);
    return answer;
  }
  void on_up() override { events.emplace_back("up"); }
  void on_opened() override { events.emplace_back("opened"); }
  void on_bytes(std::string_view b) override { bytes.append(b); }
  void on_closed() override { events.emplace_back("closed"); }
};

struct protocol_end {
  protocol_end(link_side side, std::string name, std::uint8_t run, std::string expected)
      : me(identity(std::move(name), run)), expects(std::move(expected)), side_(side) {
    remake();
  }
  /// With |me| and |limits| as they are now.
  void remake() { said.emplace(side_, me, limits, expects, out); }
  link_protocol& protocol() { return *said; }

  link_identity me;
  link_limits limits;
  std::string expects;
  recorded out;

 private:
  link_side side_;
  std::optional<link_protocol> said;
};

class protocol_pair {
 public:
  protocol_end dialer{link_side::dialer, "node-1", 1, "node-2"};
  protocol_end listener{link_side::listener, "node-2", 2, ""};
  mono_time now{seconds(1000)};
  std::string session = "session";
  std::vector<std::string> dialer_names{"node-1"};  ///< in the dialer's certificate
  std::vector<std::string> listener_names{"node-2"};

  void start() {
    const auto prove = [this](std::string_view context) {
      return std::optional(fake_secret(session, context));
    };
    dialer.remake();
    listener.remake();
    dialer.protocol().start({listener_names, prove}, now);
    listener.protocol().start({dialer_names, prove}, now);
  }

  /// Hands everything over until both are quiet; pieces of |piece| bytes.
  void exchange(std::size_t piece = 1000) {
    while (hand_over(dialer, listener, piece) + hand_over(listener, dialer, piece) > 0) continue;
  }

  std::size_t hand_over(protocol_end& from, protocol_end& to, std::size_t piece) {
    const std::string bytes(from.protocol().output());
    from.protocol().sent(bytes.size());
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      if (!to.protocol().ended())
        to.protocol().receive(std::string_view(bytes).substr(at, piece), now);
    return bytes.size();
  }

  void connect() {
    start();
    exchange();
  }
};

}  // namespace stagedoor::link
