// SPDX-License-Identifier: Apache-2.0
#include "actors/dns/serial_keeper.hpp"

#include "actors/dns/zone_messages.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/teams/team_log.hpp"
#include "messages/dns.hpp"
#include "messages/supervision.hpp"
#include "messages/support.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/base/log.hpp"
#include "runtime/dns/zone_data.hpp"

#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

constexpr milliseconds store_deadline = seconds(2);

/// KEYS the marks, the log's state; ARGV the zone. Replies the zone's mark and the log's version.
const std::string read_text = R"lua(
return {redis.call('HGET', KEYS[1], ARGV[1]) or '', redis.call('HGET', KEYS[2], 'version') or '0'}
)lua";

}  // namespace

// -- marks -----------------------------------------------------------------------------------------

std::string to_text(const zone_mark& m) { return fmt::format("{} {}", m.serial, m.version); }

std::optional<zone_mark> parse_zone_mark(std::string_view text) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto serial = ascii::parse_number<std::uint32_t>(text.substr(0, space));
  const auto version = ascii::parse_number<std::uint64_t>(text.substr(space + 1));
  if (!serial || !version) return std::nullopt;
  return zone_mark{*serial, *version};
}

zone_mark next_mark(const std::optional<zone_mark>& stored, std::uint64_t version,
                    std::uint32_t served, std::uint32_t in_file) noexcept {
  if (!stored) return {served, version};
  zone_mark next = *stored;
  if (version != stored->version) next = {stored->serial + 1, version};
  if (in_file != 0 && dns::serial_before(next.serial, in_file)) next.serial = in_file;
  return next;
}

// -- the owner -------------------------------------------------------------------------------------

serial_keeper::serial_keeper(caf::actor_config& cfg, std::string zone, messages::owner_proof proof,
                             milliseconds interval)
    : shell(cfg, "serial_keeper"),
      zone_(std::move(zone)),
      proof_(std::move(proof)),
      interval_(interval) {}

caf::behavior serial_keeper::make_behavior() {
  look();
  return {
      [this](const messages::owner_proof& m) { proof_ = m; },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) look();
      },
  };
}

void serial_keeper::again() { timer_.arm(*this, now() + interval_); }

void serial_keeper::look() {
  const auto failed = [this](const fault&) { again(); };
  ask<messages::child_location>(
      this, find_name(system(), "zones"), messages::locate_child{zone_}, store_deadline,
      [this, failed](messages::child_location& zone) {
        ask<messages::zone_report>(
            this, zone.handle, messages::report_zone{}, store_deadline,
            [this, failed](messages::zone_report& served) {
              ask<messages::redis_value>(
                  this, find_name(system(), "redis"),
                  messages::redis_script{
                      read_text, {zones_key, team_log::state_key}, {zone_}, store_deadline},
                  store_deadline,
                  [this, served](messages::redis_value& found) { compare(found, served); }, failed);
            },
            failed);
      },
      failed);
}

void serial_keeper::compare(const messages::redis_value& found, const messages::zone_report& zone) {
  const auto version = found.items.size() == 2
                           ? ascii::parse_number<std::uint64_t>(found.items[1].text)
                           : std::nullopt;
  if (!version) return again();
  const auto stored = parse_zone_mark(found.items[0].text);
  const auto next = next_mark(stored, *version, zone.serial, zone.file_serial);
  if (stored == next) return again();
  ask<messages::done>(
      this, find_name(system(), "cluster"),
      messages::write_owned{proof_, {{"HSET", zones_key, zone_, to_text(next)}}, store_deadline},
      store_deadline, [this](messages::done&) { again(); },
      [this](const fault& f) {
        log::warning("serial not raised", {{"zone", zone_}, {"error", to_string(f)}});
        again();
      });
}

// -- everybody -------------------------------------------------------------------------------------

serial_follower::serial_follower(caf::actor_config& cfg, milliseconds interval)
    : shell(cfg, "serial_follower"), interval_(interval) {}

caf::behavior serial_follower::make_behavior() {
  look();
  return {
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) look();
      },
  };
}

void serial_follower::look() {
  timer_.arm(*this, now() + interval_);
  ask<messages::redis_value>(
      this, find_name(system(), "redis"),
      messages::redis_command{{"HGETALL", zones_key}, store_deadline}, store_deadline,
      [this](messages::redis_value& marks) { found(marks); },
      [](const fault&) {});  // the zones keep what they have
}

void serial_follower::found(const messages::redis_value& marks) {
  for (std::size_t i = 0; i + 1 < marks.items.size(); i += 2) {
    const auto mark = parse_zone_mark(marks.items[i + 1].text);
    if (!mark) continue;
    ask<messages::child_location>(
        this, find_name(system(), "zones"), messages::locate_child{marks.items[i].text},
        store_deadline,
        [serial = mark->serial](messages::child_location& zone) {
          tell(zone.handle, use_serial{serial});
        },
        [](const fault&) {});  // a zone that this node does not serve
  }
}

}  // namespace stagedoor::actors
