// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/answer.hpp"

#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <cstring>

namespace stagedoor::dns {
namespace {

constexpr std::size_t max_pointer = 0x3fff;  // RFC 1035 section 4.1.4: fourteen bits

std::uint32_t hash_suffix(std::uint32_t below, std::string_view label) noexcept {
  std::uint32_t h = below;
  for (const char c : label) h = (h ^ static_cast<std::uint8_t>(ascii::lower(c))) * 0x01000193U;
  return h;
}

struct suffixes {
  std::array<std::uint8_t, max_labels + 1> offsets;
  std::array<std::uint32_t, max_labels + 1> hashes;
  std::size_t count = 0;  // without the root
};

// The offset and the hash of every suffix of |wire|, longest first.
void split_suffixes(std::string_view wire, suffixes& s) noexcept {
  std::size_t at = 0;
  while (at < wire.size() && wire[at] != 0 && s.count < max_labels) {
    s.offsets[s.count++] = static_cast<std::uint8_t>(at);
    at += 1U + static_cast<std::uint8_t>(wire[at]);
  }
  std::uint32_t h = 0x811c9dc5U;
  std::size_t end = at;
  for (std::size_t i = s.count; i-- > 0; end = s.offsets[i]) {
    h = hash_suffix(h, wire.substr(s.offsets[i], end - s.offsets[i]));
    s.hashes[i] = h;
  }
}

}  // namespace

void answer_writer::start(const query& q, std::span<std::uint8_t> buffer, std::size_t limit,
                          std::uint16_t udp_payload) noexcept {
  query_ = &q;
  out_ = buffer.data();
  limit_ = std::min(limit, buffer.size()) - (q.has_edns ? opt_bytes : 0);
  at_ = header_size;
  if (q.has_question) {
    std::memcpy(out_ + header_size, q.packet.data() + header_size, q.question_bytes);
    at_ += q.question_bytes;
  }
  counts_ = {};
  seen_count_ = 0;
  question_seen_ = false;
  written_count_ = 0;
  udp_payload_ = udp_payload;
  rcode_ = q.error_code;
  flags_ = static_cast<std::uint16_t>(flag::qr | (q.flags & (0x7800U | flag::rd)));
}

bool answer_writer::put_bytes(const void* bytes, std::size_t n) noexcept {
  if (at_ + n > limit_) return false;
  std::memcpy(out_ + at_, bytes, n);
  at_ += n;
  return true;
}

// Whether the name at |at| in the message, pointers followed, is |wire|. Pointers that this class
// writes lead backwards to complete names, so the walk ends.
bool answer_writer::name_at(std::size_t at, std::string_view wire) const noexcept {
  std::size_t i = 0;
  for (;;) {
    const std::uint8_t label = out_[at];
    if ((label & 0xc0U) == 0xc0U) {
      at = load16(out_ + at) & max_pointer;
      continue;
    }
    if (i >= wire.size() || label != static_cast<std::uint8_t>(wire[i])) return false;
    if (label == 0) return true;
    for (std::size_t k = 1; k <= label; ++k)
      if (ascii::lower(static_cast<char>(out_[at + k])) != ascii::lower(wire[i + k])) return false;
    at += 1U + label;
    i += 1U + label;
  }
}

void answer_writer::remember_question() noexcept {
  question_seen_ = true;
  if (!query_->has_question) return;
  suffixes s;
  split_suffixes({reinterpret_cast<const char*>(out_ + header_size), query_->question_bytes - 4U},
                 s);
  for (std::size_t i = 0; i < s.count && seen_count_ < max_seen; ++i)
    seen_[seen_count_++] = {s.hashes[i], static_cast<std::uint16_t>(header_size + s.offsets[i])};
}

bool answer_writer::put_name(std::string_view wire, bool compress) noexcept {
  if (!compress) return put_bytes(wire.data(), wire.size());
  suffixes s;
  split_suffixes(wire, s);
  std::size_t keep = s.count;  // labels to write out before the pointer
  std::uint16_t pointer = 0;
  for (std::size_t i = 0; i < s.count && pointer == 0; ++i)
    for (std::size_t k = 0; k < seen_count_; ++k)
      if (seen_[k].hash == s.hashes[i] && name_at(seen_[k].at, wire.substr(s.offsets[i]))) {
        pointer = seen_[k].at;
        keep = i;
        break;
      }
  const std::size_t start = at_;
  const std::size_t plain = keep == s.count ? wire.size() : s.offsets[keep];
  if (!put_bytes(wire.data(), plain)) return false;
  if (pointer != 0) {
    if (at_ + 2 > limit_) return false;
    store16(out_ + at_, static_cast<std::uint16_t>(0xc000U | pointer));
    at_ += 2;
  }
  for (std::size_t i = 0; i < keep && seen_count_ < max_seen; ++i)
    if (start + s.offsets[i] <= max_pointer)
      seen_[seen_count_++] = {s.hashes[i], static_cast<std::uint16_t>(start + s.offsets[i])};
  return true;
}

bool answer_writer::put_record(owner_ref owner, const std::uint8_t* fixed, const rdata_names& names,
                               std::span<const std::uint8_t> rdata) noexcept {
  if (owner.offset != 0) {
    if (at_ + 2 > limit_) return false;
    store16(out_ + at_, static_cast<std::uint16_t>(0xc000U | owner.offset));
    at_ += 2;
  } else if (!put_name(owner.wire, true)) {
    return false;
  }
  if (at_ + 10 + rdata.size() > limit_ && !names.compress) return false;
  if (!put_bytes(fixed, 8)) return false;
  if (at_ + 2 > limit_) return false;
  const std::size_t length_at = at_;
  at_ += 2;
  last_rdata_ = static_cast<std::uint16_t>(std::min<std::size_t>(at_, 0xffff));
  if (!names.compress) {
    if (!put_bytes(rdata.data(), rdata.size())) return false;
  } else {
    if (!put_bytes(rdata.data(), names.offset)) return false;
    std::size_t from = names.offset;
    for (unsigned i = 0; i < names.count; ++i) {
      const std::size_t n = name_length(rdata.subspan(from));
      const auto* text = reinterpret_cast<const char*>(rdata.data() + from);
      if (!put_name({text, n}, true)) return false;
      from += n;
    }
    if (!put_bytes(rdata.data() + from, rdata.size() - from)) return false;
  }
  store16(out_ + length_at, static_cast<std::uint16_t>(at_ - length_at - 2));
  return true;
}

// The pointer that the further records of an RRset use: to the owner of the first one, or the
// pointer that one used itself. 0 = write it out again (the root, or out of a pointer's reach).
std::uint16_t answer_writer::owner_written_at(std::size_t at) const noexcept {
  if ((out_[at] & 0xc0U) == 0xc0U)
    return static_cast<std::uint16_t>(load16(out_ + at) & max_pointer);
  return out_[at] != 0 && at <= max_pointer ? static_cast<std::uint16_t>(at) : std::uint16_t{0};
}

bool answer_writer::put(section s, owner_ref owner, const rrset_view& set,
                        std::uint32_t ttl) noexcept {
  const auto names = names_in(set.type);
  if ((owner.offset == 0 || names.compress) && !question_seen_) remember_question();
  const std::size_t at = at_;
  const std::size_t seen = seen_count_;
  std::uint8_t fixed[8];
  store16(fixed, set.type);
  store16(fixed + 2, klass::in);
  store32(fixed + 4, ttl);
  bool fits = true;
  set.each([&](std::span<const std::uint8_t> rdata) {
    fits = fits && put_record(owner, fixed, names, rdata);
    if (fits && owner.offset == 0) owner.offset = owner_written_at(at);
  });
  if (!fits) {
    at_ = at;
    seen_count_ = seen;
    return false;
  }
  counts_[static_cast<std::size_t>(s)] =
      static_cast<std::uint16_t>(counts_[static_cast<std::size_t>(s)] + set.count);
  if (written_count_ < max_written) written_[written_count_++] = set.data.data();
  return true;
}

bool answer_writer::contains(const rrset_view& set) const noexcept {
  const auto* end = written_.data() + written_count_;
  return std::find(written_.data(), end, set.data.data()) != end;
}

std::size_t answer_writer::finish() noexcept {
  unsigned additional = counts_[2];
  if (query_->has_edns) {
    std::uint8_t* opt = out_ + at_;
    opt[0] = 0;
    store16(opt + 1, type::opt);
    store16(opt + 3, udp_payload_);
    opt[5] = static_cast<std::uint8_t>(rcode_ >> 4);
    opt[6] = 0;
    store16(opt + 7, query_->edns_flags & 0x8000U);
    store16(opt + 9, 0);
    at_ += opt_bytes;
    ++additional;
  }
  // Without EDNS an extended code has no place.
  const std::uint16_t code = rcode_ > 15 && !query_->has_edns ? rcode::servfail : rcode_;
  store16(out_, query_->id);
  store16(out_ + 2, static_cast<std::uint16_t>(flags_ | (code & 0xfU)));
  store16(out_ + 4, query_->has_question ? 1 : 0);
  store16(out_ + 6, counts_[0]);
  store16(out_ + 8, counts_[1]);
  store16(out_ + 10, static_cast<std::uint16_t>(additional));
  return at_;
}

}  // namespace stagedoor::dns
