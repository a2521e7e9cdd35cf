// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/queue_scripts.hpp"

namespace stagedoor::actors::queue_scripts {
namespace {

/// now(): "2026-01-31T12:00:00.123Z". Days to a date by Howard Hinnant's civil_from_days, since
/// Redis' Lua has no os.date.
constexpr const char* clock_functions = R"lua(
local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local function iso(ms)
  local s = math.floor(ms / 1000)
  local z = math.floor(s / 86400) + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524)
                          - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local d = doy - math.floor((153 * mp + 2) / 5) + 1
  local m = mp < 10 and mp + 3 or mp - 9
  local y = yoe + era * 400 + (m <= 2 and 1 or 0)
  local r = s % 86400
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', y, m, d, math.floor(r / 3600),
                       math.floor(r % 3600 / 60), r % 60, ms % 1000)
end
)lua";

/// announce(task key, user channel, status channel, slug): publishes the task's hash as it is now,
/// so that hash and channel never disagree. `result` is JSON already and goes in as it is.
constexpr const char* announce_function = R"lua(
local function announce(key, user, status, slug)
  if user == '' and status == '' then return end
  local flat = redis.call('HGETALL', key)
  local event = {}
  local result = nil
  for i = 1, #flat, 2 do
    local name, value = flat[i], flat[i + 1]
    if name == 'result' then
      result = value
    elseif name == 'step' or name == 'total_steps' or name == 'percentage' then
      event[name] = tonumber(value) or value
    else
      event[name] = value
    end
  end
  if slug ~= '' then event['slug'] = slug end
  local text = cjson.encode(event)
  if result and result ~= '' then
    text = string.sub(text, 1, -2) .. ',"result":' .. result .. '}'
  end
  if user ~= '' then redis.call('PUBLISH', user, text) end
  if status ~= '' then redis.call('PUBLISH', status, text) end
end
)lua";

redis::script with_helpers(const char* name, const char* body) {
  return redis::script(name, std::string(clock_functions) + announce_function + body);
}

/// What the janitor's scripts begin with. A proof without a fence is that of a node without a
/// cluster, where nobody else could own the work.
constexpr const char* owner_check = R"lua(
if ARGV[3] ~= '0' then
  local owner = redis.call('HMGET', KEYS[1], 'node', 'run', 'fence')
  if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] or owner[3] ~= ARGV[3] then return 'stale' end
end
)lua";

redis::script owned(const char* name, const char* body) {
  return redis::script(name, std::string(owner_check) + body);
}

}  // namespace

const redis::script& take() {
  static const redis::script s("queue.take", R"lua(
local queues = #KEYS / 2
local out = {}
for _, wanted in ipairs(ARGV) do
  local preferred = tonumber(wanted)
  local got = nil
  for turn = -1, queues - 1 do
    local i = turn < 0 and preferred or turn
    if turn < 0 or i ~= preferred then
      got = redis.pcall('LMOVE', KEYS[2 * i + 1], KEYS[2 * i + 2], 'RIGHT', 'LEFT')
      if type(got) ~= 'string' then got = nil end  -- a key of another type stops no other queue
      if got then
        out[#out + 1] = i
        out[#out + 1] = got
        break
      end
    end
  end
  if not got then break end
end
return out
)lua");
  return s;
}

const redis::script& begin() {
  static const redis::script s = with_helpers("queue.begin", R"lua(
if not redis.call('LPOS', KEYS[1], ARGV[1]) then return {'lost'} end
local status = redis.call('HGET', KEYS[2], 'status')
if status == 'completed' or status == 'failed' then
  redis.call('LREM', KEYS[1], 1, ARGV[1])
  announce(KEYS[2], ARGV[7], ARGV[8], ARGV[9])
  return {'duplicate', status}
end
local count = tonumber(redis.call('HGET', KEYS[3], 'count') or '0')
if redis.call('HGET', KEYS[3], 'token') ~= ARGV[2] then
  count = count + 1
  redis.call('HSET', KEYS[3], 'count', count, 'token', ARGV[2])
end
redis.call('EXPIRE', KEYS[3], ARGV[6])
if count > tonumber(ARGV[3]) then return {'spent', count - 1} end
local now = iso(now_ms())
redis.call('HSETNX', KEYS[2], 'created_at', now)
redis.call('HSETNX', KEYS[2], 'step', 0)
redis.call('HSETNX', KEYS[2], 'total_steps', 0)
redis.call('HSETNX', KEYS[2], 'percentage', 0)
redis.call('HSET', KEYS[2], 'id', ARGV[4], 'type', ARGV[5], 'status', 'processing',
           'message', 'Started', 'updated_at', now)
redis.call('EXPIRE', KEYS[2], ARGV[6])
announce(KEYS[2], ARGV[7], ARGV[8], ARGV[9])
return {'run', count}
)lua");
  return s;
}

const redis::script& progress() {
  static const redis::script s = with_helpers("queue.progress", R"lua(
if not redis.call('LPOS', KEYS[1], ARGV[1]) then return {'lost'} end
redis.call('HSET', KEYS[2], 'status', 'processing', 'step', ARGV[2], 'total_steps', ARGV[3],
           'message', ARGV[4], 'percentage', ARGV[5], 'updated_at', iso(now_ms()))
redis.call('EXPIRE', KEYS[2], ARGV[6])
announce(KEYS[2], ARGV[7], ARGV[8], ARGV[9])
return {'kept'}
)lua");
  return s;
}

const redis::script& finish() {
  static const redis::script s = with_helpers("queue.finish", R"lua(
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return {'lost'} end
redis.call('HSET', KEYS[2], 'status', ARGV[2], 'message', ARGV[3], 'updated_at', iso(now_ms()))
if ARGV[2] == 'completed' then
  redis.call('HSET', KEYS[2], 'percentage', 100, 'step',
             redis.call('HGET', KEYS[2], 'total_steps') or 0)
end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], 'result', ARGV[4]) end
if ARGV[5] ~= '' then redis.call('HSET', KEYS[2], 'error', ARGV[5])
else redis.call('HDEL', KEYS[2], 'error') end
redis.call('EXPIRE', KEYS[2], ARGV[6])
redis.call('DEL', KEYS[3])
redis.call('HINCRBY', KEYS[4], ARGV[10], 1)
announce(KEYS[2], ARGV[7], ARGV[8], ARGV[9])
return {'kept'}
)lua");
  return s;
}

