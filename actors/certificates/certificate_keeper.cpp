// SPDX-License-Identifier: Apache-2.0
#include "actors/certificates/certificate_keeper.hpp"

#include "actors/certificates/certificate_sources.hpp"
#include "actors/loop_gateway.hpp"
#include "actors/publishers/changes.hpp"
#include "actors/support/actor_names.hpp"
#include "messages/supervision.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

std::map<std::string, resolver_facts> resolvers_of(const configs::static_config& edge) {
  std::map<std::string, resolver_facts> out;
  for (const auto& r : edge.resolvers) {
    auto& facts = out[r.name];
    if (r.http_challenge) continue;
    if (r.dns_challenge)
      facts.unsupported = fmt::format("dnsChallenge with provider \"{}\" is not supported yet",
                                      r.dns_challenge->provider);
    else if (r.tls_challenge)
      facts.unsupported = "tlsChallenge is not supported yet";
    else
      facts.unsupported = fmt::format("resolver \"{}\" names no challenge", r.name);
  }
  return out;
}

std::string iso_time(wall_time at) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(wall_clock::to_time_t(at)));
}

}  // namespace

certificate_memory::certificate_memory(const configs::static_config& edge)
    : state(resolvers_of(edge)) {}

certificate_keeper::certificate_keeper(caf::actor_config& cfg, const node_parts& parts,
                                       std::shared_ptr<certificate_memory> memory)
    : shell(cfg, "certificate_keeper"),
      parts_(parts),
      memory_(std::move(memory)),
      state_(memory_->state),
      started_(now()) {}

caf::behavior certificate_keeper::make_behavior() {
  publish_name(system(), "certs", caf::actor_cast<caf::actor>(this));
  run(state_.taken_over(now()));
  read_sources();
  return {
      [this](const messages::want_certificate& m) { return want(m); },
      [this](const messages::release_certificate& m) {
        run(state_.release(m.host, now()));
        return messages::done{};
      },
      [this](const messages::list_certificates& m) { return list(m.limit); },
      [this](const watch_certificate_files& m) {
        memory_->files = std::make_shared<const std::vector<configs::tls_certificate>>(m.files);
        read_sources();
      },
      [this](const certificates_loaded& m) { loaded(m); },
      [this](const order_over& m) { order_ended(m); },
      [this](const messages::report_status&) { return report(); },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) ticked();
      },
  };
}

messages::certificate_status certificate_keeper::want(const messages::want_certificate& m) {
  auto effects = state_.want(m.host, m.resolver, now(), wall_clock::now());
  if (effects) {
    run(*std::move(effects));
    return {m.host, state_.state_of(m.host, wall_clock::now())};
  }
  log::warning("certificate not ordered", {{"host", m.host}, {"error", effects.error().detail}});
  return {m.host, "pending: " + effects.error().detail};
}

// -- sources ------------------------------------------------------------------------

void certificate_keeper::read_sources() {
  if (reading_) {
    again_ = true;
    return;
  }
  auto files = memory_->files;
  reading_files_ = files != nullptr;
  if (files == nullptr) files = std::make_shared<const std::vector<configs::tls_certificate>>();
  reading_since_ = now();
  reading_ = parts_.files->post([to = address(), config = parts_.config, files] {
    loop_gateway::send(to, read_certificate_sources(*config, *files));
  });
  next_read_ = now() + (reading_ ? reread_interval : retry_interval);
  arm();
}

void certificate_keeper::loaded(const certificates_loaded& m) {
  reading_ = false;
  has_read_ = true;
  has_read_files_ = has_read_files_ || reading_files_;
  std::set<std::string> problems(m.problems.begin(), m.problems.end());
  for (const auto& problem : problems)
    if (!told_.contains(problem)) log::warning("certificate not loaded", {{"error", problem}});
  told_ = std::move(problems);

  keeper_effects effects;
  const auto found = [&](const std::string& source, const std::vector<tls::certificate>& all) {
    for (auto& e : state_.found(source, all, now(), wall_clock::now()))
      effects.push_back(std::move(e));
  };
  std::size_t sources = 0;
  std::size_t certificates = 0;
  for (const auto& [source, all] : m.by_source) {
    std::vector<std::string> prints;
    for (const auto& c : all) prints.emplace_back(c.fingerprint());
    auto& known = memory_->seen[source];
    if (known == prints) continue;
    known = std::move(prints);
    ++sources;
    certificates += all.size();
    found(source, all);
  }
  const auto is_unreadable = [&](const std::string& source) {
    return std::any_of(m.unreadable.begin(), m.unreadable.end(), [&](const std::string& u) {
      return source == u || (u.ends_with('/') && source.starts_with(u));
    });
  };
  // What is not configured any more, or was deleted; but not what only could not be read.
  std::erase_if(memory_->seen, [&](const auto& entry) {
    if (m.by_source.contains(entry.first) || is_unreadable(entry.first)) return false;
    ++sources;
    found(entry.first, {});
    return true;
  });
  if (sources > 0)
    log::info("certificates loaded", {{"changed", sources}, {"certificates", certificates}});
  run(std::move(effects));
  maybe_order();
  const auto took = std::chrono::duration_cast<milliseconds>(now() - reading_since_);
  next_read_ = now() + std::max(reread_interval, took * rest_per_reading);
  if (std::exchange(again_, false)) read_sources();
  arm();
}

