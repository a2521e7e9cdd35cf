// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership/lease_scripts.hpp"

#include "cluster/membership/member_record.hpp"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>

namespace stagedoor::cluster {
namespace {

/// What all scripts begin with; |wall_ms| and the two figures are put in its place.
constexpr const char* prelude = R"lua(
local cluster, members, leases, evicted = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local lease, node, run = tonumber(ARGV[1]), ARGV[2], ARGV[3]
redis.call('HDEL', cluster, '')  -- a write first: see "Memory"
local wall = @wall@
local s = redis.call('HMGET', cluster, 'wall', 'clock', 'epoch', 'fence', 'version', 'paused')
local clock = tonumber(s[2] or 0)
if s[1] then clock = clock + math.max(0, math.min(wall - tonumber(s[1]), @longest_step@)) end
local fence, version, paused = tonumber(s[4] or 0), tonumber(s[5] or 0), tonumber(s[6] or 0)
local version_before = version
local epoch = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
if s[3] and s[3] ~= epoch then
  fence = fence + @failover_jump@
  paused = clock + lease
end

local function lift(floor)  -- somebody saw a higher fence: this store has lost some
  if floor > fence then
    fence = floor
    paused = clock + lease
  end
end
local function alive(who, which)
  local record = redis.call('HGET', members, who)
  if not record or string.sub(record, 1, 32) ~= which then return false end
  local ends = redis.call('ZSCORE', leases, who)
  return ends and tonumber(ends) > clock
end
local function remove(who)
  redis.call('HDEL', members, who)
  redis.call('ZREM', leases, who)
  version = version + 1
end
local function sweep()
  for _, who in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', clock)) do remove(who) end
end
local function save()
  redis.call('HSET', cluster, 'wall', wall, 'clock', clock, 'epoch', epoch, 'fence', fence,
             'version', version, 'paused', paused)
  if version ~= version_before then redis.call('PUBLISH', 'stagedoor:hints', 'members') end
end
local function standing(word, taken_for)
  save()
  return {word, version, epoch, fence, math.max(0, paused - clock), taken_for or 0}
end
)lua";

constexpr const char* join_body = R"lua(
local floor, previous, record = tonumber(ARGV[4]), ARGV[5], ARGV[6]
lift(floor)
sweep()
if redis.call('HGET', evicted, node) == run then return standing('evicted') end
local old = redis.call('HGET', members, node)
local holder = old and string.sub(old, 1, 32)
if holder and holder ~= run and holder ~= previous then
  return standing('superseded', tonumber(redis.call('ZSCORE', leases, node)) - clock)
end
redis.call('HSET', members, node, record)
redis.call('ZADD', leases, clock + lease, node)
redis.call('HDEL', evicted, node)
if old ~= record then version = version + 1 end
return standing('member')
)lua";

constexpr const char* renew_body = R"lua(
lift(tonumber(ARGV[4]))
sweep()
if alive(node, run) then
  redis.call('ZADD', leases, clock + lease, node)
  return standing('member')
end
if redis.call('HGET', evicted, node) == run then return standing('evicted') end
if redis.call('HEXISTS', members, node) == 1 then return standing('superseded') end
return standing('unknown')
)lua";

constexpr const char* leave_body = R"lua(
if alive(node, run) then remove(node) end
return standing('unknown')
)lua";

constexpr const char* evict_body = R"lua(
local victim, which = ARGV[4], ARGV[5]
local gone = alive(node, run) and alive(victim, which)
if gone then
  remove(victim)
  redis.call('HSET', evicted, victim, which)
end
save()
return gone and 1 or 0
)lua";

constexpr const char* read_body = R"lua(
sweep()
save()
if version == tonumber(ARGV[4]) then return {version} end
return {version, redis.call('HGETALL', members)}
)lua";

/// A grant asks one of: it was ours; what is recorded is older than what we hold (a failover lost
/// our record); its holder is gone and nothing is paused.
constexpr const char* acquire_body = R"lua(
lift(tonumber(ARGV[4]))
if not alive(node, run) then
  save()
  return 0
