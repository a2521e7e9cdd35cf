// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/admission.hpp"

#include <cassert>
#include <cstring>
#include <netinet/in.h>

namespace stagedoor::link {

std::chrono::nanoseconds admission::pause(mono_time now) noexcept {
  if (!may_take_) {
    const auto token = accepts_.take(limits_.accepts, now);
    if (!token.granted) return token.wait;
    may_take_ = true;
  }
  return std::chrono::nanoseconds{0};
}

admission::verdict admission::admit(const std::string& source, mono_time now) {
  if (strangers_ >= limits_.strangers) return verdict::too_many;
  auto at = sources_.find(source);
  if (at == sources_.end()) {
    if (sources_.size() >= limits_.sources) forget_quiet(now);
    if (sources_.size() >= limits_.sources) return verdict::too_many;
    at = sources_.try_emplace(source, source_state{{limits_.failures, now}, 0}).first;
  }
  auto& s = at->second;
  if (s.strangers >= limits_.strangers_per_source) return verdict::too_many_from_source;
  // Each admitted handshake takes its token now, so that many at once cannot all fail for one.
  if (!s.failures.take(limits_.failures, now).granted) return verdict::failed_too_often;
  ++s.strangers;
  ++strangers_;
  return verdict::welcome;
}

void admission::settle(const std::string& source, outcome how, mono_time now) {
  const auto at = sources_.find(source);
  assert(at != sources_.end() && at->second.strangers > 0);
  --strangers_;
  --at->second.strangers;
  if (how == outcome::known) at->second.failures = http::token_bucket(limits_.failures, now);
}

void admission::forget_quiet(mono_time now) {
  if (now < clean_at_) return;
  clean_at_ = now + milliseconds(100);
  std::erase_if(sources_, [&](const auto& entry) {
    return entry.second.strangers == 0 && entry.second.failures.is_full(limits_.failures, now);
  });
}

std::string admission::source_of(const net::address& from) {
  if (from.family() != AF_INET6) return from.ip();
  sockaddr_in6 raw{};
  std::memcpy(&raw, from.data(), sizeof raw);
  if (IN6_IS_ADDR_V4MAPPED(&raw.sin6_addr)) return from.ip();
  std::memset(raw.sin6_addr.s6_addr + 8, 0, 8);
  return net::address(reinterpret_cast<const sockaddr*>(&raw), sizeof raw).ip();
}

std::string_view to_string(admission::verdict v) noexcept {
  switch (v) {
    case admission::verdict::welcome: return "welcome";
    case admission::verdict::too_many: return "too many handshakes at once";
    case admission::verdict::too_many_from_source: return "too many handshakes of this source";
    case admission::verdict::failed_too_often: return "failed too often";
  }
  return "welcome";
}

}  // namespace stagedoor::link
