// SPDX-License-Identifier: Apache-2.0
// One zone as its single writer holds it: the records of the file and those added at run time,
// and what each change means for the nodes that the loops read.
//
// A team's record must be live in milliseconds in a zone of a million names, so a change costs the
// names it touches: the owner, ancestors that appear or vanish, the parent of a wildcard, and the
// apex for its serial. All of them go into one change_set, and staged together they become visible
// together.
// A record can come from the file, from run time, or from both. A reload replaces what came from
// the file and keeps what was added; removing takes away what was added and never the file's.
// Owner: the dns_zone actor. Runs on: its thread. Bounded by: zone_limits.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/dns/zone_data.hpp"
#include "runtime/dns/zone_node.hpp"

#include <array>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace stagedoor::dns {

struct zone_limits {
  std::size_t records = 20'000'000;
  std::size_t records_per_name = 4096;
};

/// Who says what a zone's serial is.
enum class serial_source : std::uint8_t {
  counted,  ///< each change raises it
  given,    ///< set_serial() alone does, once the zone is loaded
};

/// What a change means for the name table. Apply with stage().
struct change_set {
  struct item {
    std::string key;                ///< of the name table
    std::optional<zone_node> node;  ///< nothing = the name is gone
  };
  std::vector<item> items;
  std::uint32_t serial = 0;   ///< of the zone after it
  std::size_t records = 0;    ///< added or removed
  std::size_t overruled = 0;  ///< run-time records that a reloaded file contradicts, dropped
};

/// Hands |changes| to the table; visible when the delta that holds them is applied.
void stage(change_set changes, name_table_writer& table);

class zone_state {
 public:
  zone_state(zone_id id, const wire_name& apex, zone_limits limits = {},
             serial_source source = serial_source::counted);

  /// The zone file was read, for the first time or again. Only names that differ are in the result.
  /// On failure: invalid (no SOA, CNAME beside other data), too_large; the zone stays as it was.
  [[nodiscard]] result<change_set> load(const zone_data& file);

  /// Adds at run time, all or nothing. The TTL of an RRset becomes that of the newest record
  /// (RFC 2136 section 3.4.2.2). What is there already only gets the TTL.
  /// On failure: not_found (zone not loaded), invalid (outside the zone, SOA, bad RDATA),
  /// conflict (CNAME beside other data), too_large.
  [[nodiscard]] result<change_set> add_records(std::span<const record> records);

  /// Removes what was added at run time and matches; nothing to remove is no failure.
  /// On failure: not_found (zone not loaded).
  [[nodiscard]] result<change_set> remove_records(std::span<const record_match> matches);

  /// For a given serial. One that is not after the present one (RFC 1982) changes nothing.
  [[nodiscard]] change_set set_serial(std::uint32_t serial);

  /// What the table must hold for |names| (lower-cased) as of now: for a change that may have been
  /// lost on its way there.
  [[nodiscard]] change_set restate(std::span<const wire_name> names) const;

  /// Everything leaves the table: the zone is not served any more.
  [[nodiscard]] change_set unload();

  [[nodiscard]] bool loaded() const noexcept { return loaded_; }
  [[nodiscard]] std::uint32_t serial() const noexcept { return serial_; }
  /// That of the file that was read last.
  [[nodiscard]] std::uint32_t file_serial() const noexcept { return file_serial_; }
  [[nodiscard]] std::size_t names() const noexcept { return entries_.size(); }
  [[nodiscard]] std::size_t records() const noexcept { return records_; }
  [[nodiscard]] const wire_name& apex() const noexcept { return apex_; }
  [[nodiscard]] zone_id id() const noexcept { return id_; }
  /// The records added at run time, for the journal of the owner.
  [[nodiscard]] std::vector<record> added() const;

 private:
  struct stored {
    std::uint16_t type;
    bool from_file;
    bool at_run_time;
    std::uint32_t ttl;
    std::string rdata;
    friend bool operator==(const stored&, const stored&) = default;
  };
  struct entry {
    std::vector<stored> records;  ///< sorted by type
    std::uint32_t children = 0;   ///< existing names one label below
  };
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return snapshot::hash_key(text);
    }
  };
  using entries = std::unordered_map<wire_name, entry, text_hash, std::equal_to<>>;
  using touched_names = std::set<wire_name, std::less<>>;

  [[nodiscard]] result<void> check(const record& r, std::string_view owner) const;
  /// What |file| means, with everything added at run time that it does not contradict.
  [[nodiscard]] result<entries> merge(const zone_data& file, std::size_t& overruled) const;
  [[nodiscard]] touched_names differences(const entries& before) const;
  static void insert(entry& e, const record& r, bool from_file);
  [[nodiscard]] static bool allows(const entry& e, std::uint16_t type);
  static entry& grow(entries& all, std::string_view apex, std::string_view name,
                     touched_names* touched);
  void count_change() noexcept {
    if (source_ == serial_source::counted) ++serial_;
  }
  void prune(std::string_view name, touched_names& touched);
  void count_cut(std::string_view name, const entry& e, int change);
  [[nodiscard]] zone_node build(std::string_view name, const entry& e) const;
  [[nodiscard]] change_set collect(const touched_names& touched, std::size_t records) const;

  const zone_id id_;
  const wire_name apex_;
  const zone_limits limits_;
  const serial_source source_;
  entries entries_;
  std::array<std::uint32_t, 128> cuts_{};  ///< delegations and DNAMEs by label count
  std::size_t records_ = 0;
  std::uint32_t serial_ = 0;
  std::uint32_t file_serial_ = 0;
  bool loaded_ = false;
};

}  // namespace stagedoor::dns
