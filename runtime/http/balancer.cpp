// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/balancer.hpp"

#include <unordered_map>

namespace stagedoor::http {
namespace {

bool is_down(const down_servers* down, const service& of, const server& s) {
  if (down == nullptr || down->empty()) return false;
  return down->contains(down_server_order::key(of.name, s.url));
}

bool usable(const service& of, std::size_t i, const down_servers* down, std::uint64_t tried) {
  if (of.servers[i].weight == 0) return false;
  if (i < 64 && ((tried >> i) & 1U) != 0) return false;
  return !is_down(down, of, of.servers[i]);
}

}  // namespace

void balancer::carry_over(turn& t, const std::shared_ptr<const service>& to) {
  std::vector<std::int64_t> balances(to->servers.size(), 0);
  if (t.version != nullptr) {
    std::unordered_map<std::string_view, std::int64_t> kept;
    for (std::size_t i = 0; i < t.balances.size(); ++i)
      kept.emplace(t.version->servers[i].url, t.balances[i]);
    for (std::size_t i = 0; i < balances.size(); ++i)
      if (const auto found = kept.find(to->servers[i].url); found != kept.end())
        balances[i] = found->second;
  }
  t.version = to;
  t.balances = std::move(balances);
}

std::optional<std::size_t> balancer::choose(const std::shared_ptr<const service>& of,
                                            const down_servers* down, std::uint64_t tried) {
  if (of->servers.size() == 1)
    return usable(*of, 0, down, tried) ? std::optional<std::size_t>(0) : std::nullopt;
  if (of->servers.empty()) return std::nullopt;
  turn& t = turns_.use(of->name);
  if (t.version != of) carry_over(t, of);
  std::optional<std::size_t> best;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < of->servers.size(); ++i) {
    if (!usable(*of, i, down, tried)) continue;
    t.balances[i] += of->servers[i].weight;
    total += of->servers[i].weight;
    if (!best || t.balances[i] > t.balances[*best]) best = i;
  }
  if (best) t.balances[*best] -= total;
  return best;
}

}  // namespace stagedoor::http
