// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/rdata_text.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/dns/name.hpp"
#include "runtime/dns/rrset.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ldns/ldns.h>
#include <memory>

namespace stagedoor::dns {
namespace {

constexpr std::size_t max_rdata_bytes = 65535;

struct rdf_free {
  void operator()(ldns_rdf* rdf) const { ldns_rdf_deep_free(rdf); }
};
struct rr_free {
  void operator()(ldns_rr* rr) const { ldns_rr_free(rr); }
};

fault expected(std::string_view what, std::string_view got) {
  return {fault_kind::malformed, fault_side::operator_input, retryable::no,
          fmt::format("expected {}, got '{}'", what, got)};
}

std::string joined(std::span<const zone_token> tokens) {
  std::string text;
  for (const auto& t : tokens) {
    if (!text.empty()) text.push_back(' ');
    if (t.quoted) text.push_back('"');
    text.append(t.text);
    if (t.quoted) text.push_back('"');
  }
  return text;
}

result<std::string> through_ldns(std::uint16_t type, const std::string& rdata,
                                 std::string_view origin) {
  std::unique_ptr<ldns_rdf, rdf_free> base(
      ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, origin.size(), origin.data()));
  if (base == nullptr)
    return fault{fault_kind::internal, fault_side::self, retryable::no, "out of memory"};
  const std::string line = fmt::format(". 0 IN {} {}", type_name(type), rdata);
  ldns_rr* parsed = nullptr;
  const auto status = ldns_rr_new_frm_str(&parsed, line.c_str(), 0, base.get(), nullptr);
  std::unique_ptr<ldns_rr, rr_free> rr(parsed);
  if (status != LDNS_STATUS_OK || rr == nullptr)
    return fault{fault_kind::malformed, fault_side::operator_input, retryable::no,
                 fmt::format("expected the data of a {} record, got '{}': {}", type_name(type),
                             rdata, ldns_get_errorstr_by_id(status))};
  std::string wire;
  for (std::size_t i = 0; i < ldns_rr_rd_count(rr.get()); ++i) {
    const auto* rdf = ldns_rr_rdf(rr.get(), i);
    if (rdf != nullptr)
      wire.append(reinterpret_cast<const char*>(ldns_rdf_data(rdf)), ldns_rdf_size(rdf));
  }
  return wire;
}

result<std::string> address(int family, std::string_view text) {
  std::uint8_t bytes[16];
  if (::inet_pton(family, std::string(text).c_str(), bytes) != 1)
    return expected(family == AF_INET ? "an IPv4 address" : "an IPv6 address", text);
  return std::string(reinterpret_cast<const char*>(bytes), family == AF_INET ? 4 : 16);
}

result<std::string> numbers_and_name(std::span<const zone_token> tokens, std::string_view origin) {
  std::string wire;
  for (const auto& t : tokens.first(tokens.size() - 1)) {
    const auto value = ascii::parse_number<std::uint16_t>(t.text);
    if (!value) return expected("a number from 0 to 65535", t.text);
    wire.push_back(static_cast<char>(*value >> 8));
    wire.push_back(static_cast<char>(*value & 0xff));
  }
  auto name = parse_name(tokens.back().text, origin);
  if (!name) return std::move(name).error();
  return wire.append(*name);
}

// How many words the type takes, 0 = any number and ldns knows.
std::size_t words_of(std::uint16_t t) noexcept {
  switch (t) {
    case type::a:
    case type::aaaa:
    case type::ns:
    case type::cname:
    case type::ptr:
    case type::dname: return 1;
    case type::mx: return 2;
    case type::srv: return 4;
    default: return 0;
  }
}

}  // namespace

result<std::string> parse_rdata(std::uint16_t t, std::span<const zone_token> tokens,
                                std::string_view origin) {
  if (tokens.empty())
    return fault{
        fault_kind::malformed, fault_side::operator_input, retryable::no,
        fmt::format("expected the data of a {} record, got the end of the line", type_name(t))};
  const bool generic = tokens[0].text == "\\#";
  const std::size_t words = generic ? 0 : words_of(t);
  if (words != 0 && tokens.size() != words)
    return fault{fault_kind::malformed, fault_side::operator_input, retryable::no,
                 fmt::format("expected {} word{} of data for {}, got {}", words,
                             words == 1 ? "" : "s", type_name(t), tokens.size())};
  auto wire = words == 0        ? through_ldns(t, joined(tokens), origin)
              : t == type::a    ? address(AF_INET, tokens[0].text)
              : t == type::aaaa ? address(AF_INET6, tokens[0].text)
                                : numbers_and_name(tokens, origin);
  if (!wire) return wire;
  if (wire->size() > max_rdata_bytes)
    return fault{fault_kind::too_large, fault_side::operator_input, retryable::no,
                 "data over 65535 bytes"};
  if (!well_formed_rdata(t, {reinterpret_cast<const std::uint8_t*>(wire->data()), wire->size()}))
    return expected(fmt::format("the data of a {} record", type_name(t)), joined(tokens));
  return wire;
}

result<std::string> parse_rdata(std::uint16_t t, std::string_view text, std::string_view origin) {
  zone_lexer lexer(text);
  zone_entry entry;
  const auto status = lexer.next(entry);
  if (status == zone_lexer::status::error) return expected("record data", text);
  return parse_rdata(t, entry.tokens, origin);
}

std::optional<std::uint32_t> parse_ttl(std::string_view text) {
  if (text.empty() || !ascii::is_digit(text[0])) return std::nullopt;
  std::uint64_t total = 0;
  std::uint64_t number = 0;
  bool pending = false;
  for (const char c : text) {
    if (ascii::is_digit(c)) {
      number = number * 10 + static_cast<std::uint64_t>(c - '0');
      pending = true;
      if (number > 0xffffffffU) return std::nullopt;
      continue;
    }
    std::uint64_t unit = 0;
    switch (ascii::lower(c)) {
      case 's': unit = 1; break;
      case 'm': unit = 60; break;
      case 'h': unit = 3600; break;
      case 'd': unit = 86400; break;
      case 'w': unit = 604800; break;
      default: return std::nullopt;
    }
    if (!pending) return std::nullopt;
    total += number * unit;
    number = 0;
    pending = false;
    if (total > 0xffffffffU) return std::nullopt;
  }
  total += number;
  if (total > 0xffffffffU) return std::nullopt;
  return total > 0x7fffffffU ? 0U : static_cast<std::uint32_t>(total);
}

}  // namespace stagedoor::dns
