// SPDX-License-Identifier: Apache-2.0
// The registry between callers, a supervisor and routers that do what the test says.
#include "actors/teams/site_registry.hpp"

#include "actors/support/actor_names.hpp"
#include "messages/supervision.hpp"
#include "tests/support/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using messages::published;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

shared_plans plans(const std::string& name) {
  route_plan plan;
  plan.name = name;
  return std::make_shared<const route_plans>(route_plans{plan});
}

using outcome = std::shared_ptr<std::optional<result<published>>>;

std::string said(const outcome& o) {
  if (!o->has_value()) return "nothing yet";
  return **o ? "live" : std::string(to_string((*o)->error().kind));
}

fault refusal(fault_kind kind) { return {kind, fault_side::self, retryable::no, "no"}; }

class site_registry_test : public actor_fixture {
 protected:
  site_registry_test() {
    site_registry_options options;
    options.max_sites = 3;
    options.start_deadline = seconds(5);
    options.publish_deadline = seconds(2);
    supervisor_.answers<messages::start_child>([](const messages::start_child& m) {
      return messages::child_location{m.id, {}};
    });
    supervisor_.answers<messages::stop_child>([](const messages::stop_child& m) {
      return messages::child_stopped{m.id, "shutdown"};
    });
    router_.answers<offer_routes>([this](const offer_routes&) { return published{++version_}; });
    publish_name(system(), "routers", supervisor_.handle());
    registry_ = spawn<site_registry>(options);
  }

  /// Asks without waiting; the outcome goes to the returned place.
  outcome offer(const std::string& host, const std::string& source, shared_plans routes) {
    auto heard = std::make_shared<std::optional<result<published>>>();
    send_on_errand([=, this](caf::event_based_actor* self) {
      actors::ask<published>(
          self, registry_, offer_routes{host, source, routes}, seconds(20),
          [heard](published& p) { *heard = p; }, [heard](const fault& f) { *heard = f; });
    });
    run();
    return heard;
  }
  void ready(const std::string& host) { tell(registry_, router_ready{host, router_.handle()}); }
  /// "source:route" or "source:-" of everything that the router was told, then forgets it.
  std::vector<std::string> routed() {
    std::vector<std::string> out;
    for (const auto& o : router_.received<offer_routes>())
      out.push_back(o.source + ":" + (o.routes == nullptr ? "-" : o.routes->at(0).name));
    router_.forget();
    return out;
  }
  std::vector<std::string> started() {
    std::vector<std::string> out;
    for (const auto& m : supervisor_.received<messages::start_child>()) out.push_back(m.id);
    return out;
  }
  std::vector<std::string> stopped() {
    std::vector<std::string> out;
    for (const auto& m : supervisor_.received<messages::stop_child>()) out.push_back(m.id);
    return out;
  }
  std::uint64_t sites() {
    const auto count = ask<messages::entry_count>(registry_, messages::count_entries{});
    return count ? count->entries : 999;
  }

  probe supervisor_ = make_probe();
  probe router_ = make_probe();
  std::uint64_t version_ = 0;
  caf::actor registry_;
};

TEST_F(site_registry_test, starts_one_router_a_host_and_answers_when_it_has_published) {
  const auto file = offer("a.test", "file", plans("f"));
  const auto docker = offer("a.test", "docker", plans("d"));
  EXPECT_THAT(started(), ElementsAre("a.test"));
  EXPECT_EQ(supervisor_.received<messages::start_child>()[0].argument, "a.test");
  EXPECT_EQ(said(file), "nothing yet") << "the supervisor's answer is not the router's";
  ready("a.test");
  EXPECT_EQ(said(file), "live");
  EXPECT_EQ(said(docker), "live");
  EXPECT_THAT(routed(), ElementsAre("docker:d", "file:f"));
  EXPECT_EQ(sites(), 1U);
}

TEST_F(site_registry_test, the_site_of_every_host_has_a_child_id_of_its_own) {
  (void)offer("", "entrypoints", plans("redirect"));
  ASSERT_THAT(started(), ElementsAre("*"));
  EXPECT_EQ(supervisor_.received<messages::start_child>()[0].argument, "");
}

TEST_F(site_registry_test, callers_of_one_source_wait_for_its_newest_offer) {
  const auto first = offer("a.test", "file", plans("old"));
  const auto second = offer("a.test", "file", plans("new"));
  ready("a.test");
  EXPECT_EQ(said(first), "live");
  EXPECT_EQ(said(second), "live");
  EXPECT_THAT(routed(), ElementsAre("file:new"));
}

