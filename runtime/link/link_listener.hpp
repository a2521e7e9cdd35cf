// SPDX-License-Identifier: Apache-2.0
// The cluster port: takes the links that other nodes dial.
//
// The port may be open to the world. A stranger gets one handshake with a deadline, few of them at
// once, and one line in the log a minute; what it sends before is not kept.
// Owner: the composition root. Runs on: its loop (start and stop before the loop's thread runs, or
// on it). Bounded by: link_listener_options. On failure: a link that ends is reported and
// forgotten.
#pragma once

#include "runtime/link/admission.hpp"
#include "runtime/link/link.hpp"
#include "runtime/link/log_limit.hpp"

#include <functional>
#include <map>
#include <memory>

namespace stagedoor::link {

struct link_listener_options {
  net::address address;
  link_setup setup;
  admission_limits admission;
  std::size_t links = 256;  ///< that are up
};

class link_listener final : private io_handler, private link_owner {
 public:
  /// Called on the loop. They may call back, but not destroy it.
  struct hooks {
    /// Whether a peer with a good certificate is wanted; nothing = yes.
    std::function<std::optional<refused>(const peer&, const net::address&)> allow;
    std::function<void(const peer&, const net::address&)> up;
    /// Only for links that were up.
    std::function<void(const peer&, link_end, const std::string& detail)> down;
  };

  link_listener(loop& l, link_listener_options options, std::shared_ptr<const credentials> with,
                hooks to);
  ~link_listener();

  /// On failure: conflict, refused, overloaded, internal.
  [[nodiscard]] result<void> start();
  /// Says goodbye to all.
  void stop();
  /// For links from now on.
  void use(std::shared_ptr<const credentials> with) { with_ = std::move(with); }
  /// Says goodbye to one; nothing when it has no link.
  void close(const std::string& node, const std::string& why);

  /// Where it really listens (port 0 was asked for).
  [[nodiscard]] const net::address& address() const noexcept { return address_; }
  [[nodiscard]] std::size_t links() const noexcept { return up_.size(); }
  /// Null when the node has no link to us.
  [[nodiscard]] const link* find(const std::string& node) const {
    const auto at = up_.find(node);
    return at == up_.end() ? nullptr : at->second.get();
  }
  [[nodiscard]] std::size_t strangers() const noexcept { return admission_.strangers(); }

 private:
  void on_io(std::uint32_t events) override;
  [[nodiscard]] std::optional<refused> link_asks(const link& l, const peer& who) override;
  void link_up(link& l) override;
  void link_down(link& l) override;

  void resume();
  void pause_for(std::chrono::nanoseconds wait);
  void take(unique_fd fd, const net::address& from);
  /// About a stranger.
  void report(const net::address& from, std::string_view reason, std::string_view detail);
  /// About a node.
  void tell(std::string_view event, const peer& who, const net::address& from,
            std::string_view reason, std::string_view detail);

  loop& loop_;
  const link_listener_options options_;
  std::shared_ptr<const credentials> with_;
  const hooks hooks_;
  admission admission_;
  log_limit log_limit_;
  net::address address_;
  unique_fd fd_;
  timer pause_;
  std::map<const link*, std::unique_ptr<link>> strangers_;
  std::map<std::string, std::unique_ptr<link>> up_;  ///< by node
};

}  // namespace stagedoor::link
