// SPDX-License-Identifier: Apache-2.0
// With what a node shows itself to the others, and by what it believes them.
//
// Certificates are replaced while links stand. So what was read from the files is immutable and
// shared: a new link takes the newest, an old one keeps what it was made with until it ends. Files
// that do not fit together (one of them was replaced a moment before the other) change nothing;
// they are looked at again.
// Owner: whoever makes links holds the newest. Runs on: credentials any thread; credential_watch
// the loop for what blocks, start() and stop() any thread. Bounded by: certificate.hpp's limits.
// On failure: the last good ones stay.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/tls/context.hpp"

#include <functional>
#include <memory>
#include <string>

namespace stagedoor::link {

/// Told to every peer by TLS: a client of something else is turned away in the handshake.
inline constexpr const char* link_alpn = "stagedoor-link/1";

/// Paths of PEM files.
struct credential_files {
  std::string certificate;  ///< this node's, with what is between it and the authority
  std::string key;
  std::string authority;  ///< certificates of the cluster's authority; several while it is replaced
};

struct credentials {
  std::unique_ptr<tls::server_context> server;
  std::unique_ptr<tls::client_context> client;
  tls::certificate own;

  /// Reads files. On failure: not_found, malformed, invalid, too_large.
  [[nodiscard]] static result<std::shared_ptr<const credentials>> load(
      const credential_files& files);
};

class credential_watch {
 public:
  /// Before the certificate's end; from then on, one line a day asks for another one.
  static constexpr std::chrono::hours reminder{30 * 24};
  static constexpr milliseconds interval{2000};

  using receiver = std::function<void(std::shared_ptr<const credentials>)>;

  /// |changed| runs on |blocking|.
  credential_watch(loop& blocking, credential_files files, receiver changed,
                   milliseconds every = interval);
  /// On its loop, or when that has stopped.
  ~credential_watch() { *watching_ = false; }
  credential_watch(const credential_watch&) = delete;
  credential_watch& operator=(const credential_watch&) = delete;

  /// The first ones. On failure: as credentials::load, overloaded; nothing is watched then.
  [[nodiscard]] result<std::shared_ptr<const credentials>> start();
  void stop();
  /// What the timer does: reads the files if they are not those that were read last.
  void look();

 private:
  [[nodiscard]] std::string fingerprint() const;
  void mind_the_end();

  loop& loop_;
  const credential_files files_;
  const receiver changed_;
  const milliseconds every_;
  std::string read_;  ///< fingerprint of the files that were read last, good or not
  bool complained_ = false;
  wall_time ends_;         ///< of the certificate that was read last
  wall_time remind_at_{};  ///< not before
  timer look_;
  std::shared_ptr<bool> watching_ = std::make_shared<bool>(true);  ///< for tasks that come late
};

}  // namespace stagedoor::link
