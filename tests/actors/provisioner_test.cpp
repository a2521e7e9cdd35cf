// SPDX-License-Identifier: Apache-2.0
// The provisioner against everybody it asks, played by one actor that refuses, loses or delays what
// the test tells it to.
#include "actors/teams/provisioner.hpp"

#include "actors/support/actor_names.hpp"
#include "actors/teams/team_spec_json.hpp"
#include "messages/certificates.hpp"
#include "messages/dns.hpp"
#include "messages/health.hpp"
#include "messages/publishing.hpp"
#include "messages/supervision.hpp"
#include "messages/support.hpp"
#include "tests/support/actor_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using messages::deprovision_team;
using messages::provision_team;
using messages::redis_type;
using messages::redis_value;
using messages::team_flow_finished;
using messages::team_flow_progressed;
using messages::team_spec;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

redis_value text(std::string t) {
  redis_value v;
  v.type = redis_type::text;
  v.text = std::move(t);
  return v;
}

/// What happens to a question, once; later ones are answered.
enum class fate {
  refused,      ///< a fault, and nothing happened
  lost,         ///< no answer, and nothing happened
  answer_lost,  ///< no answer, and it happened
};

/// Redis, names, sites, certificates and checkers, as far as the provisioner can see them.
struct world {
  std::map<std::string, std::string> store;
  std::set<std::string> names;
  std::map<std::string, shared_plans> sites;
  std::set<std::string> certificates;
  std::vector<std::string> events;       ///< on team:status
  std::vector<std::string> asked;        ///< each question by its first words
  std::map<std::string, fate> next;      ///< by question
  std::map<std::string, fault> refuses;  ///< by question, always
  std::vector<std::string> checkers, forgotten;
  caf::actor outlived;  ///< the checker that locate_child finds
};

class everybody final : public shell {
 public:
  everybody(caf::actor_config& cfg, world& w) : shell(cfg, "everybody"), world_(w) {}

