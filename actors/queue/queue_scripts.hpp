// SPDX-License-Identifier: Apache-2.0
// What happens to a task, as Lua: each step of a task's life is one script, so that no crash can
// leave it half done, and a node that lost a task (paused, taken for dead) is told so.
//
// Every script that settles a task begins by removing its raw bytes from the caller's processing
// list; zero removed means the task is somebody else's by now, nothing is written, and the answer
// is "lost". That is the fence. Beginning with LREM also lets it finish when Redis is out of
// memory: a script that has written may write on.
// Times are Redis' own (TIME), so that all nodes agree.
#pragma once

#include "runtime/redis/script.hpp"

namespace stagedoor::actors::queue_scripts {

/// KEYS queue, processing (once for each queue); ARGV the index of the queue that is preferred, for
/// each item wanted. Replies index, raw, index, raw...
[[nodiscard]] const redis::script& take();

/// KEYS processing, task, delivery; ARGV raw, token, max deliveries, id, type, ttl seconds,
/// user channel, status channel, slug.
/// Replies {"run", n}, {"spent", n}, {"duplicate", status} or {"lost"}. The same token counts once.
[[nodiscard]] const redis::script& begin();

/// KEYS processing, task; ARGV raw, step, total steps, message, percentage, ttl, user channel,
/// status channel, slug. Replies {"kept"} or {"lost"}.
[[nodiscard]] const redis::script& progress();

/// KEYS processing, task, delivery, statistics; ARGV raw, status, message, result, error, ttl, user
/// channel, status channel, slug, statistics field. Replies {"kept"} or {"lost"}.
[[nodiscard]] const redis::script& finish();

/// KEYS processing, retry, task; ARGV raw, due (milliseconds since 1970, or +milliseconds from
/// now), status, message, ttl, user channel, status channel, slug. Replies {"kept"} or {"lost"}.
[[nodiscard]] const redis::script& put_off();

/// KEYS processing, queue, delivery; ARGV raw, "begun" or "". The item is the next to be taken.
[[nodiscard]] const redis::script& give_back();

/// KEYS processing, dead, delivery, statistics, task (or ""); ARGV raw, letter prefix, cap, error,
/// ttl, user channel, status channel, slug, statistics field. Replies {"kept"} or {"lost"}.
[[nodiscard]] const redis::script& bury();

// -- of the janitor ---------------------------------------------------------------------------------
// All begin with KEYS owner record and ARGV node, run, fence, and reply "stale", with nothing
// written, unless the record says just that. Fence "0" is not checked.

/// KEYS then retry, queue; ARGV then how many at most. Replies moved, milliseconds until the next
/// (-1 = none).
[[nodiscard]] const redis::script& promote();

/// KEYS then liveness, processing, queue, registry; ARGV then how many at most, "forget" or "".
/// Replies the number moved back, or -1 when the holder is alive. An empty list leaves the registry
/// when it is to be forgotten.
[[nodiscard]] const redis::script& recover();

/// KEYS then liveness. Replies 1, or 0 when it was gone already. A run that lives after all says so
/// again with its next sign of life.
[[nodiscard]] const redis::script& declare_dead();

// -- of every node ----------------------------------------------------------------------------------

/// KEYS liveness, registry; ARGV ttl milliseconds, processing lists... Replies 1.
[[nodiscard]] const redis::script& stay_alive();

/// KEYS processing, queue; ARGV how many at most. Replies the number moved back. For a list whose
/// holder is dead for certain; it stays in the registry, for the janitor to forget.
[[nodiscard]] const redis::script& recover_past();

}  // namespace stagedoor::actors::queue_scripts
