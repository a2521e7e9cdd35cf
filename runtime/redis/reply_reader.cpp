// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/reply_reader.hpp"

#include <fmt/format.h>
#include <hiredis/read.h>

namespace stagedoor::redis {

/// The functions through which hiredis builds a tree. A null return makes it stop with an error.
/// Elements are appended as they arrive, so memory follows the bytes received, not a length that
/// was only claimed. Growing an array moves no tree that is still being filled: hiredis finishes
/// one element before it begins the next.
struct reply_builder {
  static reply* place(const redisReadTask* task) noexcept {
    auto* owner = static_cast<reply_reader*>(task->privdata);
    return owner->place(task->parent == nullptr ? nullptr : static_cast<reply*>(task->parent->obj));
  }

  static void* text(const redisReadTask* task, char* bytes, std::size_t size) noexcept {
    reply* made = place(task);
    if (made == nullptr) return nullptr;
    made->kind = task->type == REDIS_REPLY_ERROR    ? reply::type::error
                 : task->type == REDIS_REPLY_STATUS ? reply::type::status
                                                    : reply::type::string;
    made->text.assign(bytes, size);
    return made;
  }

  static void* array(const redisReadTask* task, int) noexcept {
    reply* made = place(task);
    if (made != nullptr) made->kind = reply::type::array;
    return made;
  }

  static void* integer(const redisReadTask* task, long long value) noexcept {
    reply* made = place(task);
    if (made == nullptr) return nullptr;
    made->kind = reply::type::integer;
    made->integer = value;
    return made;
  }

  static void* nil(const redisReadTask* task) noexcept { return place(task); }
  static void release(void*) noexcept {}  // the tree belongs to the reply_reader

  static inline redisReplyObjectFunctions functions{text, array, integer, nil, release};
};

void reply_reader::reader_deleter::operator()(redisReader* r) const noexcept {
  ::redisReaderFree(r);
}

reply_reader::reply_reader(reply_limits limits)
    : limits_(limits), reader_(::redisReaderCreateWithFunctions(&reply_builder::functions)) {
  if (!reader_) throw std::bad_alloc();
  reader_->privdata = this;
}

reply_reader::~reply_reader() = default;

reply* reply_reader::place(reply* parent) noexcept {
  if (++elements_ > limits_.elements) return nullptr;
  return parent == nullptr ? &root_ : &parent->items.emplace_back();
}

result<void> reply_reader::feed(std::string_view bytes) {
  unfinished_ += bytes.size();
  if (unfinished_ > limits_.bytes)
    return fault{fault_kind::too_large, fault_side::store, retryable::no,
                 fmt::format("a reply of more than {} bytes", limits_.bytes)};
  if (::redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK)
    return fault{fault_kind::malformed, fault_side::store, retryable::no, reader_->errstr};
  return {};
}

result<std::optional<reply>> reply_reader::next() {
  void* finished = nullptr;
  if (::redisReaderGetReply(reader_.get(), &finished) != REDIS_OK) {
    if (elements_ > limits_.elements)
      return fault{fault_kind::too_large, fault_side::store, retryable::no,
                   fmt::format("a reply of more than {} values", limits_.elements)};
    return fault{fault_kind::malformed, fault_side::store, retryable::no, reader_->errstr};
  }
  if (finished == nullptr) return std::optional<reply>();
  unfinished_ = reader_->len - reader_->pos;
  elements_ = 0;
  return std::optional<reply>(std::exchange(root_, reply{}));
}

}  // namespace stagedoor::redis
