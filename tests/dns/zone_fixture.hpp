// SPDX-License-Identifier: Apache-2.0
// Zones from text behind a pipeline, and answers as sets of lines, read by ldns: what our codec
// writes is judged by another one.
#pragma once

#include "runtime/base/ascii.hpp"
#include "runtime/dns/pipeline.hpp"
#include "runtime/dns/zone_file.hpp"
#include "runtime/dns/zone_state.hpp"

#include <ldns/ldns.h>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#undef true  // ldns makes macros of them for C
#undef false

namespace stagedoor::dns::testing {

inline wire_name wire(std::string_view text) { return parse_name(text, root_name()).value(); }

struct message {
  bool parsed = false;
  unsigned id = 0;
  unsigned rcode = 0;  ///< extended
  bool aa = false;
  bool tc = false;
  bool ra = false;
  bool rd = false;
  bool edns = false;
  std::set<std::string> answer;  ///< "www.example. 300 IN A 192.0.2.1", lower-cased
  std::set<std::string> authority;
  std::set<std::string> additional;
  std::size_t answer_count = 0;  ///< with duplicates
  std::size_t bytes = 0;
};

inline std::set<std::string> lines_of(const ldns_rr_list* list, std::size_t* count = nullptr) {
  std::set<std::string> lines;
  for (std::size_t i = 0; list != nullptr && i < ldns_rr_list_rr_count(list); ++i) {
    char* text = ldns_rr2str(ldns_rr_list_rr(list, i));
    std::string line(text);
    free(text);
    for (char& c : line) c = c == '\t' ? ' ' : ascii::lower(c);
    while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
    lines.insert(line);
    if (count != nullptr) ++*count;
  }
  return lines;
}

inline message read_message(std::span<const std::uint8_t> bytes) {
  message m;
  m.bytes = bytes.size();
  ldns_pkt* packet = nullptr;
  if (ldns_wire2pkt(&packet, bytes.data(), bytes.size()) != LDNS_STATUS_OK) return m;
  m.parsed = true;
  m.id = ldns_pkt_id(packet);
  m.rcode = static_cast<unsigned>(ldns_pkt_get_rcode(packet)) |
            (static_cast<unsigned>(ldns_pkt_edns_extended_rcode(packet)) << 4);
  m.aa = ldns_pkt_aa(packet);
  m.tc = ldns_pkt_tc(packet);
  m.ra = ldns_pkt_ra(packet);
  m.rd = ldns_pkt_rd(packet);
  m.edns = ldns_pkt_edns(packet);
  m.answer = lines_of(ldns_pkt_answer(packet), &m.answer_count);
  m.authority = lines_of(ldns_pkt_authority(packet));
  m.additional = lines_of(ldns_pkt_additional(packet));
  ldns_pkt_free(packet);
  return m;
}

struct question {
  std::string name;
  std::string type = "A";
  std::uint16_t qclass = klass::in;
  std::uint16_t flags = 0;
  std::optional<std::uint16_t> edns = std::nullopt;  ///< size
  transport via = transport::tcp;
};

inline std::vector<std::uint8_t> packet_of(const question& q, std::uint16_t id = 0x1234) {
  std::vector<std::uint8_t> p(header_size, 0);
  store16(p.data(), id);
  store16(p.data() + 2, q.flags);
  p[5] = 1;
  const auto name = wire(q.name);
  p.insert(p.end(), name.begin(), name.end());
  p.resize(p.size() + 4);
  store16(p.data() + p.size() - 4, parse_type(q.type).value());
  store16(p.data() + p.size() - 2, q.qclass);
  if (q.edns) {
    p[11] = 1;
    const std::uint8_t opt[] = {0,
                                0,
                                41,
                                static_cast<std::uint8_t>(*q.edns >> 8),
                                static_cast<std::uint8_t>(*q.edns),
                                0,
                                0,
                                0,
                                0,
                                0,
                                0};
    p.insert(p.end(), std::begin(opt), std::end(opt));
  }
  return p;
}

/// A loop's tables with the zones a test loads, and the pipeline on top.
class zone_fixture {
 public:
  zone_fixture() : chain(std::make_shared<plugin_chain>()) { block.chain = chain; }

  /// Loads |text| as the zone |origin|; errors fail loudly.
  zone_state& load(const std::string& origin, std::string_view text) {
    const auto apex = wire(origin);
    auto parsed = parse_zone(text, "db." + origin, apex, no_includes());
    if (!parsed.good()) throw std::runtime_error(parsed.errors.front().to_string());
    auto state =
        std::make_unique<zone_state>(zone_id{static_cast<std::uint32_t>(zones.size() + 1)}, apex);
    auto changes = state->load(parsed.data);
    if (!changes) throw std::runtime_error(changes.error().detail);
    apply(std::move(*changes));
    block.keys.push_back(lower_cased(apex));
    block.zones.push_back({lower_cased(apex), state->id()});
    if (const auto set = routes.set_blocks({block}); !set)
      throw std::runtime_error(set.error().detail);
    tables.routes.apply(route_writer.freeze());
    zones.push_back(std::move(state));
    return *zones.back();
  }
  void apply(change_set changes) {
    stage(std::move(changes), names);
    tables.names.apply(names.freeze());
  }
  static file_reader no_includes() {
    return [](const std::string& path) -> result<std::string> {
      return fault{fault_kind::not_found, fault_side::operator_input, retryable::no, "no " + path};
    };
  }

  std::vector<std::uint8_t> raw_answer(std::span<const std::uint8_t> packet, transport via) {
    std::vector<std::uint8_t> out(via == transport::tcp ? max_message_bytes : 4096);
    client_ref client;
    client.via = via;
    client.listener = listener_id{1};
    client.peer = net::address::parse("192.0.2.53:5353").value();
    out.resize(answers.handle(packet, client, out).size);
    return out;
  }
  message ask(const question& q) { return read_message(raw_answer(packet_of(q), q.via)); }

  std::shared_ptr<plugin_chain> chain;
  server_block block{{listener_id{1}}, {}, {}, nullptr};
  name_table_writer names;
  route_table_writer route_writer{route_shard_bits};
  zone_routes routes{route_writer};
  dns_tables tables;
  counters count;
  std::string logged;
  query_log log{{[this](std::string_view lines) { return logged.append(lines), true; }}, count};
  pipeline answers{tables, {}, log, count, nullptr};
  std::vector<std::unique_ptr<zone_state>> zones;
};

}  // namespace stagedoor::dns::testing
