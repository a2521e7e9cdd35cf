// SPDX-License-Identifier: Apache-2.0
// What may happen to a request before it is sent on, and to its response before it is sent back.
//
// A middleware is immutable and shared by all loops. What it must remember (a rate limiter's
// buckets) is in the loop's middleware_state, keyed by the qualified name, and so survives a new
// version of the site. An exchange is the passage of one request: its edits and answers.
//
// Owner: a site. Runs on: the loop of the connection; no call blocks or allocates when the request
// is let through unchanged. Bounded by: max_field_edits per direction.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/http/body_filter.hpp"
#include "runtime/http/field_edits.hpp"
#include "runtime/http/request_facts.hpp"
#include "runtime/http/scratch.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::http {

class middleware;
class middleware_state;

/// A response made here instead of by an upstream. The core adds Content-Length, Date, and frames
/// it.
struct local_response {
  std::uint16_t status = 0;
  std::vector<field> fields;
  std::string_view body;

  void clear() noexcept {
    status = 0;
    fields.clear();
    body = {};
  }
};

/// The request as it will be sent on.
struct request_edits {
  std::string_view path;        ///< escaped, starts with '/'
  std::string_view query;       ///< without '?'
  bool target_changed = false;  ///< path or query differ from what came: the target is rewritten
  std::string_view authority;   ///< the Host to send; empty = as the service says
  bool append_forwarded_for = true;  ///< false: a middleware emptied X-Forwarded-For
  std::string_view user;             ///< who basicAuth let in, for the access log
  field_edits fields;

  void clear() noexcept {
    path = query = authority = user = {};
    target_changed = false;
    append_forwarded_for = true;
    fields.clear();
  }
  void set_path(std::string_view p) noexcept {
    path = p;
    target_changed = true;
  }
};

/// The response as it will be sent back.
struct response_edits {
  field_edits fields;
  std::unique_ptr<body_filter> filter;  ///< set: Content-Length is not kept, the body is re-framed
};

/// The head of a response on its way back, and what is known of its body.
struct response_facts {
  const response_head* head = nullptr;
  bool from_upstream = true;  ///< false: a local_response, an error page
  /// When the framing does not tell the length: whether the whole body is here already, and how
  /// much of it.
  bool body_complete = false;
  std::size_t body_bytes = 0;
};

/// How a response body may be sent, by Accept-Encoding.
enum class coding : std::uint8_t { identity, gzip, brotli, zstd };

/// What a request phase leaves for the response phase of the same middleware. By then the request
/// head may be gone: its bytes are given back while the body streams.
struct exchange_notes {
  coding preferred = coding::identity;
  bool may_compress = false;     ///< neither the method nor the type of the request forbids it
  std::string_view cors_origin;  ///< Access-Control-Allow-Origin; empty = the origin is not allowed
  bool secure = false;           ///< the connection, or a trusted proxy header, says TLS
  struct counted {
    const middleware* by = nullptr;
    void* entry = nullptr;  ///< of by's table in the middleware_state
  };
  std::vector<counted> in_flight;
  std::shared_ptr<const void> pending;  ///< of a middleware that waits for another thread

  void clear() noexcept {
    preferred = coding::identity;
    may_compress = false;
    cors_origin = {};
    secure = false;
    in_flight.clear();
    pending.reset();
  }
};

/// One request's passage through its middlewares. Reused for the next one, so that its memory is.
struct exchange {
  exchange(const request_facts& r, middleware_state& s) noexcept : request(r), state(&s) {}

  /// |path| and |query| are what would be sent on unchanged.
  void begin(std::string_view path, std::string_view query, mono_time at);
  /// Forgets the request.
  void clear() noexcept;

  request_facts request;
  middleware_state* state = nullptr;
  mono_time now;  ///< of the turn in which the phase runs; the core sets it before each
  request_edits edits;
  response_edits answer_edits;
  local_response answer;  ///< filled by a middleware that responds
  mono_time hold_until;   ///< set by a middleware that holds
  exchange_notes notes;
  scratch memory;  ///< for composed strings that edits refer to
};

enum class verdict : std::uint8_t {
  proceed,  ///< on to the next middleware
  respond,  ///< exchange::answer is the response; the response phase runs for those outside
  hold,     ///< not before exchange::hold_until, then on to the next middleware
  wait,     ///< not before exchange::hold_until, then this middleware is asked again
};

class middleware {
 public:
  explicit middleware(std::string qualified_name) : name_(std::move(qualified_name)) {}
  virtual ~middleware() = default;
  middleware(const middleware&) = delete;
  middleware& operator=(const middleware&) = delete;

  /// Before the request is sent on, outermost first.
  [[nodiscard]] virtual verdict on_request(exchange& x) const;
  /// When a response head is there, innermost first; only if on_request let the request through.
  /// Must not look at the request head: see exchange_notes.
  virtual void on_response(exchange& x, const response_facts& response) const;
  /// When the exchange is over, however it ended; only if on_request let the request through.
  virtual void on_end(exchange& x) const noexcept;

  /// "rate-limit@file"
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  const std::string name_;
};

using middleware_ptr = std::shared_ptr<const middleware>;

/// Walks the middlewares of a route. Kept by the core beside the exchange; holds no memory.
class middleware_walk {
 public:
  middleware_walk() = default;
  /// |chain| must outlive the walk: it is part of the site the exchange holds.
  explicit middleware_walk(const std::vector<middleware_ptr>& chain) noexcept : chain_(&chain) {}

  /// The request phase: proceed, respond, or hold. After hold call it again, no earlier than
  /// exchange::hold_until: it goes on where it stopped. It never returns wait.
  [[nodiscard]] verdict on_request(exchange& x);
  /// The response phase of those that let the request through. At most once: a 1xx is passed on
  /// without it.
  void on_response(exchange& x, const response_facts& response) const;
  /// The end, once, for every walk that was begun.
  void on_end(exchange& x) noexcept;

 private:
  const std::vector<middleware_ptr>* chain_ = nullptr;
  std::size_t entered_ = 0;  ///< those below this index let the request through
};

}  // namespace stagedoor::http
