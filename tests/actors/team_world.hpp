// SPDX-License-Identifier: Apache-2.0
// Everybody whom provisioner and team_directory ask, played by one actor that refuses, loses or
// delays what the test tells it to.
#pragma once

#include "actors/support/actor_names.hpp"
#include "actors/teams/routing_messages.hpp"
#include "actors/teams/team_log.hpp"
#include "actors/teams/team_spec_json.hpp"
#include "messages/admin.hpp"
#include "messages/certificates.hpp"
#include "messages/dns.hpp"
#include "messages/health.hpp"
#include "messages/publishing.hpp"
#include "messages/support.hpp"
#include "tests/support/actor_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace stagedoor::actors::team_world {

using messages::redis_type;
using messages::redis_value;
using messages::team_spec;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

inline redis_value text(std::string t) {
  redis_value v;
  v.type = redis_type::text;
  v.text = std::move(t);
  return v;
}
inline redis_value integer(std::uint64_t n) {
  redis_value v;
  v.type = redis_type::integer;
  v.number = static_cast<std::int64_t>(n);
  return v;
}
inline redis_value list(std::vector<redis_value> items) {
  redis_value v;
  v.type = redis_type::list;
  v.items = std::move(items);
  return v;
}

/// What happens to a question, once; later ones are answered.
enum class fate {
  refused,      ///< a fault, and nothing happened
  lost,         ///< no answer, and nothing happened
  answer_lost,  ///< no answer, and it happened
};

/// Redis, names, sites and certificates, as far as they are seen from the teams.
struct world {
  std::map<std::string, std::string> store;
  std::string epoch = "e1";
  std::uint64_t version = 0, floor = 0;
  std::map<std::uint64_t, std::string> changes;  ///< slug by version
  std::set<std::string> tended;
  std::string indexed = "all";
  std::uint64_t fence = 0;  ///< of the owner's record; others are stale
  std::set<std::string> names;
  std::map<std::string, shared_plans> sites;
  std::set<std::string> certificates;
  std::vector<std::string> events;       ///< on team:status
  std::vector<std::string> asked;        ///< each question by its first words
  std::map<std::string, fate> next;      ///< by question
  std::map<std::string, fault> refuses;  ///< by question, always
  std::vector<std::string> forgotten;
  std::map<std::string, std::shared_ptr<http::site_use>> uses;  ///< by host

  /// What another node does.
  std::uint64_t write(const std::string& slug, const std::string& json) {
    std::erase_if(changes, [&](const auto& c) { return c.second == slug; });
    changes[++version] = slug;
    if (json.empty())
      store.erase(slug);
    else
      store[slug] = json;
    return version;
  }
  std::size_t count(const std::string& question) const {
    return static_cast<std::size_t>(std::count(asked.begin(), asked.end(), question));
  }
};

class everybody final : public shell {
 public:
  everybody(caf::actor_config& cfg, world& w) : shell(cfg, "everybody"), world_(w) {}

  caf::behavior make_behavior() override {
    for (const char* name : {"redis", "zonedir", "registry", "certs", "health"})
      publish_name(system(), name, caf::actor_cast<caf::actor>(this));
    return {
        [this](const messages::redis_command& m) {
          answer<redis_value>(m.words[0], [this, &m] { return redis(m.words); });
        },
        [this](const messages::redis_script& m) {
          answer<redis_value>(name_of(m), [this, &m] { return script(m); });
        },
        [this](const which_hosts& m) {
          EXPECT_EQ(m.source, "team");
          offered_hosts out;
          for (const auto& [host, routes] : world_.sites)
            out.hosts.emplace_back(host, world_.uses[host]);
          return out;
        },
        [this](const messages::publish_host_names& m) {
          answer<messages::published>("name", [&] {
            world_.names.insert(m.labels.begin(), m.labels.end());
            return messages::published{1};
          });
        },
        [this](const messages::withdraw_host_names& m) {
          answer<messages::published>("unname", [&] {
            for (const auto& label : m.labels) world_.names.erase(label);
            return messages::published{1};
          });
        },
        [this](const offer_routes& m) {
          answer<messages::published>(m.routes ? "site" : "unsite", [&] {
            EXPECT_EQ(m.source, "team");
            if (m.use) world_.uses[m.host] = m.use;
            if (m.routes)
              world_.sites[m.host] = m.routes;
            else
              world_.sites.erase(m.host);
            return messages::published{1};
          });
        },
        [this](const messages::want_certificate& m) {
          answer<messages::certificate_status>("certificate", [&] {
            world_.certificates.insert(m.host + " from " + m.resolver);
            return messages::certificate_status{m.host, "pending: CA"};
          });
        },
        [this](const messages::release_certificate& m) {
          answer<messages::done>("release", [&] {
            world_.certificates.erase(m.host + " from le");
            return messages::done{};
          });
        },
        [this](const messages::forget_servers& m) { world_.forgotten.push_back(m.slug); },
    };
  }

 private:
  template <class Reply>
  void answer(const std::string& what, const std::function<Reply()>& happen) {
    auto caller = std::make_shared<promise<Reply>>(this);
    world_.asked.push_back(what);
    if (const auto it = world_.refuses.find(what); it != world_.refuses.end())
      return caller->fail(it->second);
    const auto node = world_.next.extract(what);
    if (node && node.mapped() == fate::refused)
      return caller->fail({fault_kind::refused, fault_side::store, retryable::yes, what});
    if (node) unanswered_.push_back(caller);
    if (node && node.mapped() == fate::lost) return;
    auto reply = happen();
    if (!node) caller->deliver(std::move(reply));
  }

