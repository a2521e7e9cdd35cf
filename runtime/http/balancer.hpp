// SPDX-License-Identifier: Apache-2.0
// Whose turn it is: smooth weighted round robin.
//
// Each choice adds every server's weight to its balance and takes the total from the one chosen, so
// weights 5, 1, 1 give a a b a c a a, not five in a row. A new version of a service keeps the
// balances of the servers it keeps.
// Owner: an edge. Runs on: its loop. Bounded by: max_balanced_services; the least recently used one
// starts its round afresh.
#pragma once

#include "runtime/http/recent_map.hpp"
#include "runtime/http/site.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stagedoor::http {

inline constexpr std::size_t max_balanced_services = 65'536;

/// Servers that failed their health check, by service and url. Immutable; the loop swaps it.
struct down_server {
  std::string service;  ///< qualified name
  std::string url;
};
struct down_server_order {
  using is_transparent = void;
  using key = std::pair<std::string_view, std::string_view>;
  [[nodiscard]] static key key_of(const down_server& d) noexcept { return {d.service, d.url}; }
  [[nodiscard]] static key key_of(const key& k) noexcept { return k; }
  template <class A, class B>
  [[nodiscard]] bool operator()(const A& a, const B& b) const noexcept {
    return key_of(a) < key_of(b);
  }
};
using down_servers = std::set<down_server, down_server_order>;

class balancer {
 public:
  balancer() : turns_(max_balanced_services) {}
  balancer(const balancer&) = delete;
  balancer& operator=(const balancer&) = delete;

  /// The index of the server to use. |down| may be null. |tried| has bit i set for a server that
  /// this request failed on already (the first 64 can be told apart). Nothing when none is left.
  [[nodiscard]] std::optional<std::size_t> choose(const std::shared_ptr<const service>& of,
                                                  const down_servers* down = nullptr,
                                                  std::uint64_t tried = 0);

 private:
  struct turn {
    std::shared_ptr<const service> version;  ///< which the balances are parallel to
    std::vector<std::int64_t> balances;
  };
  static void carry_over(turn& t, const std::shared_ptr<const service>& to);

  recent_map<turn> turns_;
};

}  // namespace stagedoor::http