const redis::script& put_off() {
  static const redis::script s = with_helpers("queue.put_off", R"lua(
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return {'lost'} end
local now = now_ms()
local due = string.sub(ARGV[2], 1, 1) == '+' and now + tonumber(string.sub(ARGV[2], 2))
            or tonumber(ARGV[2])
redis.call('ZADD', KEYS[2], due, ARGV[1])
redis.call('HSETNX', KEYS[3], 'created_at', iso(now))
redis.call('HSET', KEYS[3], 'status', ARGV[3], 'message', ARGV[4], 'updated_at', iso(now))
redis.call('EXPIRE', KEYS[3], math.max(tonumber(ARGV[5]), math.ceil((due - now) / 1000) +
                                       tonumber(ARGV[5])))
announce(KEYS[3], ARGV[6], ARGV[7], ARGV[8])
return {'kept'}
)lua");
  return s;
}

const redis::script& give_back() {
  static const redis::script s("queue.give_back", R"lua(
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return {'lost'} end
redis.call('RPUSH', KEYS[2], ARGV[1])
if ARGV[2] == 'begun' and tonumber(redis.call('HGET', KEYS[3], 'count') or '0') > 0 then
  redis.call('HINCRBY', KEYS[3], 'count', -1)
end
return {'kept'}
)lua");
  return s;
}

const redis::script& bury() {
  static const redis::script s = with_helpers("queue.bury", R"lua(
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return {'lost'} end
local now = iso(now_ms())
redis.call('LPUSH', KEYS[2], ARGV[2] .. '"at":"' .. now .. '"}')
redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[3]) - 1)
redis.call('DEL', KEYS[3])
redis.call('HINCRBY', KEYS[4], ARGV[9], 1)
if KEYS[5] ~= '' then
  redis.call('HSETNX', KEYS[5], 'created_at', now)
  redis.call('HSET', KEYS[5], 'status', 'failed', 'message', 'Failed', 'error', ARGV[4],
             'updated_at', now)
  redis.call('EXPIRE', KEYS[5], ARGV[5])
  announce(KEYS[5], ARGV[6], ARGV[7], ARGV[8])
end
return {'kept'}
)lua");
  return s;
}

const redis::script& promote() {
  static const redis::script s = owned("queue.promote", R"lua(
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[4])
for _, raw in ipairs(due) do
  redis.call('ZREM', KEYS[2], raw)
  redis.call('RPUSH', KEYS[3], raw)
end
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #first == 0 then return {#due, -1} end
return {#due, math.max(0, math.ceil(tonumber(first[2]) - now))}
)lua");
  return s;
}

const redis::script& recover() {
  static const redis::script s = owned("queue.recover", R"lua(
if redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
local moved = 0
while moved < tonumber(ARGV[4]) do
  if not redis.call('LMOVE', KEYS[3], KEYS[4], 'LEFT', 'RIGHT') then break end
  moved = moved + 1
end
if ARGV[5] == 'forget' and moved == 0 then redis.call('SREM', KEYS[5], KEYS[3]) end
return moved
)lua");
  return s;
}

const redis::script& declare_dead() {
  static const redis::script s = owned("queue.declare_dead", R"lua(
return redis.call('DEL', KEYS[2])
)lua");
  return s;
}

// -- of every node ---------------------------------------------------------------------------------

const redis::script& stay_alive() {
  static const redis::script s("queue.stay_alive", R"lua(
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
for i = 2, #ARGV do redis.call('SADD', KEYS[2], ARGV[i]) end
return 1
)lua");
  return s;
}

const redis::script& recover_past() {
  static const redis::script s("queue.recover_past", R"lua(
local moved = 0
while moved < tonumber(ARGV[1]) do
  if not redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT') then break end
  moved = moved + 1
end
return moved
)lua");
  return s;
}

}  // namespace stagedoor::actors::queue_scripts