  redis_value redis(const std::vector<std::string>& words) {
    redis_value out;
    if (words[0] == "PUBLISH") {
      EXPECT_EQ(words[1], "team:status");
      world_.events.push_back(words[2]);
      return out;
    }
    if (words[0] == "SSCAN") {
      EXPECT_EQ(words[1], "stagedoor:teams:tended");
      std::vector<redis_value> slugs;
      for (const auto& slug : world_.tended) slugs.push_back(text(slug));
      return list({text("0"), list(std::move(slugs))});
    }
    EXPECT_EQ(words[1], "stagedoor:teams");
    if (words[0] == "HGET") return stored(words[2]);
    if (words[0] == "HSCAN") return scan(words[2], std::stoul(words[4]));
    EXPECT_EQ(words[0], "HMGET");
    std::vector<redis_value> found;
    for (std::size_t i = 2; i < words.size(); ++i) found.push_back(stored(words[i]));
    return list(std::move(found));
  }
  redis_value stored(const std::string& slug) const {
    const auto it = world_.store.find(slug);
    return it == world_.store.end() ? redis_value{} : text(it->second);
  }

  static std::string name_of(const messages::redis_script& m) {
    if (m.text == team_log::put({}, "", "", team_log::tending::none, {}).text) return "put";
    if (m.text == team_log::remove({}, "", {}).text) return "remove";
    if (m.text == team_log::since(0, 0, {}).text) return "since";
    if (m.text == team_log::names("", 0, {}).text) return "names";
    return "index";
  }
  redis_value script(const messages::redis_script& m) {
    const auto name = name_of(m);
    const auto& a = m.arguments;
    if (name == "put" || name == "remove") {
      if (a[2] != "0" && a[2] != std::to_string(world_.fence)) {
        auto stale = integer(0);
        stale.number = -1;
        return stale;
      }
      if (name == "remove" && !world_.store.contains(a[4])) return integer(world_.version);
      world_.write(a[4], name == "put" ? a[5] : "");
      if (name == "put" && a[6] == "1")
        world_.tended.insert(a[4]);
      else
        world_.tended.erase(a[4]);
      return integer(world_.version);
    }
    if (name == "since") return since(std::stoull(a[0]), std::stoul(a[1]));
    if (name == "names") {
      std::vector<redis_value> out{integer(world_.store.size())};
      for (auto it = world_.store.upper_bound(a[0]);
           it != world_.store.end() && out.size() <= std::stoul(a[1]); ++it)
        out.push_back(text(it->first));
      return list(std::move(out));
    }
    world_.indexed = a[2];
    return text("0");
  }
  redis_value since(std::uint64_t after, std::size_t limit) const {
    std::vector<redis_value> out{text(world_.epoch),
                                 text(std::to_string(world_.version)),
                                 text(std::to_string(world_.floor)),
                                 integer(world_.store.size()),
                                 integer(world_.tended.size()),
                                 text(world_.indexed)};
    for (auto it = world_.changes.upper_bound(after);
         it != world_.changes.end() && limit > 0 && after >= world_.floor; ++it, --limit) {
      const auto json = stored(it->second);
      out.insert(out.end(), {text(std::to_string(it->first)), text(it->second), text(json.text),
                             integer(world_.tended.contains(it->second) ? 1 : 0)});
    }
    return list(std::move(out));
  }

  // The cursor is the number of teams that were told.
  redis_value scan(const std::string& cursor, std::size_t count) {
    const std::size_t from = std::stoul(cursor);
    redis_value out, pairs;
    out.type = pairs.type = redis_type::list;
    std::size_t i = 0;
    for (const auto& [slug, json] : world_.store) {
      if (i >= from && i < from + count) {
        pairs.items.push_back(text(slug));
        pairs.items.push_back(text(json));
      }
      ++i;
    }
    out.items = {text(from + count < i ? std::to_string(from + count) : "0"), pairs};
    return out;
  }

  world& world_;
  std::vector<std::shared_ptr<void>> unanswered_;
};

inline team_spec a_team(const std::string& slug = "team-a",
                        const std::string& web = "http://10.0.0.2") {
  team_spec spec;
  spec.slug = slug;
  spec.host = slug + ".test";
  spec.api = {"http://10.0.0.1:8000"};
  spec.web = {web};
  return spec;
}

/// The world, a catalog, and what every test of a directory looks at.
class team_fixture : public actor_fixture {
 protected:
  team_fixture() { catalog_->tls_entry_points = 2; }

  std::string web_of(const std::string& slug) {
    for (const auto& plan : *world_.sites.at(slug + ".test"))
      if (plan.name.starts_with(slug + "-web")) return plan.service.servers.at(0).url;
    return "";
  }
  /// One row of what |who| reports.
  std::string status_of(const caf::actor& who, const std::string& key) {
    const auto rows = ask<messages::status_rows>(who, messages::report_status{});
    if (rows)
      for (const auto& row : rows->rows)
        if (row.key == key) return row.value;
    return "?";
  }

  world world_;
  std::shared_ptr<catalog> catalog_ = std::make_shared<catalog>();
  caf::actor teamdir_;
};

}  // namespace stagedoor::actors::team_world
