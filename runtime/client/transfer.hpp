// SPDX-License-Identifier: Apache-2.0
// One request under way: its libcurl handle, what came so far, and how it ended.
//
// libcurl calls back into C; this class is the only place that lives inside those callbacks, and
// it never calls libcurl's multi interface from there.
// Owner: http_client. Runs on: its loop. Bounded by: request::max_body, |max_head|.
#pragma once

#include "runtime/client/message.hpp"
#include "runtime/loop/timer_wheel.hpp"
#include "runtime/net/address.hpp"

#include <array>
#include <atomic>
#include <curl/curl.h>
#include <memory>

namespace stagedoor::client {

/// What the callers hold to end a transfer; set from any thread.
struct cancellation {
  std::atomic<bool> asked{false};
};

/// Where a URL points: what has to be resolved before libcurl may have it.
struct origin {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
};
[[nodiscard]] result<origin> origin_of(const std::string& url);

class transfer {
 public:
  transfer(std::uint64_t id, request r, response_callback done, std::shared_ptr<cancellation> stop);
  transfer(std::uint64_t id, request r, stream_callbacks stream,
           std::shared_ptr<cancellation> stop);
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;
  ~transfer();

  /// Makes the handle. |resolved| may be empty for a numeric host or a unix socket.
  /// On failure: overloaded, invalid.
  [[nodiscard]] result<CURL*> prepare(const std::string& user_agent, const origin& to,
                                      const std::vector<net::address>& resolved);

  /// After libcurl has let go of the handle: true when it must be sent again, to another URL.
  [[nodiscard]] bool redirect(CURLcode code);
  /// Hands over the answer or the fault, unless the caller has cancelled.
  void conclude(result<void> outcome);
  /// What |code| means.
  [[nodiscard]] result<void> outcome(CURLcode code) const;

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] const request& asked() const noexcept { return request_; }
  [[nodiscard]] bool cancelled() const noexcept {
    return stop_->asked.load(std::memory_order_relaxed);
  }
  [[nodiscard]] CURL* easy() const noexcept { return easy_; }
  void release() noexcept;

  std::unique_ptr<timer> deadline;    ///< of the whole transfer, waiting included
  std::unique_ptr<timer> idle;        ///< re-armed with each chunk
  std::function<void()> on_progress;  ///< a chunk came

 private:
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  [[nodiscard]] bool body(std::string_view chunk);
  [[nodiscard]] bool head_line(std::string_view line);
  void set_method();
  void set_tls();
  [[nodiscard]] std::string target() const;  ///< for a log
  [[nodiscard]] std::string reason(CURLcode code) const;
  [[nodiscard]] bool set_lists(const origin& to, const std::vector<net::address>& resolved);

  static constexpr std::size_t max_head = 64U << 10U;

  const std::uint64_t id_;
  request request_;
  response_callback done_;   ///< empty for a stream
  stream_callbacks stream_;  ///< empty for a single answer
  std::shared_ptr<cancellation> stop_;
  CURL* easy_ = nullptr;
  curl_slist* header_list_ = nullptr;
  curl_slist* resolve_list_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_{};
  response answer_;
  std::size_t head_bytes_ = 0;
  bool head_done_ = false;
  bool too_large_ = false;
  result<void> refusal_;  ///< what on_chunk said
  unsigned redirects_ = 0;
};

}  // namespace stagedoor::client
