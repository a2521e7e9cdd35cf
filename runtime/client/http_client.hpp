// SPDX-License-Identifier: Apache-2.0
// The control plane's way out: certificate authorities, the Docker engine, DNS providers, webhooks.
//
// None of these may ever hold up a loop, so libcurl's multi interface is driven by the loop's own
// epoll and timers, and names are resolved by our resolver before libcurl sees them (its own
// resolver threads are waited for when a transfer is given up). Proxies of the environment are not
// used, redirects not followed unless asked, only http and https are spoken.
// The process must ignore SIGPIPE.
// Owner: the composition root. Runs on: its loop; send(), stream() and cancel() any thread.
// Bounded by: |max_transfers| at once, |max_queued| waiting, 64 KiB of head and request::max_body
// an answer, |max_idle_connections| kept open.
// On failure: invalid, overloaded, not_found, unreachable, timed_out, closed, refused (the peer's
// certificate), too_large, malformed, internal.
#pragma once

#include "runtime/client/message.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/net/resolver.hpp"

#include <memory>

namespace stagedoor::client {

struct cancellation;

struct http_client_options {
  std::size_t max_transfers = 32;
  std::size_t max_queued = 256;
  unsigned max_idle_connections = 16;
  std::string user_agent = "stagedoor";
};

/// A transfer that was started. Copies mean the same one; letting go of it changes nothing.
class transfer_handle {
 public:
  transfer_handle() = default;
  /// Any thread. No callback begins after this on the loop's thread; from another one, the
  /// callback that is running may still finish.
  void cancel();

 private:
  friend class http_client;
  std::shared_ptr<cancellation> stop_;
  std::function<void()> wake_;
};

class http_client {
 public:
  http_client(loop& where, net::resolver& names, http_client_options options = {});
  ~http_client();
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  /// |done| runs once, on the loop. On failure (|done| never runs): invalid, overloaded.
  result<transfer_handle> send(request r, response_callback done);
  /// For an answer without end: give |r| deadline 0, and cancel the handle when it is no longer
  /// wanted. Occupies one of |max_transfers|.
  result<transfer_handle> stream(request r, stream_callbacks callbacks);

  /// Ends every transfer with a fault of kind closed. Loop thread, or after the loop has stopped.
  void stop();

 private:
  class core;
  class door;
  result<transfer_handle> launch(request r, response_callback done, stream_callbacks callbacks);
  std::shared_ptr<door> door_;
  std::shared_ptr<core> core_;
};

}  // namespace stagedoor::client
