// SPDX-License-Identifier: Apache-2.0
// Records of one type at one name, kept as the bytes that go on the wire.
//
// An answer must not parse, format or allocate: a record on the wire is the owner (a pointer in
// almost every answer), ten fixed bytes and the RDATA. So a name's RRsets lie in one block of
// memory as [head][length, rdata][length, rdata]..., and only the owner is written anew.
// Owner: a zone_node; views are valid as long as it is.
#pragma once

#include "runtime/dns/types.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::dns {

struct rrset_view {
  std::uint16_t type = 0;
  std::uint16_t count = 0;
  std::uint32_t ttl = 0;               ///< seconds, at most 2^31 - 1
  std::span<const std::uint8_t> data;  ///< |count| times a 16-bit length and the RDATA

  explicit operator bool() const noexcept { return count != 0; }
  /// Calls |f| with the RDATA of each record.
  template <class F>
  void each(F&& f) const {
    const std::uint8_t* p = data.data();
    for (unsigned i = 0; i < count; ++i) {
      const std::size_t length = load16(p);
      f(std::span<const std::uint8_t>(p + 2, length));
      p += 2 + length;
    }
  }
  [[nodiscard]] std::span<const std::uint8_t> first() const noexcept {
    return data.subspan(2, load16(data.data()));
  }
};

/// All RRsets of one name.
class rrset_block {
 public:
  /// |rdata| of one type, without duplicates; not empty.
  void add(std::uint16_t type, std::uint32_t ttl, std::span<const std::string_view> rdata);

  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] std::size_t size_bytes() const noexcept { return bytes_.size(); }
  /// The RRset of |type|, or one that converts to false.
  [[nodiscard]] rrset_view find(std::uint16_t type) const noexcept {
    rrset_view set;
    for (std::size_t at = 0; at < bytes_.size(); at += head_bytes + set.data.size()) {
      set = view_at(at);
      if (set.type == type) return set;
    }
    return {};
  }
  [[nodiscard]] rrset_view first() const noexcept {
    return bytes_.empty() ? rrset_view{} : view_at(0);
  }
  template <class F>
  void each(F&& f) const {
    for (std::size_t at = 0; at < bytes_.size();) {
      const auto set = view_at(at);
      f(set);
      at += head_bytes + set.data.size();
    }
  }

 private:
  static constexpr std::size_t head_bytes = 12;  // type, count, TTL, bytes of data; network order
  [[nodiscard]] rrset_view view_at(std::size_t at) const noexcept {
    const auto* p = reinterpret_cast<const std::uint8_t*>(bytes_.data()) + at;
    return {load16(p), load16(p + 2), load32(p + 4), {p + head_bytes, load32(p + 8)}};
  }
  std::string bytes_;
};

/// Where the domain names are in the RDATA of a type.
struct rdata_names {
  std::uint8_t offset = 0;  ///< bytes before the first name
  std::uint8_t count = 0;   ///< names in a row from there
  bool compress = false;    ///< only the types of RFC 1035 may be compressed (RFC 3597 section 4)
};
[[nodiscard]] constexpr rdata_names names_in(std::uint16_t t) noexcept {
  switch (t) {
    case type::ns:
    case type::cname:
    case type::ptr:
    case type::md:
    case type::mf:
    case type::mb:
    case type::mg:
    case type::mr: return {0, 1, true};
    case type::soa:
    case type::minfo: return {0, 2, true};
    case type::mx: return {2, 1, true};
    case type::srv: return {6, 1, false};
    case type::svcb:
    case type::https: return {2, 1, false};
    case type::dname: return {0, 1, false};
    default: return {};
  }
}

/// Whether |rdata| of type |t| holds the names that names_in() promises; stored data must.
[[nodiscard]] bool well_formed_rdata(std::uint16_t t, std::span<const std::uint8_t> rdata) noexcept;

/// The MINIMUM of an SOA: the TTL of negative answers (RFC 2308 section 4).
[[nodiscard]] inline std::uint32_t soa_minimum(std::span<const std::uint8_t> soa) noexcept {
  return load32(soa.data() + soa.size() - 4);
}
[[nodiscard]] inline std::uint32_t soa_serial(std::span<const std::uint8_t> soa) noexcept {
  return load32(soa.data() + soa.size() - 20);
}

}  // namespace stagedoor::dns
