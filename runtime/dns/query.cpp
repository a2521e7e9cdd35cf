// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/query.hpp"

namespace stagedoor::dns {
namespace {

constexpr std::size_t record_fixed_bytes = 10;  // type, class, TTL, length

// Skips an owner name, which may be compressed, without following the pointer. 0 = malformed.
std::size_t skip_owner(std::span<const std::uint8_t> packet, std::size_t at) noexcept {
  while (at < packet.size()) {
    const std::uint8_t label = packet[at];
    if (label == 0) return at + 1;
    if ((label & 0xc0U) == 0xc0U) {
      // A pointer leads backwards, past the header.
      if (at + 1 >= packet.size()) return 0;
      const std::size_t target = load16(packet.data() + at) & 0x3fffU;
      return target >= header_size && target < at ? at + 2 : 0;
    }
    if (label > max_label_bytes) return 0;
    at += 1U + label;
  }
  return 0;
}

bool well_formed_options(std::span<const std::uint8_t> options) noexcept {
  while (options.size() >= 4) {
    const std::size_t length = 4U + load16(options.data() + 2);
    if (length > options.size()) return false;
    options = options.subspan(length);
  }
  return options.empty();
}

// RFC 6891 section 6.1: at most one OPT, its owner the root, anywhere in the additional section.
bool read_additional(std::size_t at, unsigned records, query& q) noexcept {
  const auto packet = q.packet;
  for (; records > 0; --records) {
    const std::size_t owner = at;
    at = skip_owner(packet, at);
    if (at == 0 || at + record_fixed_bytes > packet.size()) return false;
    const std::uint8_t* fixed = packet.data() + at;
    const std::size_t length = load16(fixed + 8);
    at += record_fixed_bytes;
    if (at + length > packet.size()) return false;
    if (load16(fixed) == type::opt) {
      if (q.has_edns || packet[owner] != 0) return false;
      if (!well_formed_options(packet.subspan(at, length))) return false;
      q.has_edns = true;
      q.udp_size = load16(fixed + 2) < 512 ? std::uint16_t{512} : load16(fixed + 2);
      q.edns_version = fixed[5];
      q.edns_flags = load16(fixed + 6);
    }
    at += length;
  }
  return at == packet.size();
}

verdict fail(query& q, std::uint16_t code) noexcept {
  q.error_code = code;
  return verdict::error;
}

bool read_question(query& q) noexcept {
  const auto rest = q.packet.subspan(header_size);
  const std::size_t name = name_length(rest);  // a pointer here could only lead nowhere
  if (name == 0 || name + 4 > rest.size() || !q.name.assign(rest.first(name))) return false;
  q.qtype = load16(rest.data() + name);
  q.qclass = load16(rest.data() + name + 2);
  q.question_bytes = static_cast<std::uint16_t>(name + 4);
  q.has_question = true;
  return true;
}

}  // namespace

verdict read_query(std::span<const std::uint8_t> packet, query& q) noexcept {
  if (packet.size() < header_size) return verdict::drop;
  const std::uint8_t* header = packet.data();
  q.flags = load16(header + 2);
  if ((q.flags & flag::qr) != 0) return verdict::drop;  // answering answers makes loops
  q.packet = packet;
  q.id = load16(header);
  q.opcode = static_cast<std::uint8_t>((q.flags >> 11) & 0xfU);
  q.question_bytes = 0;
  q.error_code = rcode::noerror;
  q.udp_size = 512;
  q.edns_flags = 0;
  q.edns_version = 0;
  q.has_question = false;
  q.has_edns = false;

  const unsigned questions = load16(header + 4);
  const unsigned others = load16(header + 6) + load16(header + 8);
  const unsigned additional = load16(header + 10);
  if (questions == 1 && !read_question(q)) return fail(q, rcode::formerr);
  if (q.opcode != opcode::query) return fail(q, rcode::notimp);
  if (questions != 1) return fail(q, rcode::formerr);
  // Only an IXFR carries something here (the client's SOA, RFC 1995 section 3); it gets no further
  // than its type, so its sections need no reading.
  if (q.qtype == type::ixfr) return verdict::answer;
  if (others != 0) return fail(q, rcode::formerr);
  if (!read_additional(header_size + q.question_bytes, additional, q)) {
    q.has_edns = false;
    return fail(q, rcode::formerr);
  }
  if (q.edns_version != 0) return fail(q, rcode::badvers);
  return verdict::answer;
}

}  // namespace stagedoor::dns
