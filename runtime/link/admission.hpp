// SPDX-License-Identifier: Apache-2.0
// Whom the cluster port talks to before it knows who they are.
//
// A handshake costs a signature and some memory, so strangers get few of them: a fixed number at
// once, fewer from one address, and an address whose handshakes fail has to wait. What all
// strangers together may cost is bounded by the rate at which connections are taken at all.
// Owner: a link_listener. Runs on: its loop; takes the time as an argument.
// Bounded by: admission_limits.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/http/token_bucket.hpp"
#include "runtime/net/address.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace stagedoor::link {

struct admission_limits {
  std::size_t strangers = 64;                ///< handshakes at once
  std::size_t strangers_per_source = 8;      ///< of one address (IPv6: of one /64)
  std::size_t sources = 1024;                ///< remembered; strangers beyond are turned away
  http::bucket_limits failures{1, 5, {}};    ///< failed handshakes of one source
  http::bucket_limits accepts{50, 100, {}};  ///< connections taken, of all together
};

class admission {
 public:
  enum class verdict : std::uint8_t { welcome, too_many, too_many_from_source, failed_too_often };

  admission(const admission_limits& limits, mono_time now) noexcept
      : limits_(limits), accepts_(limits.accepts, now) {}

  /// 0 = a connection may be taken now, to be told by taken(); otherwise how long not.
  [[nodiscard]] std::chrono::nanoseconds pause(mono_time now) noexcept;
  void taken() noexcept { may_take_ = false; }
  /// welcome counts: settle() must follow.
  [[nodiscard]] verdict admit(const std::string& source, mono_time now);
  enum class outcome : std::uint8_t { known, failed };
  /// The handshake of one that was admitted is over.
  void settle(const std::string& source, outcome how, mono_time now);

  [[nodiscard]] std::size_t strangers() const noexcept { return strangers_; }
  [[nodiscard]] std::size_t sources() const noexcept { return sources_.size(); }

  /// What counts as one source: an IPv4 address, or an IPv6 network of 64 bits.
  [[nodiscard]] static std::string source_of(const net::address& from);

 private:
  struct source_state {
    http::token_bucket failures;
    std::size_t strangers = 0;
  };
  void forget_quiet(mono_time now);

  const admission_limits limits_;
  http::token_bucket accepts_;
  bool may_take_ = false;  ///< one that pause() allowed and that has not come yet
  std::map<std::string, source_state> sources_;
  std::size_t strangers_ = 0;
  mono_time clean_at_{};  ///< when to look for quiet ones again
};

[[nodiscard]] std::string_view to_string(admission::verdict v) noexcept;

}  // namespace stagedoor::link
