// SPDX-License-Identifier: Apache-2.0
#include "actors/teams/team_directory.hpp"

#include "actors/support/actor_names.hpp"
#include "actors/teams/team_spec_json.hpp"
#include "messages/certificates.hpp"
#include "messages/support.hpp"
#include "runtime/base/log.hpp"

#include <caf/actor_cast.hpp>
#include <fmt/format.h>

namespace stagedoor::actors {

team_directory::team_directory(caf::actor_config& cfg, team_directory_options options)
    : shell(cfg, "team_directory"),
      options_(std::move(options)),
      index_(options_.certificate_resolver.empty() ? team_log::indexing::some
                                                   : team_log::indexing::all),
      state_(options_.domain, index_, options_.limits),
      catalog_(options_.first_catalog) {}

caf::behavior team_directory::make_behavior() {
  publish_name(system(), "teamdir", caf::actor_cast<caf::actor>(this));
  find_adopted();
  timer_.arm(*this, now() + tick_);
  return {
      [this](const messages::look_up_team& m) {
        const auto who = next_token_++;
        look_ups_.emplace(who, std::pair(m.slug, promise<messages::team_presence>(this)));
        run(state_.look_up(m.slug, who, now()));
      },
      [this](const messages::catch_up_to& m) {
        const auto who = next_token_++;
        catch_ups_.emplace(who, promise<messages::caught_up>(this));
        run(state_.catch_up(m.version, who, now()));
      },
      [this](const read_gathered&) {
        gathering_ = false;
        run(state_.gathered());
      },
      [this](const messages::list_teams& m) { list(m); },
      [this](const messages::show_team& m) { show(m); },
      [this](const messages::list_owned_ids& m) { list_tended(m); },
      [this](const hold_team& m) { hold(m); },
      [this](const team_changed& m) { run(state_.changed(m.slug, m.version, m.json, now())); },
      [this](const release_team& m) {
        for (auto& [holder, teams] : holders_) teams.erase(m.slug);
        run(state_.release(m.slug, m.ended, now()));
      },
      [this](const use_catalog& m) { catalog_ = m.now; },
      [this](const store_connected&) {
        if (adopted_) run(state_.connected(now()));
      },
      [this](const follow_closely&) {
        tick_ = defaults::team_log_close_interval;
        timer_.arm(*this, now() + tick_);
        run(state_.follow_closely(now()));
      },
      [this](const checker_ready& m) { checker_started(m.slug, m.handle); },
      [this](const messages::report_status&) { return report(); },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) wake();
      },
  };
}

// Before anything else: the tables outlive this actor, and what is in them must be followed.
void team_directory::find_adopted() {
  const auto go_on = [this] {
    adopted_ = true;
    run(state_.connected(now()));
  };
  ask<offered_hosts>(
      this, find_name(system(), "registry"), which_hosts{"team"}, options_.deadline,
      [this, go_on](offered_hosts& found) {
        const std::string tail = "." + options_.domain;
        for (auto& [host, use] : found.hosts)
          if (host.ends_with(tail))
            state_.adopt(host.substr(0, host.size() - tail.size()), std::move(use), now());
        go_on();
      },
      [go_on](const fault& f) {
        log::warning("active teams not found again", {{"error", to_string(f)}});
        go_on();
      });
}

void team_directory::wake() {
  timer_.arm(*this, now() + tick_);
  if (!adopted_) return;
  run(state_.tick(now()));
  tell_checkers();
  if (index_cursor_) build_index(*std::exchange(index_cursor_, std::nullopt));
}

// -- effects ----------------------------------------------------------------------

void team_directory::run(directory_effects effects) {
  std::vector<serve_team> served;
  std::vector<withdraw_team> withdrawn;
  for (auto& effect : effects) {
    if (auto* s = std::get_if<serve_team>(&effect))
      served.push_back(std::move(*s));
    else if (auto* w = std::get_if<withdraw_team>(&effect))
      withdrawn.push_back(std::move(*w));
    else
      std::visit(
          [this](auto& e) {
            using kind = std::decay_t<decltype(e)>;
            if constexpr (!std::is_same_v<kind, serve_team> && !std::is_same_v<kind, withdraw_team>)
              apply(e);
          },
          effect);
  }
  // A team that leaves and comes again within one run does so in this order.
  if (!withdrawn.empty()) withdraw(std::move(withdrawn));
  if (!served.empty()) serve(std::move(served));
  if (state_.has_gathered() && !std::exchange(gathering_, true))
    tell(caf::actor_cast<caf::actor>(this), read_gathered{});
}

