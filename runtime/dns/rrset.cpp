// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/rrset.hpp"

#include "runtime/dns/name.hpp"

namespace stagedoor::dns {

void rrset_block::add(std::uint16_t type, std::uint32_t ttl,
                      std::span<const std::string_view> rdata) {
  std::size_t data = 0;
  for (const auto& r : rdata) data += 2 + r.size();
  std::uint8_t head[head_bytes];
  store16(head, type);
  store16(head + 2, static_cast<std::uint16_t>(rdata.size()));
  store32(head + 4, ttl);
  store32(head + 8, static_cast<std::uint32_t>(data));
  bytes_.reserve(bytes_.size() + head_bytes + data);
  bytes_.append(reinterpret_cast<const char*>(head), head_bytes);
  for (const auto& r : rdata) {
    std::uint8_t length[2];
    store16(length, static_cast<std::uint16_t>(r.size()));
    bytes_.append(reinterpret_cast<const char*>(length), 2);
    bytes_.append(r);
  }
}

bool well_formed_rdata(std::uint16_t t, std::span<const std::uint8_t> rdata) noexcept {
  if (rdata.size() > 65535) return false;
  if (t == type::a) return rdata.size() == 4;
  if (t == type::aaaa) return rdata.size() == 16;
  const auto names = names_in(t);
  if (names.count == 0) return true;
  std::size_t at = names.offset;
  for (unsigned i = 0; i < names.count; ++i) {
    if (at >= rdata.size()) return false;
    const std::size_t n = name_length(rdata.subspan(at));
    if (n == 0) return false;
    at += n;
  }
  const std::size_t rest = rdata.size() - at;
  if (t == type::soa) return rest == 20;
  return t == type::svcb || t == type::https || rest == 0;
}

}  // namespace stagedoor::dns
