// SPDX-License-Identifier: Apache-2.0
// Writes one answer into a buffer that was there before: question as received, RRsets whole or
// not at all, names compressed where RFC 3597 allows it, OPT last.
//
// Owner: the pipeline, one for each loop, started anew for each query. Runs on: a loop.
// Bounded by: the buffer and |limit|. On failure: put() says false and leaves no trace.
#pragma once

#include "runtime/dns/query.hpp"
#include "runtime/dns/rrset.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace stagedoor::dns {

enum class section : std::uint8_t { answer, authority, additional };

/// An owner to write: its bytes, and where they are in the message already (0 = nowhere known).
struct owner_ref {
  std::string_view wire;
  std::uint16_t offset = 0;
};

class answer_writer {
 public:
  /// Begins the answer to |q| in |buffer|, using at most |limit| bytes of it.
  /// |udp_payload| is what our OPT advertises.
  void start(const query& q, std::span<std::uint8_t> buffer, std::size_t limit,
             std::uint16_t udp_payload) noexcept;

  /// Appends the whole RRset or nothing; false when it does not fit.
  bool put(section s, owner_ref owner, const rrset_view& set, std::uint32_t ttl) noexcept;
  bool put(section s, owner_ref owner, const rrset_view& set) noexcept {
    return put(s, owner, set, set.ttl);
  }
  /// Already in the message; an RRset is never sent twice (RFC 2181 section 5).
  [[nodiscard]] bool contains(const rrset_view& set) const noexcept;

  void set_flags(std::uint16_t bits) noexcept { flags_ |= bits; }
  void clear_flags(std::uint16_t bits) noexcept { flags_ &= static_cast<std::uint16_t>(~bits); }
  [[nodiscard]] std::uint16_t flags() const noexcept { return flags_; }
  void set_rcode(std::uint16_t extended) noexcept { rcode_ = extended; }
  [[nodiscard]] std::uint16_t code() const noexcept { return rcode_; }

  /// Where the RDATA of the record written last begins in the message.
  [[nodiscard]] std::uint16_t last_rdata() const noexcept { return last_rdata_; }

  /// Completes the message and returns its size.
  [[nodiscard]] std::size_t finish() noexcept;

 private:
  struct seen_name {
    std::uint32_t hash;
    std::uint16_t at;
  };
  static constexpr std::size_t opt_bytes = 11;
  static constexpr std::size_t max_seen = 96;      ///< suffixes remembered for compression
  static constexpr std::size_t max_written = 128;  ///< RRsets remembered for contains()

  bool put_record(owner_ref owner, const std::uint8_t* fixed, const rdata_names& names,
                  std::span<const std::uint8_t> rdata) noexcept;
  bool put_bytes(const void* bytes, std::size_t n) noexcept;
  bool put_name(std::string_view wire, bool compress) noexcept;
  void remember_question() noexcept;
  [[nodiscard]] std::uint16_t owner_written_at(std::size_t at) const noexcept;
  [[nodiscard]] bool name_at(std::size_t at, std::string_view wire) const noexcept;

  std::uint8_t* out_ = nullptr;
  std::size_t at_ = 0;
  std::size_t limit_ = 0;  ///< room for OPT taken off already
  std::array<std::uint16_t, 3> counts_{};
  std::array<seen_name, max_seen> seen_;
  std::size_t seen_count_ = 0;
  bool question_seen_ = false;
  std::array<const std::uint8_t*, max_written> written_;
  std::size_t written_count_ = 0;
  std::uint16_t flags_ = 0;
  std::uint16_t rcode_ = 0;
  std::uint16_t last_rdata_ = 0;
  std::uint16_t udp_payload_ = 0;
  const query* query_ = nullptr;
};

}  // namespace stagedoor::dns
