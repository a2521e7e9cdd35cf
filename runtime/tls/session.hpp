// SPDX-License-Identifier: Apache-2.0
// TLS on one non-blocking socket, as server or as client.
//
// Calls never wait: `again` means that the socket has to become readable, or writable when
// wants_write(). Deadlines (handshake, idle) are the caller's timers. The socket is used directly,
// without a second buffer, and written with MSG_NOSIGNAL.
// Owner: a connection, which also owns the socket and closes it after the session is gone.
// Runs on: the loop of its context. Bounded by: two records of 16 KiB, given back while idle.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/tls/context.hpp"
#include "runtime/tls/openssl.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::tls {

enum class io_status : std::uint8_t {
  ok,
  again,  ///< nothing could be done now
  eof,    ///< the other side said close_notify
  error,  ///< the session is broken: error() says why; drop the connection
};

struct io_result {
  io_status status = io_status::error;
  std::size_t bytes = 0;
  /// After a read: the socket was emptied and nothing is buffered, so that another read before the
  /// next readable event would only cost a system call.
  bool drained = false;
};

using exported_secret = std::array<unsigned char, 32>;

class session {
 public:
  /// On failure: internal (out of memory). |fd| stays the caller's.
  [[nodiscard]] static result<session> accept(const server_context& context, int fd);
  /// |server_name| goes into SNI and is what the certificate must be for; an IP address is matched
  /// against addresses and not sent.
  [[nodiscard]] static result<session> connect(const client_context& context, int fd,
                                               const std::string& server_name);

  /// ok once, when it is complete.
  [[nodiscard]] io_result handshake() noexcept;
  /// A connection that ends without close_notify is an error, never eof (RFC 8446 section 6.1):
  /// a body that ends with the connection might have been cut.
  [[nodiscard]] io_result read(std::span<char> out) noexcept;
  /// May take less than |in|.
  [[nodiscard]] io_result write(std::string_view in) noexcept;
  /// Sends close_notify; ok when it is out. Does not wait for the peer's.
  [[nodiscard]] io_result shutdown() noexcept;

  [[nodiscard]] bool wants_write() const noexcept { return wants_write_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  /// The error is that the connection ended or broke, not something the other side said.
  [[nodiscard]] bool was_cut() const noexcept { return cut_; }

  // -- after the handshake ------------------------------------------------------------------------

  [[nodiscard]] std::string_view server_name() const noexcept;  ///< SNI as sent; empty = none
  [[nodiscard]] std::string_view protocol() const noexcept;     ///< "TLSv1.3"
  [[nodiscard]] std::string_view cipher() const noexcept;
  [[nodiscard]] std::string_view alpn() const noexcept;  ///< empty = none agreed
  [[nodiscard]] bool resumed() const noexcept;
  /// The common name of the other side's verified certificate; empty = it showed none.
  [[nodiscard]] std::string peer_name() const;
  /// The DNS names of the other side's verified certificate, lower case; empty = it has none. The
  /// common name never stands in for them.
  [[nodiscard]] std::vector<std::string> peer_dns_names() const;
  /// A secret that only the two ends of this session can compute, different for each |label| and
  /// |context| (RFC 8446 section 7.5). On failure: internal.
  [[nodiscard]] result<exported_secret> export_secret(std::string_view label,
                                                      std::string_view context) const;

  /// For what is not offered here; must not read or write.
  [[nodiscard]] SSL* handle() const noexcept { return ssl_.get(); }

 private:
  explicit session(ssl_ptr ssl) noexcept : ssl_(std::move(ssl)) {}
  [[nodiscard]] io_result conclude(int returned, std::size_t bytes) noexcept;

  ssl_ptr ssl_;
  bool wants_write_ = false;
  bool broken_ = false;
  bool cut_ = false;
  std::string error_;
};

}  // namespace stagedoor::tls