end
local out = {}
for i = 5, #KEYS do
  local at = 5 + (i - 5) * 3
  local held, insist, text = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2]
  local r = redis.call('HMGET', KEYS[i], 'node', 'run', 'fence')
  local mine = r[1] == node and r[2] == run
  local outdated = held > tonumber(r[3] or 0)
  local free = not r[1] or not alive(r[1], r[2])
  if mine or outdated or (free and clock >= paused) then
    fence = math.max(fence, held) + 1
    redis.call('HSET', KEYS[i], 'node', node, 'run', run, 'fence', fence)
    out[#out + 1] = {'granted', fence}
  elseif free then
    out[#out + 1] = {'paused', paused - clock}
  else
    out[#out + 1] = {'held', r[1]}
    if insist == '1' then redis.call('PUBLISH', 'stagedoor:hints:' .. r[1], 'wanted\n' .. text) end
  end
end
save()
return out
)lua";

constexpr const char* release_body = R"lua(
local freed = {}
for i = 5, #KEYS do
  local at = 4 + (i - 5) * 2
  local r = redis.call('HMGET', KEYS[i], 'node', 'run', 'fence')
  if r[1] == node and r[2] == run and tonumber(r[3]) <= tonumber(ARGV[at]) then
    redis.call('DEL', KEYS[i])
    freed[#freed + 1] = ARGV[at + 1]
  end
end
save()
if #freed > 0 then
  redis.call('PUBLISH', 'stagedoor:hints', 'released\n' .. table.concat(freed, '\n'))
end
return #freed
)lua";

/// ARGV from 5: the commands. Behind run_commands.
constexpr const char* write_body = R"lua(
local r = redis.call('HMGET', KEYS[5], 'node', 'run', 'fence')
local current = r[1] == node and r[2] == run and r[3] == ARGV[4] and alive(node, run)
save()
if not current then return 0 end
run_all(5)
return 1
)lua";

void replace(std::string& text, std::string_view from, std::string_view to) {
  text.replace(text.find(from), from.size(), to);
}

redis::script make(const char* name, std::string_view wall_ms, std::string_view body) {
  std::string text(prelude);
  replace(text, "@wall@", wall_ms);
  replace(text, "@longest_step@", std::to_string(longest_step.count()));
  replace(text, "@failover_jump@", std::to_string(failover_jump));
  text += body;
  return redis::script(name, std::move(text));
}

std::string owner_key(const owned_key& key) {
  return fmt::format("stagedoor:owner:{}:{}:{}", key.kind, key.id, key.slot);
}

}  // namespace

lease_scripts::lease_scripts(milliseconds lease, std::string_view wall_ms)
    : lease_(std::to_string(lease.count())),
      join_(make("lease.join", wall_ms, join_body)),
      renew_(make("lease.renew", wall_ms, renew_body)),
      leave_(make("lease.leave", wall_ms, leave_body)),
      evict_(make("lease.evict", wall_ms, evict_body)),
      read_(make("lease.read", wall_ms, read_body)),
      acquire_(make("lease.acquire", wall_ms, acquire_body)),
      release_(make("lease.release", wall_ms, release_body)),
      write_(make("lease.write", wall_ms, std::string(run_commands) + write_body)) {}

void append_commands(std::vector<std::string>& arguments,
                     const std::vector<std::vector<std::string>>& commands) {
  for (const auto& words : commands) {
    arguments.push_back(std::to_string(words.size()));
    arguments.insert(arguments.end(), words.begin(), words.end());
  }
}

// -- requests --------------------------------------------------------------------------------------

namespace {

struct builder {
  std::string lease;
  script_call call;

  void begin(const redis::script& s, const node_run& self) {
    call.script = &s;
    call.keys = {"stagedoor:cluster", "stagedoor:members", "stagedoor:leases", "stagedoor:evicted"};
    call.arguments = {lease, self.node, to_hex(self.run)};
  }
  void add(std::string argument) { call.arguments.push_back(std::move(argument)); }
};

}  // namespace

result<script_call> lease_scripts::call(const lease_request& what) const {
  builder b{lease_, {}};
  if (const auto* join = std::get_if<join_cluster>(&what)) {
    auto record = encode_member(join->self);
    if (!record) return record.error();
    b.begin(join_, join->self.who);
    b.add(std::to_string(join->floor));
    b.add(to_hex(join->previous));
    b.add(*std::move(record));
  } else if (const auto* renew = std::get_if<renew_lease>(&what)) {
    b.begin(renew_, renew->self);
    b.add(std::to_string(renew->floor));
  } else if (const auto* leave = std::get_if<leave_cluster>(&what)) {
    b.begin(leave_, leave->self);
  } else if (const auto* evict = std::get_if<evict_member>(&what)) {
    b.begin(evict_, evict->self);
    b.add(evict->victim.node);
    b.add(to_hex(evict->victim.run));
  } else if (const auto* read = std::get_if<read_members>(&what)) {
    b.begin(read_, read->self);
    b.add(std::to_string(read->known_version));
  } else if (const auto* acquire = std::get_if<acquire_owners>(&what)) {
    assert(acquire->claims.size() <= largest_batch);
    b.begin(acquire_, acquire->self);
    b.add(std::to_string(acquire->floor));
    for (const auto& c : acquire->claims) {
      b.call.keys.push_back(owner_key(c.what));
      b.add(std::to_string(c.held));
      b.add(c.insist ? "1" : "0");
      b.add(to_text(c.what));
    }
  } else if (const auto* release = std::get_if<release_owners>(&what)) {
    assert(release->items.size() <= largest_batch);
    b.begin(release_, release->self);
    for (const auto& item : release->items) {
      b.call.keys.push_back(owner_key(item.what));
      b.add(std::to_string(item.number));
      b.add(to_text(item.what));
    }
  } else if (const auto* write = std::get_if<fenced_write>(&what)) {
    b.begin(write_, write->proof.holder);
    b.call.keys.push_back(owner_key(write->proof.what));
    b.add(std::to_string(write->proof.number));
    append_commands(b.call.arguments, write->commands);
  }
  return std::move(b.call);
}