TEST_F(site_registry_test, a_source_that_withdraws_before_the_router_runs_is_answered) {
  const auto file = offer("a.test", "file", plans("f"));
  const auto team = offer("a.test", "team", plans("t"));
  const auto gone = offer("a.test", "team", nullptr);
  ready("a.test");
  EXPECT_EQ(said(file), "live");
  EXPECT_EQ(said(team), "live");
  EXPECT_EQ(said(gone), "live");
  EXPECT_THAT(routed(), ElementsAre("file:f", "team:-"));
  EXPECT_THAT(stopped(), IsEmpty());
}

TEST_F(site_registry_test, the_router_goes_when_nothing_is_offered_any_more) {
  (void)offer("a.test", "file", plans("f"));
  ready("a.test");
  (void)offer("a.test", "docker", plans("d"));
  EXPECT_EQ(said(offer("a.test", "file", nullptr)), "live");
  EXPECT_THAT(stopped(), IsEmpty());
  EXPECT_EQ(said(offer("a.test", "docker", nullptr)), "live");
  EXPECT_THAT(stopped(), ElementsAre("a.test"));
  EXPECT_EQ(sites(), 0U);
  EXPECT_THAT(routed(), ElementsAre("file:f", "docker:d", "file:-", "docker:-"));
}

TEST_F(site_registry_test, a_router_that_could_not_withdraw_stays_for_the_next_try) {
  (void)offer("a.test", "file", plans("f"));
  ready("a.test");
  router_.answers<offer_routes>(
      [](const offer_routes&) -> result<published> { return refusal(fault_kind::timed_out); });
  EXPECT_EQ(said(offer("a.test", "file", nullptr)), "timed out");
  EXPECT_THAT(stopped(), IsEmpty());
  router_.answers<offer_routes>([](const offer_routes&) { return published{9}; });
  EXPECT_EQ(said(offer("a.test", "file", nullptr)), "live");
  EXPECT_THAT(stopped(), ElementsAre("a.test"));
}

TEST_F(site_registry_test, a_withdrawal_for_an_unknown_host_reaches_the_loops) {
  const auto gone = offer("a.test", "team", nullptr);
  EXPECT_THAT(started(), ElementsAre("a.test"));
  EXPECT_EQ(said(gone), "nothing yet");
  ready("a.test");
  EXPECT_EQ(said(gone), "live");
  EXPECT_THAT(routed(), ElementsAre("team:-"));
  EXPECT_THAT(stopped(), ElementsAre("a.test"));
}

TEST_F(site_registry_test, a_router_that_crashed_gets_all_offers_and_the_catalog_again) {
  const auto current = std::make_shared<const catalog>();
  tell(registry_, use_catalog{current});
  (void)offer("a.test", "file", plans("f"));
  (void)offer("a.test", "docker", plans("d"));
  ready("a.test");
  router_.forget();
  ready("a.test");
  ASSERT_THAT(router_.received<use_catalog>(), SizeIs(1));
  EXPECT_EQ(router_.received<use_catalog>()[0].now, current);
  EXPECT_THAT(routed(), ElementsAre("docker:d", "file:f"));
}

TEST_F(site_registry_test, a_site_that_is_withdrawn_while_its_router_is_down_leaves_the_loops) {
  (void)offer("a.test", "file", plans("f"));
  auto first = make_probe();
  tell(registry_, router_ready{"a.test", first.handle()});
  kill(first.handle());
  EXPECT_EQ(said(offer("a.test", "file", nullptr)), "closed");
  ready("a.test");  // the next incarnation
  EXPECT_THAT(routed(), ElementsAre(":-"));
  EXPECT_THAT(stopped(), ElementsAre("a.test"));
}

TEST_F(site_registry_test, a_new_catalog_goes_to_every_running_router) {
  (void)offer("a.test", "file", plans("f"));
  (void)offer("b.test", "file", plans("f"));
  ready("a.test");
  ready("b.test");
  EXPECT_THAT(router_.received<use_catalog>(), IsEmpty());
  tell(registry_, use_catalog{std::make_shared<const catalog>()});
  EXPECT_THAT(router_.received<use_catalog>(), SizeIs(2));
}

TEST_F(site_registry_test,
       a_router_that_cannot_start_fails_its_callers_and_the_next_offer_retries) {
  supervisor_.answers<messages::start_child>(
      [](const messages::start_child&) -> result<messages::child_location> {
        return refusal(fault_kind::overloaded);
      });
  EXPECT_EQ(said(offer("a.test", "file", plans("f"))), "overloaded");
  EXPECT_EQ(said(offer("a.test", "file", plans("f"))), "overloaded");
  EXPECT_THAT(started(), SizeIs(2));
  supervisor_.answers<messages::start_child>([](const messages::start_child& m) {
    return messages::child_location{m.id, {}};
  });
  const auto again = offer("a.test", "file", plans("f"));
  ready("a.test");
  EXPECT_EQ(said(again), "live");
}

