// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/team_log.hpp"

#include "runtime/base/ascii.hpp"

#include <fmt/format.h>
#include <utility>

namespace stagedoor::actors::team_log {
namespace {

constexpr const char* changes_key = "stagedoor:teams:changes";
constexpr const char* index_key = "stagedoor:teams:index";

// KEYS teams, changes, state, index, tended in all of them.
// epoch(): made with the data, from the server's clock and its run, which no other data has.
const std::string common = R"lua(
local teams, changes, state, index, tended = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local function epoch()
  local known = redis.call('HGET', state, 'epoch')
  if known then return known end
  local t = redis.call('TIME')
  local made = redis.sha1hex(t[1] .. '.' .. t[2] .. redis.call('INFO', 'server'))
  redis.call('HSET', state, 'epoch', made)
  if redis.call('EXISTS', teams) == 0 then redis.call('HSET', state, 'indexed', 'some') end
  return made
end
)lua";

// KEYS[6] the owner record. ARGV node, run, fence, kept.
const std::string writing = common + R"lua(
if ARGV[3] ~= '0' then
  local r = redis.call('HMGET', KEYS[6], 'node', 'run', 'fence')
  if r[1] ~= ARGV[1] or r[2] ~= ARGV[2] or r[3] ~= ARGV[3] then return -1 end
end
local function note(slug)
  local version = redis.call('HINCRBY', state, 'version', 1)
  redis.call('ZADD', changes, version, slug)
  local over = redis.call('ZCARD', changes) - tonumber(ARGV[4])
  if over > 0 then
    local last = redis.call('ZRANGE', changes, over - 1, over - 1, 'WITHSCORES')
    redis.call('HSET', state, 'floor', last[2])
    redis.call('ZREMRANGEBYRANK', changes, 0, over - 1)
  end
  return version
end
)lua";

// ARGV from 5: slug, JSON, '1' = tended. The epoch first: an empty store counts as indexed.
const std::string put_text = writing + R"lua(
epoch()
redis.call('HSET', teams, ARGV[5], ARGV[6])
redis.call('ZADD', index, 0, ARGV[5])
redis.call(ARGV[7] == '1' and 'SADD' or 'SREM', tended, ARGV[5])
return note(ARGV[5])
)lua";

// ARGV from 5: slug.
const std::string remove_text = writing + R"lua(
if redis.call('HDEL', teams, ARGV[5]) == 0 then
  return tonumber(redis.call('HGET', state, 'version') or 0)
end
epoch()
redis.call('ZREM', index, ARGV[5])
redis.call('SREM', tended, ARGV[5])
return note(ARGV[5])
)lua";

// ARGV after, limit.
const std::string since_text = common + R"lua(
local made = epoch()
local s = redis.call('HMGET', state, 'version', 'floor', 'indexed')
local out = {made, s[1] or '0', s[2] or '0', redis.call('HLEN', teams),
             redis.call('SCARD', tended), s[3] or ''}
if tonumber(ARGV[1]) < tonumber(out[3]) then return out end
local found = redis.call('ZRANGEBYSCORE', changes, '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0,
                         ARGV[2])
for i = 1, #found, 2 do
  out[#out + 1] = found[i + 1]
  out[#out + 1] = found[i]
  out[#out + 1] = redis.call('HGET', teams, found[i]) or ''
  out[#out + 1] = redis.call('SISMEMBER', tended, found[i])
end
return out
)lua";

// ARGV cursor, count, 'some' or 'all'.
const std::string index_text = common + R"lua(
local function is_tended(json)
  if ARGV[3] == 'all' then return true end
  local ok, team = pcall(cjson.decode, json)
  local health = ok and type(team) == 'table' and team.health
  return type(health) == 'table' and (tonumber(health.interval_ms) or 0) > 0
end
local page = redis.call('HSCAN', teams, ARGV[1], 'COUNT', ARGV[2])
for i = 1, #page[2], 2 do
  redis.call('ZADD', index, 0, page[2][i])
  if is_tended(page[2][i + 1]) then redis.call('SADD', tended, page[2][i]) end
end
if page[1] == '0' then redis.call('HSET', state, 'indexed', ARGV[3]) end
return page[1]
)lua";

// ARGV after, limit.
const std::string names_text = common + R"lua(
if not redis.call('HGET', state, 'indexed') then return {-1} end
local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
return {redis.call('HLEN', teams), unpack(redis.call('ZRANGEBYLEX', index, from, '+', 'LIMIT', 0,
                                                     ARGV[2]))}
)lua";

constexpr std::size_t page_words = 6;    ///< of since(), before its changes
constexpr std::size_t change_words = 4;  ///< of each change

messages::redis_script call(const std::string& text, std::vector<std::string> arguments,
                            milliseconds deadline) {
  return {text,
          {teams_key, changes_key, state_key, index_key, tended_key},
          std::move(arguments),
          deadline};
}

messages::redis_script write(const std::string& text, const messages::owner_proof& proof,
                             std::vector<std::string> what, milliseconds deadline,
                             std::size_t kept) {
  std::vector<std::string> arguments{proof.node, proof.run, std::to_string(proof.fence),
                                     std::to_string(kept)};
  arguments.insert(arguments.end(), std::make_move_iterator(what.begin()),
                   std::make_move_iterator(what.end()));
  auto out = call(text, std::move(arguments), deadline);
  out.keys.push_back(
      fmt::format("stagedoor:owner:{}:{}:{}", proof.work.kind, proof.work.id, proof.work.slot));
  return out;
}

fault unknown_form(std::string_view what) {
  return {fault_kind::invalid, fault_side::store, retryable::no,
          fmt::format("{} is in an unknown form", what)};
}

std::optional<std::uint64_t> number(const messages::redis_value& v) {
  if (v.type == messages::redis_type::integer && v.number >= 0)
    return static_cast<std::uint64_t>(v.number);
  return ascii::parse_number<std::uint64_t>(v.text);
}

}  // namespace

