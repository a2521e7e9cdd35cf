// SPDX-License-Identifier: Apache-2.0
// One query on its way to an upstream and back.
#pragma once

#include "runtime/dns/client.hpp"
#include "runtime/dns/plugins.hpp"
#include "runtime/loop/loop.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace stagedoor::dns {

class upstream;
class upstream_port;
struct forward_group;

struct exchange {
  explicit exchange(std::function<void(exchange&)> timed_out)
      : clock([this, f = std::move(timed_out)] { f(*this); }) {}

  client_ref client;
  std::shared_ptr<const plugin_chain>
      chain;  ///< null = a health check, nobody waits for the answer
  forward_group* group = nullptr;
  std::vector<std::uint8_t> query;  ///< as the client sent it
  std::uint16_t client_id = 0;
  std::uint16_t question_bytes = 0;
  std::size_t client_limit = 0;   ///< longest answer the client takes
  std::uint16_t id = 0;           ///< towards the upstream
  upstream* to = nullptr;         ///< asked now
  upstream_port* port = nullptr;  ///< through which
  std::size_t cursor = 0;         ///< where the policy began, advanced with each attempt
  std::uint32_t attempts = 0;
  bool by_tcp = false;
  mono_time deadline{};
  timer clock;  ///< of the attempt
};

/// What a port of an upstream tells the forwarder.
class exchange_events {
 public:
  /// |message| answers |e|'s question; its ID is still the upstream's.
  virtual void replied(exchange& e, std::span<const std::uint8_t> message) = 0;
  /// The attempt came to nothing.
  virtual void failed(exchange& e, std::string_view why) = 0;
  /// A packet came that answers nothing.
  virtual void bogus() = 0;

 protected:
  ~exchange_events() = default;
};

}  // namespace stagedoor::dns