TEST_F(site_registry_test, a_supervisor_that_does_not_answer_costs_the_start_deadline) {
  publish_name(system(), "routers", make_probe().handle());
  const auto caller = offer("a.test", "file", plans("f"));
  advance(milliseconds(4999));
  EXPECT_EQ(said(caller), "nothing yet");
  advance(milliseconds(1));
  EXPECT_EQ(said(caller), "timed out");
}

TEST_F(site_registry_test, a_router_that_does_not_publish_costs_the_publish_deadline) {
  auto silent = make_probe();
  const auto caller = offer("a.test", "file", plans("f"));
  tell(registry_, router_ready{"a.test", silent.handle()});
  advance(milliseconds(1999));
  EXPECT_EQ(said(caller), "nothing yet");
  advance(milliseconds(1));
  EXPECT_EQ(said(caller), "timed out");
}

TEST_F(site_registry_test, adopts_a_router_that_outlived_an_earlier_registry) {
  supervisor_.answers<messages::start_child>(
      [](const messages::start_child&) -> result<messages::child_location> {
        return refusal(fault_kind::conflict);
      });
  supervisor_.answers<messages::locate_child>([this](const messages::locate_child& m) {
    return messages::child_location{m.id, router_.handle()};
  });
  EXPECT_EQ(said(offer("a.test", "file", plans("f"))), "live");
  EXPECT_THAT(routed(), ElementsAre("file:f"));
  EXPECT_EQ(said(offer("a.test", "file", nullptr)), "live");
  EXPECT_THAT(stopped(), ElementsAre("a.test"));
}

TEST_F(site_registry_test, waits_until_a_router_that_is_stopping_is_gone) {
  int tries = 0;
  supervisor_.answers<messages::start_child>(
      [&tries](const messages::start_child& m) -> result<messages::child_location> {
        if (++tries < 3) return refusal(fault_kind::conflict);
        return messages::child_location{m.id, {}};
      });
  supervisor_.answers<messages::locate_child>([](const messages::locate_child& m) {
    return messages::child_location{m.id, {}};  // known, and not running
  });
  const auto caller = offer("a.test", "file", plans("f"));
  EXPECT_EQ(tries, 1);
  advance(milliseconds(50));
  EXPECT_EQ(tries, 2);
  advance(milliseconds(50));
  EXPECT_EQ(tries, 3);
  EXPECT_EQ(said(caller), "nothing yet");
  ready("a.test");
  EXPECT_EQ(said(caller), "live");
  advance(seconds(1));
  EXPECT_EQ(tries, 3);
}

TEST_F(site_registry_test, a_router_that_comes_back_by_itself_is_not_started_once_more) {
  supervisor_.answers<messages::start_child>(
      [](const messages::start_child&) -> result<messages::child_location> {
        return refusal(fault_kind::conflict);
      });
  supervisor_.answers<messages::locate_child>([](const messages::locate_child& m) {
    return messages::child_location{m.id, {}};
  });
  const auto caller = offer("a.test", "file", plans("f"));
  ready("a.test");  // its supervisor had it in backoff
  EXPECT_EQ(said(caller), "live");
  advance(seconds(1));
  EXPECT_THAT(started(), SizeIs(1));
}

TEST_F(site_registry_test, a_router_that_nobody_wants_is_stopped_and_told_nothing) {
  ready("a.test");
  EXPECT_THAT(stopped(), ElementsAre("a.test"));
  EXPECT_EQ(router_.received_count(), 0U);
  tell(registry_, use_catalog{std::make_shared<const catalog>()});
  EXPECT_EQ(router_.received_count(), 0U);
}

TEST_F(site_registry_test, refuses_sites_beyond_its_limit) {
  for (const char* host : {"a.test", "b.test", "c.test"}) (void)offer(host, "file", plans("f"));
  EXPECT_EQ(said(offer("d.test", "file", plans("f"))), "overloaded");
  EXPECT_THAT(started(), SizeIs(3));
}

TEST_F(site_registry_test, callers_of_a_registry_that_ends_are_not_left_waiting) {
  const auto caller = offer("a.test", "file", plans("f"));
  kill(std::exchange(registry_, {}));
  advance(seconds(5));  // its own question to the supervisor keeps it in memory that long
  EXPECT_EQ(said(caller), "closed");
}

}  // namespace
}  // namespace stagedoor::actors
