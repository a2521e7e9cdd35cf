// SPDX-License-Identifier: Apache-2.0
// The actor that talks to one certificate authority: one account, one pool of nonces, all requests.
//
// | receives      | replies        | then                                   |
// |---------------|----------------|----------------------------------------|
// | sign_request  | request_signed | signs it, sends it, retries bad nonces |
// | http_answered |                | from the control loop                  |
//
// The account's key is made once, before it is shown to the CA, and kept with mode 0600; its URL is
// kept beside it.
// Owner: the supervisor of accounts, as the child named like its resolver. Runs on: the scheduler.
// Bounded by: ca_options. Stops when: told to.
#pragma once

#include "actors/certificates/certificate_messages.hpp"
#include "actors/node_parts.hpp"
#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "actors/support/tick_timer.hpp"
#include "runtime/acme/ca_session.hpp"

#include <map>
#include <string>

namespace stagedoor::actors {

/// Where the accounts of a node are kept.
[[nodiscard]] std::string account_folder(const configs::settings& node,
                                         const std::string& resolver);

/// The account's key: the one on disk, or a new one that is on disk when this returns. Blocks.
[[nodiscard]] result<acme::private_key> account_key(const std::string& folder);

class acme_account final : public shell {
 public:
  /// |parts| outlives the actor.
  acme_account(caf::actor_config& cfg, const node_parts& parts,
               const configs::certificate_resolver& resolver, acme::private_key key);
  caf::behavior make_behavior() override;

 private:
  void run(acme::session_effects effects);
  void send(acme::send_http what);
  void keep_url(const std::string& url);

  const node_parts& parts_;
  const std::string folder_;
  acme::ca_session session_;
  std::map<std::uint64_t, promise<request_signed>> callers_;  ///< by post
  std::uint64_t last_post_ = 0;
  tick_timer timer_;
};

}  // namespace stagedoor::actors
