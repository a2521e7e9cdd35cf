// SPDX-License-Identifier: Apache-2.0
#include "cluster/owner_scan.hpp"

#include "actors/support/actor_names.hpp"
#include "actors/support/calls.hpp"
#include "configs/defaults.hpp"
#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>

namespace stagedoor::cluster {
namespace {

constexpr std::string_view prefix = "stagedoor:owner:";

/// ARGV cursor, pattern. Replies the next cursor, then key, node, run, fence of each record.
const std::string page_text = R"lua(
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500)
local out = {page[1]}
for _, key in ipairs(page[2]) do
  local r = redis.call('HMGET', key, 'node', 'run', 'fence')
  if r[1] then
    out[#out + 1] = key
    out[#out + 1] = r[1]
    out[#out + 1] = r[2]
    out[#out + 1] = r[3]
  end
end
return out
)lua";

/// A glob that matches the text itself.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

/// "kind:id:slot"; an id may have colons in it.
std::optional<messages::work_key> parse_key(std::string_view text) {
  const auto first = text.find(':');
  const auto last = text.rfind(':');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  const auto slot = ascii::parse_number<std::uint32_t>(text.substr(last + 1));
  if (!slot) return std::nullopt;
  return messages::work_key{std::string(text.substr(0, first)),
                            std::string(text.substr(first + 1, last - first - 1)), *slot};
}

struct scan {
  std::string pattern;
  std::size_t limit = 0;
  std::map<messages::work_key, messages::owner_proof> found;
  std::function<void(messages::owner_listing)> done;
  std::function<void(const fault&)> failed;
};

void finish(scan& s, bool complete) {
  messages::owner_listing out;
  out.complete = complete;
  for (auto& [key, proof] : s.found) out.owners.push_back(std::move(proof));
  if (out.owners.size() > s.limit) {
    out.owners.resize(s.limit);
    out.complete = false;
  }
  s.done(std::move(out));
}

void read(actors::shell* self, const std::shared_ptr<scan>& s, std::string cursor) {
  constexpr milliseconds deadline = seconds(5);
  actors::ask<messages::redis_value>(
      self, actors::find_name(self->system(), "redis"),
      messages::redis_script{page_text, {}, {std::move(cursor), s->pattern}, deadline}, deadline,
      [self, s](messages::redis_value& reply) {
        auto page = parse_owner_page(reply);
        if (!page) return s->failed(page.error());
        for (auto& proof : page->owners) {
          auto key = proof.work;
          s->found.insert_or_assign(std::move(key), std::move(proof));
        }
        if (page->next == "0") return finish(*s, true);
        if (s->found.size() > s->limit) return finish(*s, false);
        read(self, s, page->next);
      },
      [s](fault f) {
        f.detail = "the owners are not read from Redis: " + f.detail;
        s->failed(f);
      });
}

}  // namespace

result<owner_page> parse_owner_page(const messages::redis_value& reply) {
  if (reply.items.empty() || reply.items.size() % 4 != 1)
    return fault{fault_kind::malformed, fault_side::store, retryable::no,
                 "the list of owners is in an unknown form"};
  owner_page out{reply.items.front().text, {}};
  for (std::size_t i = 1; i < reply.items.size(); i += 4) {
    const std::string_view key = reply.items[i].text;
    if (key.rfind(prefix, 0) != 0) continue;
    auto work = parse_key(key.substr(prefix.size()));
    const auto fence = ascii::parse_number<std::uint64_t>(reply.items[i + 3].text);
    if (!work || !fence) continue;  // not one of ours
    out.owners.push_back(
        {*std::move(work), reply.items[i + 1].text, reply.items[i + 2].text, *fence});
  }
  return out;
}

void scan_owners(actors::shell* self, const messages::list_owners& what,
                 std::function<void(messages::owner_listing)> found,
                 std::function<void(const fault&)> failed) {
  const auto s = std::make_shared<scan>();
  s->pattern = std::string(prefix) + (what.kind.empty() ? "*" : escaped(what.kind) + ":*");
  s->limit = std::min<std::size_t>(what.limit, defaults::owners_listed);
  s->done = std::move(found);
  s->failed = std::move(failed);
  read(self, s, "0");
}

}  // namespace stagedoor::cluster
