// SPDX-License-Identifier: Apache-2.0
// The socket as OpenSSL sees it: recv, send with MSG_NOSIGNAL, nothing in between.
//
// OpenSSL's own socket BIO calls write(), which raises SIGPIPE when the peer is gone, and cannot
// tell that the last recv took everything there was.
// Owner: an SSL object; the socket stays the connection's. Runs on: its loop.
#pragma once

#include "runtime/tls/openssl.hpp"

#include <span>
#include <string_view>

namespace stagedoor::tls {

/// Null when out of memory.
[[nodiscard]] bio_ptr make_socket_bio(int fd);

/// The last recv took less than it could have: there is nothing more for now.
[[nodiscard]] bool emptied(BIO* bio) noexcept;

/// The address the peer connected to, as text in |memory|; empty when the socket has none.
[[nodiscard]] std::string_view local_ip(BIO* bio, std::span<char> memory) noexcept;

}  // namespace stagedoor::tls
