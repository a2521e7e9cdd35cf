// SPDX-License-Identifier: Apache-2.0
// Domain names in wire form (RFC 1035 section 3.1), never compressed: what is compared, hashed and
// stored is always these bytes; text is for people and files only.
//
// Cold code holds a name as std::string of its wire bytes, the final zero included. The answer
// path uses query_name: lower-cased bytes with the position of each label, on the stack.
#pragma once

#include "runtime/base/result.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stagedoor::dns {

inline constexpr std::size_t max_name_bytes = 255;  ///< RFC 1035 section 2.3.4
inline constexpr std::size_t max_label_bytes = 63;
inline constexpr std::size_t max_labels = 127;

/// Wire bytes of an uncompressed name.
using wire_name = std::string;

[[nodiscard]] inline wire_name root_name() { return wire_name(1, '\0'); }

/// Bytes of the uncompressed name at the start of |bytes|, or 0 when there is none.
[[nodiscard]] std::size_t name_length(std::span<const std::uint8_t> bytes) noexcept;

/// |text| in presentation form (RFC 1035 section 5.1: \DDD, \X, @), made absolute with |origin|;
/// an empty origin makes relative names an error. On failure: malformed, too_large.
[[nodiscard]] result<wire_name> parse_name(std::string_view text, std::string_view origin);

/// With escapes and the final dot: "team-a.localhost.".
[[nodiscard]] std::string name_text(std::string_view wire);

void lower_case(std::span<char> wire) noexcept;
[[nodiscard]] wire_name lower_cased(std::string_view wire);

/// Labels without the root.
[[nodiscard]] std::size_t label_count(std::string_view wire) noexcept;
/// The name without its first label; the root has none and must not be asked.
[[nodiscard]] std::string_view parent_of(std::string_view wire) noexcept;
/// |name| is |ancestor| or below it. Both lower-cased.
[[nodiscard]] bool is_at_or_below(std::string_view name, std::string_view ancestor) noexcept;
[[nodiscard]] inline bool is_wildcard(std::string_view wire) noexcept {
  return wire.size() >= 3 && wire[0] == 1 && wire[1] == '*';
}
/// Equal but for the case of letters.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b) noexcept;

/// A lower-cased name whose ancestors are views into it. Room for an id behind the name lets a
/// table be asked for "ancestor + id" without copying.
class query_name {
 public:
  static constexpr std::size_t id_bytes = 4;

  /// False when |wire| is not one whole name.
  bool assign(std::span<const std::uint8_t> wire) noexcept;
  bool assign(std::string_view wire) noexcept {
    return assign({reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()});
  }

  [[nodiscard]] std::size_t labels() const noexcept { return labels_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Where the ancestor with |n| labels starts; n == labels() is the name itself.
  [[nodiscard]] std::size_t offset(std::size_t n) const noexcept { return offsets_[labels_ - n]; }
  [[nodiscard]] std::string_view suffix(std::size_t n) const noexcept {
    return {bytes_.data() + offset(n), size_ - offset(n)};
  }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

  /// The table key of suffix(n) under |id|. Valid until the next call that names an id.
  [[nodiscard]] std::string_view key(std::size_t n, std::uint32_t id) noexcept;
  /// The table key of the wildcard below suffix(n), n < labels(). Valid like key().
  [[nodiscard]] std::string_view wildcard_key(std::size_t n, std::uint32_t id,
                                              std::array<char, 264>& scratch) const noexcept;

 private:
  std::array<char, max_name_bytes + id_bytes + 1> bytes_;
  std::array<std::uint8_t, max_labels + 1> offsets_;
  std::uint8_t size_ = 0;
  std::uint8_t labels_ = 0;
};

/// The table key of |lower_wire| under |id|: the name, then the id.
[[nodiscard]] std::string name_key(std::string_view lower_wire, std::uint32_t id);

}  // namespace stagedoor::dns