// -- answers ---------------------------------------------------------------------------------------

namespace {

fault malformed(std::string_view what) {
  return {fault_kind::malformed, fault_side::store, retryable::no,
          fmt::format("the store's answer is not {}", what)};
}

std::uint64_t number(const redis::reply& r) {
  return r.integer < 0 ? 0 : static_cast<std::uint64_t>(r.integer);
}

result<lease_answer> parse_standing(const redis::reply& r) {
  lease_standing out;
  const auto& word = r.at(0).text;
  if (word == "member") {
    out.is = standing::member;
  } else if (word == "evicted") {
    out.is = standing::evicted;
  } else if (word == "superseded") {
    out.is = standing::superseded;
  } else if (word != "unknown") {
    return malformed("a standing");
  }
  if (r.items.size() != 6) return malformed("a standing");
  out.version = number(r.at(1));
  out.epoch = r.at(2).text;
  out.highest = number(r.at(3));
  out.paused = milliseconds(number(r.at(4)));
  out.taken_for = milliseconds(number(r.at(5)));
  return lease_answer(std::move(out));
}

result<lease_answer> parse_members(const redis::reply& r) {
  if (!r.at(0).is_integer() || r.items.size() > 2) return malformed("a list of members");
  member_list out{number(r.at(0)), r.items.size() == 2, {}};
  const auto& flat = r.at(1).items;
  for (std::size_t i = 0; i + 1 < flat.size(); i += 2) {
    auto parsed = parse_member(flat[i].text, flat[i + 1].text);
    if (parsed) out.members.push_back(*std::move(parsed));  // one bad record hides one node only
  }
  std::sort(out.members.begin(), out.members.end(),
            [](const member& a, const member& b) { return a.who.node < b.who.node; });
  return lease_answer(std::move(out));
}

result<lease_answer> parse_claims(const acquire_owners& asked, const redis::reply& r) {
  if (r.is_integer()) return lease_answer(acquire_outcome{false, {}});
  if (!r.is_array() || r.items.size() != asked.claims.size())
    return malformed("one for each claim");
  acquire_outcome out;
  for (const auto& item : r.items) {
    const auto& word = item.at(0).text;
    const auto& rest = item.at(1);
    if (word == "granted") {
      out.claims.push_back({claim_result::granted, number(rest), {}, {}});
    } else if (word == "paused") {
      out.claims.push_back({claim_result::paused, 0, {}, milliseconds(number(rest))});
    } else if (word == "held") {
      out.claims.push_back({claim_result::held, 0, rest.text, {}});
    } else {
      return malformed("an outcome of a claim");
    }
  }
  return lease_answer(std::move(out));
}

}  // namespace

result<lease_answer> lease_scripts::answer(const lease_request& what, const redis::reply& reply) {
  if (reply.is_error()) return redis::to_fault(reply);
  if (std::holds_alternative<read_members>(what)) return parse_members(reply);
  if (const auto* asked = std::get_if<acquire_owners>(&what)) return parse_claims(*asked, reply);
  const bool one = reply.integer > 0;
  const bool wants_integer = std::holds_alternative<evict_member>(what) ||
                             std::holds_alternative<release_owners>(what) ||
                             std::holds_alternative<fenced_write>(what);
  if (!wants_integer) return parse_standing(reply);
  if (!reply.is_integer()) return malformed("a number");
  if (std::holds_alternative<evict_member>(what)) return lease_answer(evict_outcome{one});
  if (std::holds_alternative<release_owners>(what))
    return lease_answer(release_outcome{number(reply)});
  return lease_answer(write_outcome{one ? write_result::written : write_result::stale});
}

}  // namespace stagedoor::cluster
