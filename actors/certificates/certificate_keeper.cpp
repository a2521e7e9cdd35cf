// SPDX-License-Identifier: Apache-2.0
#include "actors/certificates/certificate_keeper.hpp"

#include "actors/certificates/certificate_sources.hpp"
#include "actors/loop_gateway.hpp"
#include "actors/publishers/changes.hpp"
#include "actors/support/actor_names.hpp"
#include "messages/supervision.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"

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

certificate_keeper::certificate_keeper(caf::actor_config& cfg, const node_parts& parts)
    : shell(cfg, "certificate_keeper"),
      parts_(parts),
      state_(resolvers_of(parts.config->edge)),
      files_(std::make_shared<const std::vector<configs::tls_certificate>>()) {}

caf::behavior certificate_keeper::make_behavior() {
  publish_name(system(), "certs", caf::actor_cast<caf::actor>(this));
  read_sources();
  return {
      [this](const messages::want_certificate& m) {
        want(m);
        return messages::certificate_status{m.host, state_.state_of(m.host)};
      },
      [this](const messages::release_certificate& m) {
        run(state_.release(m.host, now()));
        return messages::done{};
      },
      [this](const messages::list_certificates& m) { return list(m.limit); },
      [this](const watch_certificate_files& m) {
        files_ = std::make_shared<const std::vector<configs::tls_certificate>>(m.files);
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

void certificate_keeper::want(const messages::want_certificate& m) {
  auto effects = state_.want(m.host, m.resolver, now(), wall_clock::now());
  if (effects)
    run(*std::move(effects));
  else
    log::warning("certificate not ordered", {{"host", m.host}, {"error", effects.error().detail}});
}

// -- sources ------------------------------------------------------------------------

void certificate_keeper::read_sources() {
  next_read_ = now() + reread_interval;
  if (!reading_)
    reading_ = parts_.files->post([to = address(), config = parts_.config, files = files_] {
      loop_gateway::send(to, read_certificate_sources(*config, *files));
    });
  arm();
}

void certificate_keeper::loaded(const certificates_loaded& m) {
  reading_ = false;
  std::set<std::string> problems(m.problems.begin(), m.problems.end());
  for (const auto& problem : problems)
    if (!told_.contains(problem)) log::warning("certificate not loaded", {{"error", problem}});
  told_ = std::move(problems);
  for (const auto& [source, all] : m.by_source) {
    std::vector<std::string> prints;
    for (const auto& c : all) prints.emplace_back(c.fingerprint());
    if (const auto known = seen_.find(source); known != seen_.end() && known->second == prints)
      continue;
    seen_[source] = std::move(prints);
    if (!all.empty())
      log::info("certificates loaded", {{"source", source}, {"certificates", all.size()}});
    run(state_.found(source, all, now(), wall_clock::now()));
  }
}

// -- effects ------------------------------------------------------------------------

void certificate_keeper::run(keeper_effects effects) {
  auto serve = std::make_shared<std::vector<serve_certificate>>();
  auto drop = std::make_shared<std::vector<drop_certificate>>();
  for (auto& effect : effects) {
    if (auto* s = std::get_if<serve_certificate>(&effect))
      serve->push_back(std::move(*s));
    else if (auto* d = std::get_if<drop_certificate>(&effect))
      drop->push_back(std::move(*d));
    else if (const auto* b = std::get_if<begin_order>(&effect))
      begin(*b);
    else if (const auto* a = std::get_if<abandon_order>(&effect))
      tell(find_name(system(), "orders"), messages::stop_child{a->host});
  }
  if (!serve->empty() || !drop->empty())
    ask<messages::published>(
        this, find_name(system(), "certtable"), change_certificates{{[serve, drop](auto& table) {
          for (auto& s : *serve) table.put(s.name, s.what);
          for (const auto& d : *drop) table.erase(d.name);
        }}},
        longest_wait, [](messages::published&) {},
        [](const fault& f) {
          log::error("certificates not published", {{"error", to_string(f)}});
        });
  arm();
}

void certificate_keeper::begin(const begin_order& order) {
  ask<messages::child_location>(
      this, find_name(system(), "orders"), messages::start_child{order.host, order.resolver},
      seconds(10), [](messages::child_location&) {},
      [this, order](const fault& f) {
        order_ended({order.host, {}, {acme::failure_class::server, f, std::nullopt, std::nullopt}});
      });
}

void certificate_keeper::order_ended(const order_over& m) {
  if (m.made.empty()) {
    log::warning("certificate order failed", {{"host", m.host}, {"error", m.why.why.detail}});
    run(state_.order_failed(m.host, m.why, now()));
    return;
  }
  log::info("certificate issued", {{"host", m.host}, {"not_after", iso_time(m.made.not_after())}});
  run(state_.order_completed(m.host, m.made, now(), wall_clock::now()));
}

// -- time -----------------------------------------------------------------------------

void certificate_keeper::ticked() {
  if (now() >= next_read_) read_sources();
  run(state_.tick(now(), wall_clock::now()));
}

void certificate_keeper::arm() {
  auto next = next_read_;
  if (const auto due = state_.next_tick(); due && *due < next) next = *due;
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
