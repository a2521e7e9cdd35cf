// SPDX-License-Identifier: Apache-2.0
// What the team_directory answers from the store: lists of teams, one team, the teams to be tended.
#include "actors/support/actor_names.hpp"
#include "actors/teams/team_directory.hpp"
#include "actors/teams/team_spec_json.hpp"
#include "messages/certificates.hpp"
#include "runtime/base/log.hpp"

#include <fmt/format.h>

namespace stagedoor::actors {

namespace {
constexpr std::size_t longest_list = 1'000;
constexpr const char* tended_batch = "1000";  ///< teams in one SSCAN
}  // namespace

// -- lists ------------------------------------------------------------------------

void team_directory::list(const messages::list_teams& m) {
  const auto caller = std::make_shared<promise<messages::team_listing>>(this);
  const auto limit = std::min<std::size_t>(m.limit, longest_list);
  ask<messages::redis_value>(
      this, find_name(system(), "redis"), team_log::names(m.after, limit, options_.deadline),
      options_.deadline,
      [caller](messages::redis_value& reply) {
        auto page = team_log::read_names(reply);
        if (page)
          caller->deliver({std::move(page->slugs), page->total});
        else
          caller->fail(page.error());
      },
      [caller](const fault& f) { caller->fail(f); });
}

void team_directory::build_index(const std::string& cursor) {
  ask<messages::redis_value>(
      this, find_name(system(), "redis"),
      team_log::build_index(cursor, options_.index_page, index_, options_.deadline),
      options_.deadline,
      [this](messages::redis_value& next) {
        if (next.text != "0") return build_index(next.text);
        log::info("the list of teams is complete");
        tended_changed all;
        all.all = true;
        apply(all);
      },
      [this, cursor](const fault& f) {
        log::warning("the list of teams is not complete", {{"error", to_string(f)}});
        index_cursor_ = cursor;
      });
}

// -- one team ---------------------------------------------------------------------

void team_directory::find_spec(const std::string& slug,
                               std::function<void(std::optional<messages::team_spec>)> found,
                               const std::function<void(const fault&)>& failed) {
  if (const auto* json = state_.json_of(slug))
    if (auto spec = parse_team_spec(*json, options_.domain)) return found(*std::move(spec));
  ask<messages::redis_value>(
      this, find_name(system(), "redis"),
      messages::redis_command{{"HGET", team_log::teams_key, slug}, options_.deadline},
      options_.deadline,
      [this, found = std::move(found), failed](messages::redis_value& stored) {
        if (stored.type != messages::redis_type::text) return found(std::nullopt);
        auto spec = parse_team_spec(stored.text, options_.domain);
        if (spec)
          found(*std::move(spec));
        else
          failed(spec.error());
      },
      failed);
}

void team_directory::show(const messages::show_team& m) {
  const auto reply = std::make_shared<promise<messages::team_description>>(this);
  find_spec(
      m.slug,
      [this, reply, slug = m.slug](const std::optional<messages::team_spec>& spec) {
        if (spec) return describe(*spec, reply);
        const auto doing = state_.doing(slug);
        reply->fail({fault_kind::not_found, fault_side::client, retryable::no,
                     doing.empty() ? fmt::format("there is no team \"{}\"", slug)
                                   : fmt::format("team \"{}\" is {}", slug, doing)});
      },
      [reply](const fault& f) { reply->fail(f); });
}

void team_directory::describe(const messages::team_spec& spec,
                              const std::shared_ptr<promise<messages::team_description>>& reply) {
  const auto about = std::make_shared<messages::team_description>();
  about->spec = spec;
  const auto doing = state_.doing(spec.slug);
  about->state = doing.empty() ? "live" : doing;
  show_servers(about, [this, about, reply] {
    ask<messages::certificate_status>(
        this, find_name(system(), "certs"),
        messages::want_certificate{about->spec.host, options_.certificate_resolver},
        options_.deadline,
        [about, reply](messages::certificate_status& c) {
          about->certificate = c.state;
          reply->deliver(*about);
        },
        [about, reply](const fault& f) {
          about->certificate = "unknown: " + to_string(f);
          reply->deliver(*about);
        });
  });
}

// -- the teams to be tended ---------------------------------------------------------

void team_directory::list_tended(const messages::list_owned_ids& m) {
  promise<messages::owned_ids> caller(this);
  if (m.kind != "team")
    return caller.fail({fault_kind::invalid, fault_side::self, retryable::no,
                        fmt::format("\"{}\" is no kind of the team directory", m.kind)});
  if (m.known_version == tended_version_ && !listing_tended_)
    return caller.deliver({m.kind, tended_version_, {}});
  tended_callers_.push_back(std::move(caller));
  if (std::exchange(listing_tended_, true)) return;
  scan_tended("0");
}

void team_directory::scan_tended(const std::string& cursor) {
  ask<messages::redis_value>(
      this, find_name(system(), "redis"),
      messages::redis_command{{"SSCAN", team_log::tended_key, cursor, "COUNT", tended_batch},
                              options_.deadline},
      options_.deadline,
      [this](messages::redis_value& page) {
        if (page.items.size() == 2) {
          for (auto& slug : page.items[1].items) tended_.insert(std::move(slug.text));
          if (page.items[0].text != "0" && tended_.size() < defaults::owned_ids)
            return scan_tended(page.items[0].text);
        }
        listing_tended_ = false;
        const messages::owned_ids all{"team", tended_version_, {tended_.begin(), tended_.end()}};
        tended_.clear();
        for (auto& caller : std::exchange(tended_callers_, {})) caller.deliver(all);
      },
      [this](const fault& f) {
        listing_tended_ = false;
        tended_.clear();
        for (auto& caller : std::exchange(tended_callers_, {})) caller.fail(f);
      });
}

void team_directory::apply(tended_changed& e) {
  // A version that does not follow the last one makes the cluster ask for the whole.
  tended_version_ += e.all ? 2 : 1;
  if (e.all)
    for (const auto& [slug, checker] : checkers_) untold_.insert(slug);
  if (listing_tended_) {  // what it has read of these may be older
    tended_.insert(e.added.begin(), e.added.end());
    for (const auto& slug : e.removed) tended_.erase(slug);
  }
  tell(find_name(system(), "cluster"),
       messages::owned_ids_changed{"team", tended_version_, std::move(e.added),
                                   std::move(e.removed)});
}

}  // namespace stagedoor::actors