void team_directory::apply(read_teams& e) {
  messages::redis_command command{{"HMGET", team_log::teams_key}, options_.deadline};
  command.words.insert(command.words.end(), e.slugs.begin(), e.slugs.end());
  const auto slugs = std::make_shared<const std::vector<std::string>>(std::move(e.slugs));
  ask<messages::redis_value>(
      this, find_name(system(), "redis"), std::move(command), options_.deadline,
      [this, slugs](messages::redis_value& found) {
        std::vector<std::optional<std::string>> values(slugs->size());
        for (std::size_t i = 0; i < std::min(values.size(), found.items.size()); ++i)
          if (found.items[i].type == messages::redis_type::text)
            values[i] = std::move(found.items[i].text);
        run(state_.stored(*slugs, std::move(values), now()));
      },
      [this, slugs](const fault& f) { run(state_.not_stored(*slugs, f, now())); });
}

void team_directory::apply(const read_log& e) {
  const auto failed = [this](const fault& f) {
    if (!std::exchange(log_lost_, true))  // one line, however long the store is away
      log::warning("log of teams not read", {{"error", to_string(f)}});
    run(state_.log_not_read(now()));
  };
  ask<messages::redis_value>(
      this, find_name(system(), "redis"), team_log::since(e.after, e.limit, options_.deadline),
      options_.deadline,
      [this, failed](messages::redis_value& reply) {
        const auto page = team_log::read_page(reply);
        if (!page) return failed(page.error());
        if (std::exchange(log_lost_, false)) log::info("log of teams read again");
        run(state_.log_read(*page, now()));
      },
      failed);
}

void team_directory::apply(const scan_teams& e) {
  const auto failed = [this](const fault& f) {
    log::warning("teams not read from the store", {{"error", to_string(f)}});
    state_.not_scanned();
  };
  ask<messages::redis_value>(
      this, find_name(system(), "redis"),
      messages::redis_command{
          {"HSCAN", team_log::teams_key, e.cursor, "COUNT", fmt::format("{}", e.count)},
          options_.deadline},
      options_.deadline,
      [this, failed](messages::redis_value& page) {
        if (page.items.size() != 2 || page.items[1].items.size() % 2 != 0)
          return failed({fault_kind::invalid, fault_side::store, retryable::no,
                         "HSCAN answered in an unknown form"});
        auto& words = page.items[1].items;
        std::vector<std::pair<std::string, std::string>> teams;
        for (std::size_t i = 0; i < words.size(); i += 2)
          teams.emplace_back(std::move(words[i].text), std::move(words[i + 1].text));
        run(state_.scanned(std::move(page.items[0].text), teams, now()));
      },
      failed);
}

void team_directory::apply(answer_look_up& e) {
  auto node = look_ups_.extract(e.who);
  if (node.empty()) return;
  auto& [slug, caller] = node.mapped();
  if (e.found)
    caller.deliver({std::move(slug), *e.found});
  else
    caller.fail(e.found.error());
}

void team_directory::apply(answer_hold& e) {
  auto node = holds_.extract(e.who);
  if (!node.empty()) node.mapped().deliver({std::move(e.use)});
}

void team_directory::apply(answer_catch_up& e) {
  auto node = catch_ups_.extract(e.who);
  if (node.empty()) return;
  if (e.version)
    node.mapped().deliver({*e.version});
  else
    node.mapped().fail(e.version.error());
}

void team_directory::apply(const look_ups_served&) {
  if (options_.on_look_ups_served) options_.on_look_ups_served();
}

void team_directory::apply(const stored_teams_live&) {
  if (options_.on_stored_teams_live) options_.on_stored_teams_live();
}

void team_directory::apply(const complete_index&) { build_index("0"); }

// -- publishing -------------------------------------------------------------------

