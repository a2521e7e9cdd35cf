// SPDX-License-Identifier: Apache-2.0
// One task, as a producer in any language pushed it:
//
//   {"id":"<uuid>","type":"team.provision","user_id":"u1","payload":{...},"not_before":1767225600}
//
// id and type are required; payload is an object; not_before is seconds since 1970, or an RFC 3339
// time in UTC; other fields are the producer's own. Parsed only once the item is safe in a list of
// ours, and the raw bytes stay what identifies it there.
// Bounded by: task_limits. On failure: malformed, invalid, too_large; one sentence, naming the
// field.
#pragma once

#include "configs/defaults.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stagedoor::actors {

struct task_limits {
  std::size_t bytes = defaults::task_bytes;  ///< of the raw item
  std::size_t depth = defaults::task_depth;  ///< objects and arrays in each other
  std::size_t id_bytes = defaults::task_id_bytes;
  std::size_t type_bytes = defaults::task_type_bytes;
  std::size_t user_id_bytes = defaults::task_user_id_bytes;
};

struct task {
  std::string id;
  std::string type;
  std::string user_id;  ///< empty = nobody's
  std::string payload;  ///< a JSON object, as text
  std::string slug;     ///< payload.slug where it is a string: whom status events are about
  std::optional<wall_time> not_before;
  std::string raw;
  std::string queue;
  std::uint32_t delivery = 0;  ///< 1 = begun for the first time; executors refuse lower numbers
};

[[nodiscard]] result<task> parse_task(std::string_view raw, std::string_view queue,
                                      const task_limits& limits = {});

/// |text| with every byte that is not UTF-8 (RFC 3629) replaced by U+FFFD.
[[nodiscard]] std::string to_valid_utf8(std::string_view text);

/// A dead letter up to its last field, which Redis adds (`"at":"..."}`): {raw, reason, queue} and,
/// where the raw bytes are not UTF-8, raw_base64 with all of them.
[[nodiscard]] std::string dead_letter_prefix(std::string_view raw, std::string_view reason,
                                             std::string_view queue);

}  // namespace stagedoor::actors
