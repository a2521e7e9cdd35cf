// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership/placement.hpp"

#include <bit>
#include <cassert>
#include <tuple>

namespace stagedoor::cluster {
namespace {

constexpr unsigned table_bits = 10;
constexpr std::size_t table_size = std::size_t{1} << table_bits;

/// log2(1 + |x| / 2^table_bits) in 2^-56, bit by bit: squaring doubles the logarithm.
constexpr std::uint64_t log2_of_one_plus(std::uint64_t x) {
  std::uint64_t mantissa = (std::uint64_t{1} << 31U) + (x << (31U - table_bits));  // 2^-31
  std::uint64_t out = 0;
  for (int bit = 55; bit >= 24; --bit) {
    mantissa = (mantissa * mantissa) >> 31U;
    if (mantissa >= std::uint64_t{1} << 32U) {
      mantissa >>= 1U;
      out |= std::uint64_t{1} << static_cast<unsigned>(bit);
    }
  }
  return out;
}

constexpr auto make_table() {
  std::array<std::uint64_t, table_size + 1> table{};
  for (std::size_t i = 0; i < table_size; ++i) table[i] = log2_of_one_plus(i);
  table[table_size] = std::uint64_t{1} << 56U;
  return table;
}

constexpr auto log_table = make_table();

/// The finaliser of splitmix64: every bit of the input reaches every bit of the output.
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x ^= x >> 30U;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27U;
  x *= 0x94d049bb133111ebULL;
  x ^= x >> 31U;
  return x;
}

}  // namespace

std::uint64_t stable_hash(std::string_view text) noexcept {
  std::uint64_t h = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : text) {
    h ^= static_cast<unsigned char>(c);
    h *= 0x100000001b3ULL;
  }
  return mix(h);
}

std::uint64_t key_hash(std::string_view kind, std::string_view id) noexcept {
  return mix(stable_hash(kind) * 3 + stable_hash(id));
}

std::uint64_t negative_log2(std::uint64_t lot) noexcept {
  if (lot == ~std::uint64_t{0}) return 0;
  const std::uint64_t u = lot + 1;
  const auto zeros = static_cast<unsigned>(std::countl_zero(u));
  // u = 2^(63 - zeros) * (1 + f), and f is in the bits below the leading one.
  const std::uint64_t f = (u << zeros) << 1U;
  const auto slot = static_cast<std::size_t>(f >> (64U - table_bits));
  const std::uint64_t between = (f << table_bits) >> 48U;  // 2^-16 of a table step
  const std::uint64_t low = log_table[slot];
  const std::uint64_t log_of_mantissa = low + (((log_table[slot + 1] - low) * between) >> 16U);
  return ((std::uint64_t{zeros} + 1) << 56U) - log_of_mantissa;
}

std::uint64_t cost(std::uint64_t key, const candidate& c) noexcept {
  assert(c.weight != 0);
  return negative_log2(mix(key + 0x9e3779b97f4a7c15ULL * (c.hash | 1U))) / c.weight;
}

void ranking::choose(std::uint64_t key, std::span<const candidate> candidates,
                     std::size_t replicas) {
  count_ = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    consider(key, static_cast<std::uint32_t>(i), candidates[i], replicas);
}

void ranking::consider(std::uint64_t key, std::uint32_t index, const candidate& c,
                       std::size_t replicas) {
  assert(replicas >= 1 && replicas <= most_replicas);
  if (c.weight == 0) return;
  const entry e{cost(key, c), c.hash, index};
  const auto before = [](const entry& a, const entry& b) {
    return std::tie(a.cost, a.hash) < std::tie(b.cost, b.hash);
  };
  if (count_ < replicas) {
    best_[count_++] = e;
  } else if (before(e, best_[count_ - 1U])) {
    best_[count_ - 1U] = e;
  } else {
    return;
  }
  for (std::size_t i = count_ - 1U; i > 0 && before(best_[i], best_[i - 1]); --i)
    std::swap(best_[i], best_[i - 1]);
}

bool ranking::contains(std::uint32_t index) const noexcept { return rank_of(index) < count_; }

std::size_t ranking::rank_of(std::uint32_t index) const noexcept {
  for (std::size_t i = 0; i < count_; ++i)
    if (best_[i].index == index) return i;
  return count_;
}

}  // namespace stagedoor::cluster