/// A team is live, or gone, when both its site and its name are.
struct team_directory::round {
  std::function<void(const result<void>&)> finished;
  int missing = 2;
  result<void> outcome;

  void done(const result<void>& part) {
    if (!part && outcome) outcome = part.error();
    if (--missing == 0) finished(outcome);
  }
};

void team_directory::offer(offer_routes what, const std::shared_ptr<round>& r) {
  ask<messages::published>(
      this, find_name(system(), "registry"), std::move(what), longest_wait,
      [r](messages::published&) { r->done({}); }, [r](const fault& f) { r->done(f); });
}

template <class Order>
void team_directory::publish_names(Order order, std::vector<std::shared_ptr<round>> rounds) {
  const auto all = std::make_shared<std::vector<std::shared_ptr<round>>>(std::move(rounds));
  const auto over = [all](const result<void>& part) {
    for (const auto& r : *all) r->done(part);
  };
  ask<messages::published>(
      this, find_name(system(), "zonedir"), std::move(order), longest_wait,
      [over](messages::published&) { over({}); }, [over](const fault& f) { over(f); });
}

void team_directory::serve(std::vector<serve_team> teams) {
  const auto certificates = find_name(system(), "certs");
  messages::publish_host_names names;
  std::vector<std::shared_ptr<round>> rounds;
  for (auto& team : teams) {
    const auto r = std::make_shared<round>();
    r->finished = [this, slug = team.spec.slug, use = team.use](const result<void>& outcome) {
      run(state_.served(slug, use.get(), outcome, now()));
    };
    auto plans = std::make_shared<const route_plans>(routes_of(team.spec, *catalog_));
    offer({team.spec.host, "team", std::move(plans), team.use}, r);
    // Without a resolver there is nothing to order, and nothing to remember of each team.
    if (!options_.certificate_resolver.empty())
      tell(certificates, messages::want_certificate{team.spec.host, options_.certificate_resolver});
    names.labels.push_back(std::move(team.spec.slug));
    rounds.push_back(r);
  }
  publish_names(std::move(names), std::move(rounds));
}

void team_directory::withdraw(std::vector<withdraw_team> teams) {
  messages::withdraw_host_names names;
  std::vector<std::shared_ptr<round>> rounds;
  for (auto& team : teams) {
    const auto r = std::make_shared<round>();
    r->finished = [this, slug = team.slug](const result<void>& outcome) {
      run(state_.withdrawn(slug, outcome, now()));
    };
    const std::string host = fmt::format("{}.{}", team.slug, options_.domain);
    offer({host, "team", nullptr}, r);
    if (team.why == withdraw_team::reason::gone)
      tell(find_name(system(), "certs"), messages::release_certificate{host});
    names.labels.push_back(std::move(team.slug));
    rounds.push_back(r);
  }
  publish_names(std::move(names), std::move(rounds));
}

// -- flows ------------------------------------------------------------------------

void team_directory::hold(const hold_team& m) {
  const auto who = next_token_++;
  holds_.emplace(who, promise<team_held>(this));
  const auto holder = m.holder.address();
  holders_[holder].insert(m.slug);
  watch(m.holder, [this, holder](const end_reason&) {
    const auto node = holders_.extract(holder);
    if (node.empty()) return;
    for (const auto& slug : node.mapped()) run(state_.release(slug, flow_end::unsure, now()));
  });
  run(state_.hold(m.slug, m.doing, who, now()));
}

// -- status -----------------------------------------------------------------------

messages::status_rows team_directory::report() const {
  messages::status_rows out;
  const auto row = [&](const char* key, std::string value) {
    out.rows.push_back({"teams", key, std::move(value)});
  };
  const auto number = [](auto n) { return fmt::format("{}", n); };
  const auto& log = state_.log();
  row("known", number(state_.teams()));
  row("active", number(state_.active()));
  row("tended", number(state_.tended()));
  using warming = team_directory_state::warming;
  const auto warm = state_.warm_up();
  row("store", warm == warming::waiting   ? "waiting for Redis"
               : warm == warming::reading ? "loading"
               : warm == warming::done    ? "loaded"
                                          : "on demand");
  row("version", number(log.version()));
  row("epoch", log.epoch().substr(0, 12));
  return out;
}

}  // namespace stagedoor::actors