// -- scripts --------------------------------------------------------------------------------------

messages::redis_script put(const messages::owner_proof& proof, std::string slug, std::string spec,
                           tending tended, milliseconds deadline, std::size_t kept) {
  const char* flag = tended == tending::wanted ? "1" : "0";
  return write(put_text, proof, {std::move(slug), std::move(spec), flag}, deadline, kept);
}

messages::redis_script remove(const messages::owner_proof& proof, std::string slug,
                              milliseconds deadline, std::size_t kept) {
  return write(remove_text, proof, {std::move(slug)}, deadline, kept);
}

messages::redis_script since(std::uint64_t after, std::size_t limit, milliseconds deadline) {
  return call(since_text, {std::to_string(after), std::to_string(limit)}, deadline);
}

messages::redis_script build_index(std::string cursor, std::size_t count, indexing what,
                                   milliseconds deadline) {
  return call(index_text,
              {std::move(cursor), std::to_string(count), what == indexing::all ? "all" : "some"},
              deadline);
}

messages::redis_script names(std::string after, std::size_t limit, milliseconds deadline) {
  return call(names_text, {std::move(after), std::to_string(limit)}, deadline);
}

// -- replies --------------------------------------------------------------------------------------

result<std::uint64_t> read_version(const messages::redis_value& reply) {
  if (reply.type != messages::redis_type::integer) return unknown_form("the version of the teams");
  if (reply.number < 0)
    return fault{fault_kind::stale, fault_side::store, retryable::yes,
                 "another node has taken this team's flow over"};
  return static_cast<std::uint64_t>(reply.number);
}

result<page> read_page(const messages::redis_value& reply) {
  const fault unknown = unknown_form("the list of changed teams");
  const auto& words = reply.items;
  if (words.size() < page_words || (words.size() - page_words) % change_words != 0) return unknown;
  const auto version = number(words[1]);
  const auto floor = number(words[2]);
  const auto teams = number(words[3]);
  const auto tended = number(words[4]);
  if (words[0].text.empty() || !version || !floor || !teams || !tended) return unknown;
  page out{words[0].text, *version, *floor, *teams, *tended, indexing::none, {}};
  if (words[5].text == "some") out.index = indexing::some;
  if (words[5].text == "all") out.index = indexing::all;
  for (std::size_t i = page_words; i < words.size(); i += change_words) {
    const auto at = number(words[i]);
    const auto flag = number(words[i + 3]);
    if (!at || !flag || words[i + 1].text.empty()) return unknown;
    out.changes.push_back(
        {*at, words[i + 1].text, words[i + 2].text, *flag == 1 ? tending::wanted : tending::none});
  }
  return out;
}

result<name_page> read_names(const messages::redis_value& reply) {
  if (reply.items.empty() || reply.items[0].type != messages::redis_type::integer)
    return unknown_form("the list of teams");
  if (reply.items[0].number < 0)
    return fault{fault_kind::overloaded, fault_side::self, retryable::yes,
                 "the list of teams is being built"};
  name_page out{static_cast<std::uint64_t>(reply.items[0].number), {}};
  for (std::size_t i = 1; i < reply.items.size(); ++i) out.slugs.push_back(reply.items[i].text);
  return out;
}

}  // namespace stagedoor::actors::team_log
