// SPDX-License-Identifier: Apache-2.0
// The links of this node: takes those of peers, dials the others, and says what became of each.
//
// Of two nodes the one whose name sorts first dials, so that there is one link between them. Wanted
// is who is in the list of members, and as that process: a clone with a copied certificate, or a
// node that was restarted and has not joined yet, is turned away until the list has it.
// When a link breaks, the peer's host is asked whether a process still listens there: if it says
// no, the peer may be succeeded at once. Owner: the composition root. Runs on: its loop; start()
// there, or before that runs, the other methods on any thread. Bounded by: |links| of the listener,
// one dialer a member. On failure: start() says why the port or the certificates cannot be used;
// a member whose name leads nowhere is asked for again; later, see the hooks.
#pragma once

#include "runtime/link/credentials.hpp"
#include "runtime/link/link_dialer.hpp"
#include "runtime/link/link_listener.hpp"
#include "runtime/net/resolver.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace stagedoor::cluster {

struct peer_links_options {
  link::link_identity me;
  net::address listen;
  link::credential_files files;
  link::link_limits limits;
  milliseconds probe_deadline{1000};    ///< is the process of a peer still there?
  milliseconds resolve_deadline{5000};  ///< of a peer's name
  milliseconds resolve_pause{2000};     ///< before names that were not known are asked for again
};

/// A member that a link should lead to.
struct wanted_peer {
  std::string node;
  std::string process;  ///< 32 hexadecimal digits
  std::string address;  ///< host:port
  friend bool operator==(const wanted_peer&, const wanted_peer&) = default;
};

class peer_links {
 public:
  /// Called on the loop.
  struct hooks {
    /// |port| of 127.0.0.1 leads to the peer; 0 = the peer dialled, its connections come here.
    std::function<void(const std::string& node, const std::string& process, std::uint16_t port)> up;
    std::function<void(const std::string& node, const std::string& detail)> down;
    /// Its host says that no process listens any more.
    std::function<void(const std::string& node, const std::string& process)> gone;
  };

  peer_links(loop& l, loop& blocking, net::resolver& names, peer_links_options options, hooks to);
  ~peer_links();

  /// |local_port|: of 127.0.0.1, where connections that peers open end. Kinds: as credentials::load
  /// and link_listener::start.
  [[nodiscard]] result<void> start(std::uint16_t local_port);
  /// Says goodbye to all; before the loops stop.
  void stop();

  void want(std::vector<wanted_peer> peers);
  /// Says hooks::up again for each link that is up: for a listener that started anew.
  void report();
  [[nodiscard]] const net::address& address() const noexcept { return listener_->address(); }

 private:
  struct dialled {
    std::unique_ptr<link::link_dialer> dialer;  ///< null while its address is not known
    std::string address;                        ///< as the member said
  };

  [[nodiscard]] std::optional<link::refused> judge(const link::peer& who) const;
  void use(std::shared_ptr<const link::credentials> with);
  void apply(std::vector<wanted_peer> peers);
  void dial(const wanted_peer& peer);
  void dial_at(const std::string& node, const net::address& where);
  void resolve(const std::string& node, const std::string& address);
  void resolve_again();
  void drop(const std::string& node);
  void end();
  void broke(const std::string& node, link::link_end end, const std::string& detail);
  void probe(const std::string& node);
  [[nodiscard]] const wanted_peer* find(const std::string& node) const;

  loop& loop_;
  net::resolver& names_;
  const peer_links_options options_;
  const hooks hooks_;
  std::shared_ptr<const link::credentials> with_;
  link::credential_watch watch_;
  std::unique_ptr<link::link_listener> listener_;
  std::map<std::string, dialled> dialers_;
  std::map<std::string, wanted_peer> peers_;
  timer again_;
  bool ended_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< for answers that come late
};

}  // namespace stagedoor::cluster
