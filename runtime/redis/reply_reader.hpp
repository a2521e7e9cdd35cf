// SPDX-License-Identifier: Apache-2.0
// Turns the bytes of a Redis server into replies (RESP2).
//
// The parsing is hiredis' redisReader; its tree is built here as values, and what it does not
// bound is bounded here: a reply that never ends, and an array of a billion empty elements.
// Owner: a wire. Runs on: the loop's thread.
// Bounded by: reply_limits; nesting by hiredis (7).
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/redis/reply.hpp"

#include <memory>
#include <optional>
#include <string_view>

struct redisReader;

namespace stagedoor::redis {

struct reply_limits {
  std::size_t bytes = 64U << 20U;    ///< of one reply, as it comes over the wire
  std::size_t elements = 1'000'000;  ///< values in one reply, nested ones included
};

class reply_reader {
 public:
  explicit reply_reader(reply_limits limits = {});
  ~reply_reader();
  reply_reader(const reply_reader&) = delete;
  reply_reader& operator=(const reply_reader&) = delete;

  /// Takes more bytes. After a fault the reader is spent: the connection must be closed.
  /// On failure: too_large.
  [[nodiscard]] result<void> feed(std::string_view bytes);

  /// The next whole reply; nothing when more bytes are needed. On failure: malformed, too_large.
  [[nodiscard]] result<std::optional<reply>> next();

 private:
  friend struct reply_builder;
  struct reader_deleter {
    void operator()(redisReader* r) const noexcept;
  };

  reply* place(reply* parent) noexcept;

  reply_limits limits_;
  std::unique_ptr<redisReader, reader_deleter> reader_;
  reply root_;                  ///< the reply being built; hiredis holds pointers into it
  std::size_t elements_ = 0;    ///< of root_
  std::size_t unfinished_ = 0;  ///< bytes fed since the last whole reply
};

}  // namespace stagedoor::redis
