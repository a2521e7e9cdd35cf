// SPDX-License-Identifier: Apache-2.0
// Which nodes should try to own a key: weighted rendezvous hashing.
//
// Every node draws a lot for every key and the lowest cost wins, so all nodes that see the same
// members come to the same answer without asking, and a node that comes or goes moves only the keys
// it wins or had won. A lot is exponential, -log2(u) / weight, so each node wins in proportion to
// its weight. All of it is integer arithmetic: a logarithm that rounded differently on two machines
// could make each believe that the other is the owner. Placement says who tries; the lease says who
// owns.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace stagedoor::cluster {

inline constexpr std::size_t most_replicas = 3;  ///< owners that one id may have

/// The same in every build and on every machine.
[[nodiscard]] std::uint64_t stable_hash(std::string_view text) noexcept;
[[nodiscard]] std::uint64_t key_hash(std::string_view kind, std::string_view id) noexcept;

struct candidate {
  std::uint64_t hash = 0;    ///< stable_hash of the node's name
  std::uint32_t weight = 0;  ///< 0 = is never chosen
  friend bool operator==(const candidate&, const candidate&) = default;
};

/// -log2(u) in 2^-56, where u = (|lot| + 1) / 2^64. Never rises with |lot|.
[[nodiscard]] std::uint64_t negative_log2(std::uint64_t lot) noexcept;

/// What |c| pays for the key; the lowest wins. |c|.weight must not be 0.
[[nodiscard]] std::uint64_t cost(std::uint64_t key, const candidate& c) noexcept;

/// The best few of the candidates for one key, best first, kept up to date one candidate at a time:
/// with 100,000 keys a node's coming costs one draw a key instead of one for each node.
class ranking {
 public:
  /// |candidates| are named by their index. |replicas| is 1 to most_replicas.
  void choose(std::uint64_t key, std::span<const candidate> candidates, std::size_t replicas);
  /// A candidate that is new, and among none of the chosen.
  void consider(std::uint64_t key, std::uint32_t index, const candidate& c, std::size_t replicas);
  [[nodiscard]] bool contains(std::uint32_t index) const noexcept;
  /// 0 = the first choice; |count()| when it is not among them.
  [[nodiscard]] std::size_t rank_of(std::uint32_t index) const noexcept;
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint32_t at(std::size_t rank) const noexcept { return best_[rank].index; }

 private:
  struct entry {
    std::uint64_t cost;
    std::uint64_t hash;  ///< decides between equal costs
    std::uint32_t index;
  };
  std::array<entry, most_replicas> best_{};
  std::uint8_t count_ = 0;
};

}  // namespace stagedoor::cluster
