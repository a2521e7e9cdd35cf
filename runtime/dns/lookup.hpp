// SPDX-License-Identifier: Apache-2.0
// What a zone says about a name: the algorithm of RFC 1034 section 4.3.2 with wildcards as
// RFC 4592 and DNAME as RFC 6672 define them.
//
// Each name between an owner and its apex has a node, so "does it exist" is one probe, the closest
// encloser is found by halving, and only the depths at which the zone has cuts are searched for a
// delegation or DNAME above the name. An answer takes two to a dozen probes however long the name
// is.
// Owner: the pipeline of a loop. Runs on: that loop. Bounded by: lookup_limits.
#pragma once

#include "runtime/dns/answer.hpp"
#include "runtime/dns/routes.hpp"
#include "runtime/dns/zone_node.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace stagedoor::dns {

struct lookup_limits {
  std::size_t chain = 12;  ///< CNAME and DNAME steps in one answer; then what is there is sent
  /// Zones whose names one label below the apex may exist although they are not in the table.
  std::vector<zone_id> asked_about{};
};

/// Whether a name that is not in the table may be asked about.
enum class absent_names : std::uint8_t { may_exist, do_not_exist };

class lookup {
 public:
  enum class outcome : std::uint8_t {
    answered,  ///< the writer holds the answer and its code
    missing,   ///< NXDOMAIN for the question itself; nothing was written yet
    no_zone,   ///< the zone is not loaded; nothing was written
    absent,    ///< absent_label() may exist; what was written is void
  };

  lookup(const name_table& names, const route_table& routes, lookup_limits limits = {})
      : names_(names), routes_(routes), limits_(std::move(limits)) {}

  /// Answers |q| from the zone of |route|. Changes q.name's scratch bytes only.
  outcome answer(query& q, const zone_route& route, listener_id on, answer_writer& out,
                 absent_names absent = absent_names::may_exist) noexcept;
  /// After outcome::absent: the label below the apex of its zone, until the next call.
  [[nodiscard]] std::string_view absent_label() const noexcept { return absent_label_; }
  /// Writes the NXDOMAIN that outcome::missing left out.
  void deny(query& q, const zone_route& route, answer_writer& out) noexcept;

 private:
  struct place {
    zone_id zone;
    std::size_t apex_labels;
  };
  /// The name being resolved: where it stands in the message, or its bytes as written.
  struct subject {
    query_name& name;
    owner_ref owner;
    place at;
    bool first;  ///< the question itself, not where a CNAME led
    [[nodiscard]] owner_ref ancestor(std::size_t labels) const noexcept;
  };
  enum class step : std::uint8_t { done, follow, missing, no_zone, absent };

  step resolve(const subject& s, std::uint16_t qtype, answer_writer& out) noexcept;
  step answer_node(const subject& s, const zone_node& node, const zone_node& apex,
                   std::uint16_t qtype, answer_writer& out) noexcept;
  step follow_cname(const subject& s, const rrset_view& cname, answer_writer& out) noexcept;
  step follow_dname(const subject& s, std::size_t labels, const zone_node& node,
                    std::uint16_t qtype, answer_writer& out) noexcept;
  void refer(const subject& s, std::size_t labels, const zone_node& cut,
             answer_writer& out) noexcept;
  void put_soa(const subject& s, const zone_node& apex, answer_writer& out) noexcept;
  void put_additional(const subject& s, const rrset_view& set, answer_writer& out) noexcept;
  bool put_addresses(std::string_view target, place at, answer_writer& out) noexcept;

  [[nodiscard]] const zone_node* find(query_name& name, std::size_t labels,
                                      place at) const noexcept {
    return names_.find(name.key(labels, raw(at.zone)));
  }
  [[nodiscard]] bool may_exist(const subject& s) noexcept;
  [[nodiscard]] std::size_t closest_encloser(const subject& s) const noexcept;
  [[nodiscard]] const zone_node* topmost_cut(const subject& s, const zone_node& apex,
                                             std::uint16_t qtype,
                                             std::size_t& labels) const noexcept;

  const name_table& names_;
  const route_table& routes_;
  const lookup_limits limits_;
  bool apex_ns_ = false;  ///< of the chain that is answering
  absent_names absent_ = absent_names::may_exist;
  std::string_view absent_label_;          ///< in the query's name or in current_
  query_name current_;                     ///< where a CNAME or DNAME led
  query_name target_;                      ///< for additional processing
  std::array<char, max_name_bytes> next_;  ///< current_ as written
  std::size_t next_size_ = 0;
};

}  // namespace stagedoor::dns