  caf::behavior make_behavior() override {
    for (const char* name : {"redis", "zonedir", "registry", "certs", "checkers", "health"})
      publish_name(system(), name, caf::actor_cast<caf::actor>(this));
    return {
        [this](const messages::redis_command& m) {
          answer<redis_value>(m.words[0], [this, &m] { return redis(m.words); });
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
        [this](const messages::start_child& m) {
          answer<messages::child_location>("checker", [&] {
            world_.checkers.push_back("start " + m.id);
            return messages::child_location{m.id, {}};
          });
        },
        [this](const messages::locate_child& m) {
          answer<messages::child_location>("locate", [&] {
            return messages::child_location{m.id, world_.outlived};
          });
        },
        [this](const messages::stop_child& m) { world_.checkers.push_back("stop " + m.id); },
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
    EXPECT_EQ(words[1], "stagedoor:teams");
    if (words[0] == "HGET") {
      if (const auto it = world_.store.find(words[2]); it != world_.store.end())
        return text(it->second);
    } else if (words[0] == "HSET") {
      world_.store[words[2]] = words[3];
    } else if (words[0] == "HDEL") {
      world_.store.erase(words[2]);
    } else {
      return scan(words[2], std::stoul(words[4]));
    }
    return out;
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

/// Orders flows and hears of their progress.
class orderer final : public shell {
 public:
  using work = std::function<void(caf::event_based_actor*)>;
  orderer(caf::actor_config& cfg, work todo, std::vector<team_flow_progressed>& heard)
      : shell(cfg, "orderer"), todo_(std::move(todo)), heard_(heard) {}
  caf::behavior make_behavior() override {
    std::exchange(todo_, {})(this);
    return {[this](const team_flow_progressed& m) { heard_.push_back(m); }};
  }

 private:
  work todo_;
  std::vector<team_flow_progressed>& heard_;
};

team_spec a_team(const std::string& slug = "team-a", const std::string& web = "http://10.0.0.2") {
  team_spec spec;
  spec.slug = slug;
  spec.host = slug + ".test";
  spec.api = {"http://10.0.0.1:8000"};
  spec.web = {web};
  return spec;
}

class provisioner_test : public actor_fixture {
 protected:
  using outcome = std::shared_ptr<std::optional<result<team_flow_finished>>>;

  provisioner_test() {
    catalog_->tls_entry_points = 2;
    catalog_->middlewares["known@file"] = {};
    options_.domain = "test";
    options_.first_catalog = catalog_;
    options_.certificate_resolver = "le";
    options_.probe = [this](std::vector<std::string> urls, std::string path, milliseconds deadline,
                            std::function<void(std::vector<probe_failure>)> finished) {
      probed_.insert(probed_.end(), urls.begin(), urls.end());
      EXPECT_EQ(deadline, options_.probe_deadline);
      probed_path_ = path;
      if (probe_holds_)
        held_ = std::move(finished);
      else
        finished(ill_);
    };
    options_.on_live = [this] { ++live_; };
    (void)spawn<everybody>(world_);
  }

  void start() { teams_ = spawn<provisioner>(options_); }

  template <class Order>
  outcome order(Order o) {
    auto heard = std::make_shared<std::optional<result<team_flow_finished>>>();
    (void)spawn<orderer>(
        [=, to = teams_](caf::event_based_actor* self) {
          actors::ask<team_flow_finished>(
              self, to, o, seconds(600), [heard](team_flow_finished& f) { *heard = f; },
              [heard](const fault& f) { *heard = f; });
        },
        progress_);
    return heard;
  }
  outcome provision(const team_spec& spec, const std::string& flow = "f") {
    return order(provision_team{flow, "u", spec});
  }
  outcome deprovision(const std::string& slug, std::uint32_t delivery = 1,
                      const std::string& flow = "d") {
    return order(deprovision_team{flow, "u", slug, delivery});
  }
  static std::string said(const outcome& o) {
    if (!o->has_value()) return "nothing yet";
    return **o ? "finished" : to_string((*o)->error());
  }
  /// What everybody has of a team; "" = nobody has anything.
  std::string known_of(const std::string& slug) {
    std::string out;
    if (const auto it = world_.store.find(slug); it != world_.store.end())
      out += "store " + it->second + "; ";
    if (world_.names.contains(slug)) out += "name; ";
    if (const auto it = world_.sites.find(slug + ".test"); it != world_.sites.end()) {
      out += "site";
      for (const auto& plan : *it->second) out += " " + plan.service.servers.at(0).url;
      out += "; ";
    }
    if (world_.certificates.contains(slug + ".test from le")) out += "certificate; ";
    return out;
  }
  static std::string all_of(const team_spec& spec) {
    return "store " + to_json(spec) + "; name; site " + spec.api[0] + " " + spec.web[0] +
           "; certificate; ";
  }
  std::vector<std::string> listed() {
    const auto teams = ask<messages::team_listing>(teams_, messages::list_teams{"", 100});
    return teams ? teams->slugs : std::vector<std::string>{to_string(teams.error())};
  }
  std::string status(const std::string& key) {
    const auto rows = ask<messages::status_rows>(teams_, messages::report_status{});
    if (rows)
      for (const auto& row : rows->rows)
        if (row.key == key) return row.value;
    return "?";
  }
  result<messages::team_description> shown(const std::string& slug) {
    return ask<messages::team_description>(teams_, messages::show_team{slug});
  }

  world world_;
  std::shared_ptr<catalog> catalog_ = std::make_shared<catalog>();
  provisioner_options options_;
  std::vector<team_flow_progressed> progress_;
  std::vector<std::string> probed_;
  std::string probed_path_;
  std::vector<probe_failure> ill_;
  bool probe_holds_ = false;
  std::function<void(std::vector<probe_failure>)> held_;
  int live_ = 0;
  caf::actor teams_;
};

// -- one flow -------------------------------------------------------------------

TEST_F(provisioner_test, brings_a_team_to_life_step_by_step) {
  start();
  auto spec = a_team();
  spec.health.path = "/health";
  ill_ = {{"http://10.0.0.2", "refused"}};
  const auto caller = provision(spec);
  ASSERT_EQ(said(caller), "finished");
  const auto& done = ***caller;
  EXPECT_EQ(done.flow, "f");
  EXPECT_EQ(done.slug, "team-a");
  EXPECT_EQ(done.host, "team-a.test");
  EXPECT_EQ(done.certificate, "pending: CA");
  EXPECT_THAT(done.unhealthy, ElementsAre("http://10.0.0.2: refused"));

  EXPECT_EQ(known_of("team-a"), all_of(spec));
  EXPECT_THAT(world_.asked,
              ElementsAre("HSCAN", "HGET", "HSET", "name", "site", "certificate", "PUBLISH"));
  EXPECT_THAT(world_.events, ElementsAre(team_event_json("team-a", "team-a.test", "live")));
  EXPECT_THAT(probed_, ElementsAre("http://10.0.0.1:8000", "http://10.0.0.2"));
  EXPECT_EQ(probed_path_, "/health");
  ASSERT_THAT(progress_, SizeIs(7));
  for (std::uint32_t i = 0; i < 7; ++i) {
    EXPECT_EQ(progress_[i].flow, "f");
    EXPECT_EQ(progress_[i].step, i + 1);
    EXPECT_EQ(progress_[i].total_steps, 7U);
  }
  EXPECT_EQ(progress_[1].message, "Storing the team");
  EXPECT_THAT(listed(), ElementsAre("team-a"));
  EXPECT_EQ(status("flows"), "0");
}

TEST_F(provisioner_test, takes_a_team_back_step_by_step) {
  start();
  (void)provision(a_team());
  (void)provision(a_team("team-b"), "g");
  world_.asked.clear();
  world_.events.clear();
  progress_.clear();
  const auto caller = deprovision("team-a");
  ASSERT_EQ(said(caller), "finished");
  EXPECT_EQ((**caller)->host, "team-a.test");
  EXPECT_EQ(known_of("team-a"), "");
  EXPECT_EQ(known_of("team-b"), all_of(a_team("team-b")));
  EXPECT_THAT(world_.asked, ElementsAre("HGET", "HDEL", "unsite", "unname", "release", "PUBLISH"));
  EXPECT_THAT(world_.events, ElementsAre(team_event_json("team-a", "team-a.test", "removed")));
  EXPECT_THAT(progress_, SizeIs(6));
  EXPECT_THAT(listed(), ElementsAre("team-b"));
}

TEST_F(provisioner_test, a_middleware_that_does_not_exist_is_refused_before_anything_is_asked) {
  start();
  auto spec = a_team();
  spec.middlewares = {"known@file", "ghost@file"};
  EXPECT_EQ(said(provision(spec)), "client invalid: middlewares: \"ghost@file\" does not exist");
  EXPECT_THAT(world_.asked, ElementsAre("HSCAN"));
  auto grown = std::make_shared<catalog>(*catalog_);
  grown->middlewares["ghost@file"] = {};
  tell(teams_, use_catalog{grown});
  EXPECT_EQ(said(provision(spec)), "finished");
}

TEST_F(provisioner_test, removing_what_is_not_there_fails_once_and_succeeds_when_delivered_again) {
  start();
  EXPECT_EQ(said(deprovision("ghost")), "client not found: there is no team \"ghost\"");
  EXPECT_THAT(world_.asked, Not(Contains("HDEL")));
  EXPECT_EQ(said(deprovision("ghost", 2)), "finished");
  EXPECT_THAT(world_.asked, Contains("unsite")) << "an earlier try may have stopped before it";
}

TEST_F(provisioner_test, routes_follow_the_catalog_of_the_moment) {
  start();
  (void)provision(a_team());
  EXPECT_THAT(*world_.sites["team-a.test"], SizeIs(2));
  auto both = std::make_shared<catalog>(*catalog_);
  both->plain_entry_points = 1;
  tell(teams_, use_catalog{both});
  (void)provision(a_team("team-b"));
  EXPECT_THAT(*world_.sites["team-b.test"], SizeIs(4));
}

// -- failures -------------------------------------------------------------------

struct failing_step {
  const char* question;
  fate how;
};
std::ostream& operator<<(std::ostream& out, const failing_step& f) {
  constexpr std::array names = {"refused", "lost", "answer_lost"};
  return out << f.question << " " << names.at(static_cast<std::size_t>(f.how));
}

std::vector<failing_step> every_way(std::initializer_list<const char*> questions) {
  std::vector<failing_step> out;
  for (const char* q : questions)
    for (const auto how : {fate::refused, fate::lost, fate::answer_lost}) out.push_back({q, how});
  return out;
}

class failing_provision : public provisioner_test,
                          public ::testing::WithParamInterface<failing_step> {
 protected:
  void fail_one(const team_spec& spec) {
    world_.next[GetParam().question] = GetParam().how;
    const auto began = now();
    const auto caller = provision(spec, "failing");
    if (GetParam().how == fate::refused) {
      EXPECT_EQ(said(caller), fmt::format("store refused: {}", GetParam().question));
      return;
    }
    EXPECT_EQ(said(caller), "nothing yet");
    advance(options_.step_deadline - milliseconds(1));
    EXPECT_EQ(said(caller), "nothing yet");
    advance(milliseconds(1));
    ASSERT_TRUE(caller->has_value());
    ASSERT_FALSE(**caller);
    EXPECT_EQ((**caller).error().kind, fault_kind::timed_out);
    EXPECT_EQ(now() - began, options_.step_deadline);
  }
};
INSTANTIATE_TEST_SUITE_P(each_step, failing_provision,
                         ::testing::ValuesIn(every_way({"HGET", "HSET", "name", "site",
                                                        "certificate", "PUBLISH"})));

TEST_P(failing_provision, leaves_nothing_of_a_new_team) {
  start();
  fail_one(a_team());
  EXPECT_EQ(known_of("team-a"), "");
  EXPECT_THAT(listed(), IsEmpty());
  EXPECT_EQ(status("flows"), "0");
  ASSERT_EQ(said(provision(a_team(), "again")), "finished");
  EXPECT_EQ(known_of("team-a"), all_of(a_team()));
}

TEST_P(failing_provision, puts_back_what_was_there) {
  start();
  const auto old = a_team();
  ASSERT_EQ(said(provision(old, "first")), "finished");
  fail_one(a_team("team-a", "http://10.0.0.99"));
  EXPECT_EQ(known_of("team-a"), all_of(old));
  const auto about = shown("team-a");
  ASSERT_TRUE(about);
  EXPECT_EQ(about->spec.web, old.web);
}

TEST_F(provisioner_test, undoing_goes_on_when_a_part_of_it_fails) {
  start();
  world_.next = {{"PUBLISH", fate::refused}, {"unsite", fate::refused}, {"unname", fate::lost}};
  const auto caller = provision(a_team());
  advance(options_.step_deadline);
  EXPECT_EQ(said(caller), "store refused: PUBLISH") << "the first cause, not what came of it";
  EXPECT_FALSE(world_.store.contains("team-a"));
  EXPECT_THAT(world_.certificates, IsEmpty());
}

class failing_deprovision : public provisioner_test,
                            public ::testing::WithParamInterface<failing_step> {};
INSTANTIATE_TEST_SUITE_P(each_step, failing_deprovision,
                         ::testing::ValuesIn(every_way({"HGET", "HDEL", "unsite", "unname",
                                                        "release", "PUBLISH"})));

TEST_P(failing_deprovision, goes_on_where_it_stopped_when_delivered_again) {
  start();
  (void)provision(a_team());
  world_.next[GetParam().question] = GetParam().how;
  const auto caller = deprovision("team-a");
  advance(options_.step_deadline);
  ASSERT_TRUE(caller->has_value());
  EXPECT_FALSE(**caller) << "nobody is told that it is gone";
  if (world_.store.contains("team-a")) {
    EXPECT_EQ(known_of("team-a"), all_of(a_team())) << "it was not touched";
  }
  ASSERT_EQ(said(deprovision("team-a", 2)), "finished");
  EXPECT_EQ(known_of("team-a"), "");
  EXPECT_THAT(listed(), IsEmpty());
}

// -- many flows -----------------------------------------------------------------

TEST_F(provisioner_test, a_flow_id_in_use_is_refused_to_the_second_caller_only) {
  start();
  probe_holds_ = true;
  const auto first = provision(a_team());
  const auto second = provision(a_team("team-b"));
  EXPECT_EQ(said(second), "client conflict: flow f is running already");
  EXPECT_EQ(said(first), "nothing yet");
  held_({});
  run();
  EXPECT_EQ(said(first), "finished");
  EXPECT_EQ(known_of("team-b"), "");
}

TEST_F(provisioner_test, flows_of_one_team_run_one_after_the_other) {
  start();
  probe_holds_ = true;
  const auto first = provision(a_team());
  const auto second = deprovision("team-a");
  const auto about = shown("team-a");
  ASSERT_TRUE(about);
  EXPECT_EQ(about->state, "provisioning");
  EXPECT_EQ(status("flows"), "2");
  EXPECT_EQ(said(second), "nothing yet");
  probe_holds_ = false;
  held_({});
  run();
  EXPECT_EQ(said(first), "finished");
  EXPECT_EQ(said(second), "finished");
  EXPECT_EQ(known_of("team-a"), "");
}

TEST_F(provisioner_test, too_many_flows_are_refused_for_now) {
  options_.max_flows = 1;
  start();
  probe_holds_ = true;
  const auto first = provision(a_team());
  const auto second = provision(a_team("team-b"), "g");
  ASSERT_TRUE(second->has_value());
  ASSERT_FALSE(**second);
  EXPECT_EQ((**second).error().kind, fault_kind::overloaded);
  EXPECT_EQ((**second).error().retry, retryable::yes);
  held_({});
  run();
  EXPECT_EQ(said(first), "finished");
}

// -- questions ------------------------------------------------------------------

TEST_F(provisioner_test, lists_teams_in_pages) {
  start();
  for (const char* slug : {"c", "a", "b"}) (void)provision(a_team(slug), slug);
  const auto page = ask<messages::team_listing>(teams_, messages::list_teams{"", 2});
  ASSERT_TRUE(page);
  EXPECT_THAT(page->slugs, ElementsAre("a", "b"));
  EXPECT_EQ(page->total, 3U);
  EXPECT_THAT(ask<messages::team_listing>(teams_, messages::list_teams{"b", 2})->slugs,
              ElementsAre("c"));
}

TEST_F(provisioner_test, shows_a_team_with_its_certificate_and_servers) {
  start();
  (void)provision(a_team());
  auto about = shown("team-a");
  ASSERT_TRUE(about);
  EXPECT_EQ(about->state, "live");
  EXPECT_EQ(about->certificate, "pending: CA");
  EXPECT_THAT(about->servers, ElementsAre("api http://10.0.0.1:8000", "web http://10.0.0.2"));
  world_.next["certificate"] = fate::refused;
  EXPECT_EQ(shown("team-a")->certificate, "unknown: store refused: certificate");
  EXPECT_EQ(to_string(shown("ghost").error()), "client not found: there is no team \"ghost\"");
}

TEST_F(provisioner_test, a_team_that_is_not_live_yet_is_said_to_be_on_its_way) {
  start();
  world_.next["HSET"] = fate::lost;
  (void)provision(a_team());
  EXPECT_EQ(to_string(shown("team-a").error()),
            "client not found: team \"team-a\" is provisioning");
}

// -- loading --------------------------------------------------------------------

TEST_F(provisioner_test, stored_teams_are_live_after_a_start) {
  world_.store = {{"team-a", to_json(a_team())}, {"team-b", to_json(a_team("team-b"))}};
  start();
  EXPECT_EQ(known_of("team-a"), all_of(a_team()));
  EXPECT_EQ(known_of("team-b"), all_of(a_team("team-b")));
  EXPECT_THAT(listed(), ElementsAre("team-a", "team-b"));
  EXPECT_EQ(live_, 1);
  EXPECT_EQ(status("store"), "loaded");
  EXPECT_THAT(world_.events, IsEmpty()) << "they were announced when they were new";
}

TEST_F(provisioner_test, stored_values_that_make_no_sense_are_left_out) {
  world_.store = {
      {"bad", "{"}, {"other", to_json(a_team())}, {"team-b", to_json(a_team("team-b"))}};
  start();
  EXPECT_THAT(listed(), ElementsAre("team-b"));
  EXPECT_THAT(world_.sites, SizeIs(1));
  EXPECT_EQ(live_, 1);
}

TEST_F(provisioner_test, teams_are_read_page_by_page_and_are_live_when_the_last_is_published) {
  for (int i = 0; i < 10; ++i) {
    const auto spec = a_team(fmt::format("t{}", i));
    world_.store[spec.slug] = to_json(spec);
  }
  options_.load_batch = 3;
  options_.load_window = 2;
  world_.next["site"] = fate::lost;
  start();
  EXPECT_EQ(std::count(world_.asked.begin(), world_.asked.end(), "HSCAN"), 4);
  EXPECT_THAT(listed(), SizeIs(10));
  EXPECT_EQ(live_, 0) << "one of them is not published yet";
  advance(longest_wait);
  EXPECT_EQ(live_, 1) << "one that cannot be does not hold up the others";
}

TEST_F(provisioner_test, a_store_that_cannot_be_read_is_asked_again_and_orders_are_taken) {
  world_.store = {{"team-a", to_json(a_team())}};
  world_.refuses["HSCAN"] = {fault_kind::unreachable, fault_side::store, retryable::yes, "down"};
  start();
  EXPECT_EQ(status("store"), "waiting for Redis");
  EXPECT_EQ(said(provision(a_team("team-b"))), "finished");
  advance(seconds(3));
  EXPECT_EQ(std::count(world_.asked.begin(), world_.asked.end(), "HSCAN"), 4);
  EXPECT_EQ(live_, 0);
  world_.refuses.clear();
  advance(seconds(1));
  EXPECT_THAT(listed(), ElementsAre("team-a", "team-b"));
  EXPECT_EQ(live_, 1);
}

TEST_F(provisioner_test, a_new_connection_brings_what_was_stored_meanwhile_and_only_that) {
  world_.store = {{"team-a", to_json(a_team())}};
  start();
  world_.asked.clear();
  world_.store["team-b"] = to_json(a_team("team-b"));
  tell(teams_, store_connected{});
  EXPECT_THAT(listed(), ElementsAre("team-a", "team-b"));
  EXPECT_EQ(std::count(world_.asked.begin(), world_.asked.end(), "site"), 1);
  EXPECT_EQ(live_, 1) << "once";
}

TEST_F(provisioner_test, what_is_stored_does_not_overrule_a_running_flow) {
  start();
  probe_holds_ = true;
  const auto caller = provision(a_team("team-a", "http://10.0.0.7"));
  world_.store["team-a"] = to_json(a_team("team-a", "http://10.0.0.8"));
  tell(teams_, store_connected{});
  EXPECT_THAT(known_of("team-a"), HasSubstr("http://10.0.0.7;"));
  held_({});
  run();
  EXPECT_EQ(said(caller), "finished");
}

// -- a restart in the middle of a flow --------------------------------------------

class interrupted : public provisioner_test, public ::testing::WithParamInterface<failing_step> {
 protected:
  /// Begins a flow that waits for the answer to one question, and ends the provisioner there.
  template <class Begin>
  void crash_in(Begin begin) {
    world_.next[GetParam().question] = GetParam().how;
    const auto caller = begin();
    ASSERT_EQ(said(caller), "nothing yet");
    kill(std::exchange(teams_, {}));
    advance(options_.step_deadline);  // its own question keeps it in memory that long
    ASSERT_TRUE(caller->has_value());
    ASSERT_FALSE(**caller);
    EXPECT_EQ((**caller).error().kind, fault_kind::closed);
  }
  /// Stored and live, or neither.
  void expect_whole(const team_spec& spec) {
    if (world_.store.contains(spec.slug)) {
      EXPECT_EQ(known_of(spec.slug), all_of(spec));
      EXPECT_THAT(listed(), Contains(spec.slug));
    } else {
      EXPECT_THAT(listed(), IsEmpty());
    }
  }
};
class interrupted_provision : public interrupted {};
class interrupted_deprovision : public interrupted {};
std::vector<failing_step> every_loss(std::initializer_list<const char*> questions) {
  auto all = every_way(questions);
  std::erase_if(all, [](const auto& f) { return f.how == fate::refused; });
  return all;
}
INSTANTIATE_TEST_SUITE_P(each_step, interrupted_provision,
                         ::testing::ValuesIn(every_loss({"HGET", "HSET", "name", "site",
                                                         "certificate", "PUBLISH"})));
INSTANTIATE_TEST_SUITE_P(each_step, interrupted_deprovision,
                         ::testing::ValuesIn(every_loss({"HGET", "HDEL", "unsite", "unname",
                                                         "release", "PUBLISH"})));

TEST_P(interrupted_provision, is_whole_after_the_start_and_done_after_the_second_delivery) {
  start();
  crash_in([this] { return provision(a_team()); });
  start();
  expect_whole(a_team());
  EXPECT_EQ(said(provision(a_team())), "finished");
  EXPECT_EQ(known_of("team-a"), all_of(a_team()));
  EXPECT_THAT(listed(), ElementsAre("team-a"));
}

TEST_P(interrupted_deprovision, is_whole_after_the_start_and_done_after_the_second_delivery) {
  start();
  (void)provision(a_team());
  crash_in([this] { return deprovision("team-a"); });
  start();
  expect_whole(a_team());
  EXPECT_EQ(said(deprovision("team-a", 2)), "finished");
  EXPECT_EQ(known_of("team-a"), "");
  EXPECT_THAT(listed(), IsEmpty());
}

// -- health ---------------------------------------------------------------------

struct provisioner_health_test : provisioner_test {
  probe checker = make_probe();
  provisioner_health_test() {
    checker.answers<messages::report_servers>([](const messages::report_servers&) {
      return messages::server_states{{{"http://10.0.0.2", "down: refused"}}};
    });
  }
  static team_spec checked() {
    auto spec = a_team();
    spec.health = {"/health", 1000};
    return spec;
  }
  static fault conflict() {
    return {fault_kind::conflict, fault_side::client, retryable::no, "exists already"};
  }
  void checker_starts() { tell(teams_, checker_ready{"team-a", checker.handle()}); }
};

TEST_F(provisioner_health_test, a_team_that_asks_for_checks_has_a_checker_while_it_lives) {
  start();
  (void)provision(checked());
  EXPECT_THAT(world_.checkers, ElementsAre("start team-a"));
  checker_starts();
  ASSERT_THAT(checker.received<messages::check_servers>(), SizeIs(1));
  EXPECT_EQ(checker.received<messages::check_servers>()[0].spec.slug, "team-a");
  EXPECT_THAT(shown("team-a")->servers,
              ElementsAre("api http://10.0.0.1:8000", "web http://10.0.0.2 down: refused"));
  auto changed = checked();
  changed.web = {"http://10.0.0.3"};
  (void)provision(changed);
  EXPECT_THAT(world_.checkers, SizeIs(1)) << "the same checker";
  ASSERT_THAT(checker.received<messages::check_servers>(), SizeIs(2));
  EXPECT_EQ(checker.received<messages::check_servers>()[1].spec.web, changed.web);
  (void)deprovision("team-a");
  EXPECT_THAT(world_.checkers, ElementsAre("start team-a", "stop team-a"));
  EXPECT_THAT(world_.forgotten, ElementsAre("team-a"));
}

TEST_F(provisioner_health_test, no_interval_no_checker) {
  start();
  (void)provision(a_team());
  EXPECT_THAT(world_.checkers, IsEmpty());
  (void)provision(checked());
  checker_starts();
  (void)provision(a_team());
  EXPECT_THAT(world_.checkers, ElementsAre("start team-a", "stop team-a"));
  checker.forget();
  checker_starts();  // it was restarted while the order to stop was under way
  EXPECT_THAT(world_.checkers, ElementsAre("start team-a", "stop team-a", "stop team-a"));
  EXPECT_EQ(checker.received_count(), 0U);
}

TEST_F(provisioner_health_test, a_checker_that_outlived_the_provisioner_is_found) {
  world_.store["team-a"] = to_json(checked());
  world_.refuses["checker"] = conflict();
  world_.outlived = checker.handle();
  start();
  EXPECT_THAT(checker.received<messages::check_servers>(), SizeIs(1));
}

TEST_F(provisioner_health_test, a_checker_that_is_stopping_is_waited_for) {
  world_.store["team-a"] = to_json(checked());
  world_.refuses["checker"] = conflict();
  start();
  world_.refuses.clear();
  EXPECT_THAT(world_.checkers, IsEmpty());
  advance(milliseconds(100));
  EXPECT_THAT(world_.checkers, ElementsAre("start team-a"));
}

TEST_F(provisioner_health_test, a_checker_that_could_not_start_is_started_with_the_next_change) {
  start();
  world_.next["checker"] = fate::refused;
  EXPECT_EQ(said(provision(checked())), "finished") << "a team is served without its checks";
  EXPECT_THAT(world_.checkers, IsEmpty());
  (void)provision(checked());
  EXPECT_THAT(world_.checkers, ElementsAre("start team-a"));
}

TEST_F(provisioner_health_test, a_checker_of_a_team_that_is_gone_is_stopped) {
  start();
  checker_starts();
  EXPECT_THAT(world_.checkers, ElementsAre("stop team-a"));
  EXPECT_EQ(checker.received_count(), 0U);
}

}  // namespace
}  // namespace stagedoor::actors
