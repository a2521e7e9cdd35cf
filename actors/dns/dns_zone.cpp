// SPDX-License-Identifier: Apache-2.0
#include "actors/dns/dns_zone.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/publishers/changes.hpp"
#include "actors/support/actor_names.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"
#include "runtime/dns/name.hpp"

#include <algorithm>
#include <iterator>

namespace stagedoor::actors {

namespace {
constexpr milliseconds read_retry{5'000};     ///< after the files loop was full
constexpr milliseconds publish_retry{1'000};  ///< after a publication failed

bool matches(const dns::record& r, const dns::record_match& m) {
  return dns::same_name(r.owner, m.owner) && (!m.type || r.type == *m.type) &&
         (!m.rdata || dns::same_rdata(r.type, r.rdata, *m.rdata));
}

std::vector<dns::wire_name> names_of(const dns::change_set& change) {
  std::vector<dns::wire_name> out;
  out.reserve(change.items.size());
  for (const auto& item : change.items)
    out.push_back(item.key.substr(0, item.key.size() - dns::query_name::id_bytes));
  return out;
}
}  // namespace

dns_zone::dns_zone(caf::actor_config& cfg, dns_zone_options options)
    : shell(cfg, "dns_zone"), options_(std::move(options)) {}

caf::behavior dns_zone::make_behavior() {
  read();
  return {
      [this](const add_zone_records& m) { add(m); },
      [this](const remove_zone_records& m) { remove(m); },
      [this](const zone_file_read& m) { loaded(*m.content); },
      [this](const use_serial& m) {
        auto change = options_.state->set_serial(m.serial);
        if (!change.items.empty())
          make_live(
              std::move(change), [](messages::published) {}, [](const fault&) {});
      },
      [this](const messages::report_zone&) { return report(); },
      [this](const messages::tick& t) {
        if (alarm_.due(*this, t)) wake();
      },
  };
}

void dns_zone::add(const add_zone_records& m) {
  promise<messages::published> caller(this);
  if (options_.state->loaded()) {
    publish(options_.state->add_records(m.records), std::move(caller));
    return;
  }
  early_.insert(early_.end(), m.records.begin(), m.records.end());
  if (read_once_)
    caller.deliver({0});
  else
    early_callers_.push_back(std::move(caller));
}

void dns_zone::remove(const remove_zone_records& m) {
  for (const auto& match : m.matches)
    std::erase_if(early_, [&](const dns::record& r) { return matches(r, match); });
  promise<messages::published> caller(this);
  if (options_.state->loaded())
    publish(options_.state->remove_records(m.matches), std::move(caller));
  else
    caller.deliver({0});
}

// The first read has ended, well or not.
void dns_zone::catch_up() {
  read_once_ = true;
  const auto callers =
      std::make_shared<std::vector<promise<messages::published>>>(std::move(early_callers_));
  early_callers_.clear();
  const auto tell_all = [callers](messages::published live) {
    for (auto& caller : *callers) caller.deliver(live);
  };
  if (!options_.state->loaded() || early_.empty()) {
    tell_all({0});
    return;
  }
  auto change = options_.state->add_records(std::exchange(early_, {}));
  if (!change) {
    for (auto& caller : *callers) caller.fail(change.error());
    return;
  }
  make_live(*std::move(change), tell_all, [callers](const fault& f) {
    for (auto& caller : *callers) caller.fail(f);
  });
}

void dns_zone::read() {
  const bool taken = options_.run_blocking([to = address(), work = options_.read] {
    loop_gateway::send(to, zone_file_read{std::make_shared<const result<dns::zone_data>>(work())});
  });
  if (!taken) wake_at(read_at_, now() + read_retry);
}

void dns_zone::loaded(const result<dns::zone_data>& content) {
  const std::string zone = dns::name_text(options_.state->apex());
  if (options_.reload > milliseconds(0)) wake_at(read_at_, now() + options_.reload);
  auto change = content ? options_.state->load(*content) : result<dns::change_set>(content.error());
  if (!change) {
    const std::string said = to_string(change.error());
    if (said != last_error_) log::error("zone not loaded", {{"zone", zone}, {"error", said}});
    last_error_ = said;
    if (!read_once_) {
      catch_up();
      options_.on_first_read();
    }
    return;
  }
  last_error_.clear();
  if (!change->items.empty())
    log::info("zone loaded",
              {{"zone", zone}, {"serial", change->serial}, {"names", options_.state->names()}});
  const auto told = read_once_ ? std::function<void()>([] {}) : options_.on_first_read;
  if (change->items.empty())
    told();
  else
    make_live(
        *std::move(change), [told](messages::published) { told(); },
        [zone, told](const fault& f) {
          log::error("zone not published", {{"zone", zone}, {"error", to_string(f)}});
          told();
        });
  // Behind the file's names, in the same publisher's queue.
  if (!read_once_ || !early_.empty()) catch_up();
}

void dns_zone::publish(result<dns::change_set> change, promise<messages::published> caller) {
  if (!change) {
    caller.fail(change.error());
    return;
  }
  if (change->items.empty() && lost_.empty()) {  // it is so already
    caller.deliver({0});
    return;
  }
  const auto shared = std::make_shared<promise<messages::published>>(std::move(caller));
  make_live(
      *std::move(change), [shared](messages::published live) { shared->deliver(live); },
      [shared](const fault& f) { shared->fail(f); });
}

void dns_zone::make_live(dns::change_set change, std::function<void(messages::published)> live,
                         std::function<void(const fault&)> failed) {
  if (!lost_.empty()) {
    // Behind the change in the same step: both are what the state says now.
    const std::vector<dns::wire_name> names(lost_.begin(), lost_.end());
    auto again = options_.state->restate(names);
    change.items.insert(change.items.end(), std::make_move_iterator(again.items.begin()),
                        std::make_move_iterator(again.items.end()));
    lost_.clear();
  }
  publish_at_.reset();
  auto names = std::make_shared<const std::vector<dns::wire_name>>(names_of(change));
  const auto made = std::make_shared<dns::change_set>(std::move(change));
  ask<messages::published>(
      this, find_name(system(), "names"), change_names{{[made](dns::name_table_writer& table) {
        dns::stage(std::move(*made), table);
      }}},
      options_.publish_deadline, [live = std::move(live)](messages::published& p) { live(p); },
      [this, names = std::move(names), failed = std::move(failed)](const fault& f) {
        lost_.insert(names->begin(), names->end());
        wake_at(publish_at_, now() + publish_retry);
        failed(f);
      });
}

// -- time -------------------------------------------------------------------------

void dns_zone::wake_at(std::optional<mono_time>& what, mono_time when) {
  what = when;
  arm();
}

void dns_zone::arm() {
  const auto first = !read_at_      ? publish_at_
                     : !publish_at_ ? read_at_
                                    : std::min(read_at_, publish_at_);
  if (first) alarm_.arm(*this, *first);
}

void dns_zone::wake() {
  const auto due = [this](std::optional<mono_time>& what) {
    if (!what || *what > now()) return false;
    what.reset();
    return true;
  };
  if (due(read_at_)) read();
  if (due(publish_at_) && !lost_.empty())
    make_live(
        {}, [](messages::published) {}, [](const fault&) {});
  arm();
}

messages::zone_report dns_zone::report() const {
  const auto& z = *options_.state;
  return {dns::name_text(z.apex()),
          z.serial(),
          options_.has_file ? z.file_serial() : 0,
          z.names(),
          z.records(),
          last_error_};
}

}  // namespace stagedoor::actors