void certificate_keeper::maybe_order() {
  if (state_.knows_sources() || !has_read_) return;
  if (!has_read_files_ && now() < started_ + files_grace) return;
  run(state_.sources_known(now()));
}

// -- effects ------------------------------------------------------------------------

void certificate_keeper::run(keeper_effects effects) {
  std::vector<std::string> names;
  for (auto& effect : effects) {
    if (auto* s = std::get_if<serve_certificate>(&effect))
      names.push_back(std::move(s->name));
    else if (auto* d = std::get_if<drop_certificate>(&effect))
      names.push_back(std::move(d->name));
    else if (const auto* b = std::get_if<begin_order>(&effect))
      begin(*b);
    else if (const auto* a = std::get_if<abandon_order>(&effect))
      tell(find_name(system(), "orders"), messages::stop_child{order_id(a->host, a->number)});
  }
  publish(names);
  arm();
}

// What is served under the names now, whatever it was when they were noted.
void certificate_keeper::publish(const std::vector<std::string>& names) {
  if (names.empty()) return;
  struct row {
    std::string name;
    std::optional<tls::certificate> what;
  };
  const auto rows = std::make_shared<std::vector<row>>();
  for (const auto& name : names) {
    const auto* what = state_.served(name);
    rows->push_back({name, what == nullptr ? std::nullopt : std::optional(*what)});
  }
  ask<messages::published>(
      this, find_name(system(), "certtable"), change_certificates{{[rows](auto& table) {
        for (const auto& r : *rows)
          if (r.what)
            table.put(r.name, *r.what);
          else
            table.erase(r.name);
      }}},
      longest_wait, [](messages::published&) {},
      [this, names](const fault& f) {
        log::error("certificates not published", {{"error", to_string(f)}});
        unpublished_.insert(names.begin(), names.end());
        next_read_ = std::min(next_read_, now() + retry_interval);
        arm();
      });
}

void certificate_keeper::begin(const begin_order& order) {
  const auto failed = [this, order](const fault& f) {
    // Behind what the order itself may have said before it ended.
    tell(caf::actor_cast<caf::actor>(this),
         order_over{order.host, order.number, {}, {acme::failure_class::server, f, {}, {}}});
  };
  ask<messages::child_location>(
      this, find_name(system(), "orders"),
      messages::start_child{order_id(order.host, order.number), order.resolver}, seconds(10),
      [this, failed](messages::child_location& found) {
        if (!found.handle)
          return failed({fault_kind::closed, fault_side::self, retryable::yes,
                         "the order could not be started"});
        watch(found.handle, [failed](const end_reason& reason) {
          failed({fault_kind::closed, fault_side::self, retryable::yes,
                  "the order ended: " + to_string(reason)});
        });
      },
      failed);
}

void certificate_keeper::order_ended(const order_over& m) {
  const bool awaited = state_.is_ordering(m.host, m.number);
  if (m.made.empty()) {
    if (!awaited) return;
    log::warning("certificate order failed", {{"host", m.host}, {"error", m.why.why.detail}});
    run(state_.order_failed(m.host, m.number, m.why, now(), wall_clock::now()));
    return;
  }
  log::info("certificate issued", {{"host", m.host}, {"not_after", iso_time(m.made.not_after())}});
  run(state_.order_completed(m.host, m.number, m.made, now(), wall_clock::now()));
}

// -- time -----------------------------------------------------------------------------

void certificate_keeper::ticked() {
  const auto again = std::exchange(unpublished_, {});
  publish({again.begin(), again.end()});
  if (now() >= next_read_) read_sources();
  maybe_order();
  run(state_.tick(now(), wall_clock::now()));
}

void certificate_keeper::arm() {
  auto next = next_read_;
  if (const auto due = state_.next_tick(); due && *due < next) next = *due;
  if (!state_.knows_sources())
    next = std::min(next, std::max(started_ + files_grace, now() + retry_interval));
  timer_.arm(*this, next);
}

// -- answers ----------------------------------------------------------------------------

messages::certificate_listing certificate_keeper::list(std::size_t limit) const {
  messages::certificate_listing out;
  out.total = state_.wanted();
  for (const auto& row :
       state_.rows(std::min<std::size_t>(limit, 10'000), now(), wall_clock::now()))
    out.rows.push_back({row.host, row.state, row.source, row.last_error,
                        row.next_try ? iso_time(*row.next_try) : "", row.attempts});
  return out;
}

messages::status_rows certificate_keeper::report() const {
  messages::status_rows out;
  const auto row = [&](const char* key, std::size_t value) {
    out.rows.push_back({"certificates", key, fmt::format("{}", value)});
  };
  row("names served", state_.names());
  row("hosts wanted", state_.wanted());
  row("orders", state_.ordering());
  return out;
}

}  // namespace stagedoor::actors
