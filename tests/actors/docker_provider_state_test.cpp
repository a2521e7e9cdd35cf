// SPDX-License-Identifier: Apache-2.0
// The follower of an engine in virtual time: sessions, pauses, inspections, and what may be routed.
#include "actors/providers/docker_provider_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::actors {
namespace {

using client::container_health;
using client::container_state;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

client::container running(const std::string& id, const std::string& name = "") {
  client::container c;
  c.id = id;
  c.name = name.empty() ? "name-" + id : name;
  c.state = container_state::running;
  c.networks = {{"kanban-network", "n1", "172.20.0.5", ""}};
  c.ports = {{8000, client::port_protocol::tcp, "", 0}};
  return c;
}

fault out_of_reach() {
  return {fault_kind::unreachable, fault_side::upstream, retryable::yes, "no such socket"};
}
fault gone() {
  return {fault_kind::not_found, fault_side::upstream, retryable::no, "no such container"};
}

template <class Effect>
std::vector<Effect> all(const docker_effects& effects) {
  std::vector<Effect> found;
  for (const auto& e : effects)
    if (const auto* one = std::get_if<Effect>(&e)) found.push_back(*one);
  return found;
}

template <class Effect>
bool has(const docker_effects& effects) {
  return !all<Effect>(effects).empty();
}

std::vector<std::string> inspected_ids(const docker_effects& effects) {
  std::vector<std::string> ids;
  for (const auto& i : all<inspect_container>(effects)) ids.push_back(i.id);
  return ids;
}

class docker_provider_state_test : public ::testing::Test {
 protected:
  docker_provider_state& make(configs::docker_provider options = {}, docker_limits limits = {}) {
    return state_.emplace(std::move(options), limits);
  }
  /// Follows an engine that runs these.
  docker_provider_state& following(std::vector<client::container> list,
                                   configs::docker_provider options = {},
                                   docker_limits limits = {}) {
    auto& s = make(std::move(options), limits);
    session_ = all<open_engine_events>(s.start(now_)).at(0).session;
    EXPECT_TRUE(has<list_containers>(hear(engine_opened{})));
    EXPECT_TRUE(has<route_containers>(hear(engine_listed{std::move(list)})));
    return s;
  }
  docker_effects hear(engine_event what) { return state_->heard(session_, std::move(what), now_); }
  docker_effects wake() {
    now_ = std::max(now_, state_->next_tick().value());
    return state_->tick(now_);
  }
  std::vector<std::string> routed() const {
    std::vector<std::string> ids;
    for (const auto& c : state_->routable()) ids.push_back(c.id + (c.serves ? "" : " (no server)"));
    return ids;
  }

  std::optional<docker_provider_state> state_;
  std::uint64_t session_ = 0;
  mono_time now_{seconds(1000)};
};

TEST_F(docker_provider_state_test, lists_only_after_the_event_stream_is_open) {
  auto& s = make();
  const auto begun = s.start(now_);
  EXPECT_TRUE(has<open_engine_events>(begun));
  EXPECT_FALSE(has<list_containers>(begun));
  session_ = all<open_engine_events>(begun).at(0).session;
  EXPECT_TRUE(has<list_containers>(hear(engine_opened{})));
  const auto found = hear(engine_listed{std::vector{running("a"), running("b")}});
  EXPECT_EQ(all<engine_found>(found).at(0).containers, 2U);
  EXPECT_TRUE(has<route_containers>(found));
  EXPECT_THAT(routed(), ElementsAre("a", "b"));
  EXPECT_EQ(s.state(), "connected");
}

TEST_F(docker_provider_state_test, pauses_double_from_one_second_to_thirty_and_are_said_once) {
  auto& s = make();
  auto effects = s.start(now_);
  std::vector<milliseconds::rep> pauses;
  std::size_t said = 0;
  for (int i = 0; i < 8; ++i) {
    session_ = all<open_engine_events>(effects).at(0).session;
    effects = hear(engine_ended{out_of_reach()});
    said += all<engine_out_of_reach>(effects).size();
    const auto pause = s.next_tick().value() - now_;
    pauses.push_back(std::chrono::duration_cast<seconds>(pause).count());
    effects = wake();
  }
  EXPECT_THAT(pauses, ElementsAre(1, 2, 4, 8, 16, 30, 30, 30));
  EXPECT_EQ(said, 1U);
  EXPECT_THAT(s.state(), HasSubstr("no such socket"));
}

TEST_F(docker_provider_state_test, an_engine_that_comes_and_goes_is_not_asked_every_second) {
  auto& s = following({});
  (void)hear(engine_ended{out_of_reach()});
  EXPECT_EQ(s.next_tick().value() - now_, seconds(1));
  session_ = all<open_engine_events>(wake()).at(0).session;
  (void)hear(engine_opened{});
  EXPECT_TRUE(has<engine_found>(hear(engine_listed{std::vector<client::container>{}})));
  now_ += seconds(2);
  (void)s.tick(now_);  // what was listed is routed, so that only the next try is left to wait for
  (void)hear(engine_ended{out_of_reach()});
  EXPECT_EQ(s.next_tick().value() - now_, seconds(2));  // it had not been well for long

  session_ = all<open_engine_events>(wake()).at(0).session;
  (void)hear(engine_opened{});
  (void)hear(engine_listed{std::vector<client::container>{}});
  now_ += seconds(31);
  (void)s.tick(now_);
  (void)hear(engine_ended{out_of_reach()});
  EXPECT_EQ(s.next_tick().value() - now_, seconds(1));
}

TEST_F(docker_provider_state_test, keeps_what_it_knows_while_the_engine_is_out_of_reach) {
  (void)following({running("a")});
  const auto lost = hear(engine_ended{out_of_reach()});
  EXPECT_TRUE(has<close_engine_events>(lost));
  EXPECT_TRUE(has<engine_out_of_reach>(lost));
  EXPECT_FALSE(has<route_containers>(lost));
  EXPECT_THAT(routed(), ElementsAre("a"));
}

TEST_F(docker_provider_state_test, silence_is_given_up_after_a_while) {
  auto& s = make();
  session_ = all<open_engine_events>(s.start(now_)).at(0).session;
  EXPECT_TRUE(has<engine_out_of_reach>(wake()));
  session_ = all<open_engine_events>(wake()).at(0).session;
  (void)hear(engine_opened{});
  EXPECT_TRUE(has<close_engine_events>(wake()));  // the list did not come
  EXPECT_THAT(s.state(), HasSubstr("did not list"));
}

TEST_F(docker_provider_state_test, what_an_older_session_hears_is_dropped) {
  (void)following({running("a")});
  const auto old = session_;
  (void)hear(engine_ended{out_of_reach()});
  session_ = all<open_engine_events>(wake()).at(0).session;
  (void)hear(engine_opened{});
  EXPECT_THAT(state_->heard(old, engine_listed{std::vector<client::container>{}}, now_), IsEmpty());
  EXPECT_THAT(state_->heard(old, engine_ended{out_of_reach()}, now_), IsEmpty());
  EXPECT_THAT(routed(), ElementsAre("a"));
}

TEST_F(docker_provider_state_test, inspects_only_the_container_that_changed) {
  (void)following({running("a"), running("b")});
  now_ += seconds(10);
  EXPECT_THAT(inspected_ids(hear(engine_changed{"c"})), ElementsAre("c"));
  EXPECT_THAT(hear(engine_changed{""}), IsEmpty());  // an event about no container
  EXPECT_TRUE(has<route_containers>(hear(engine_inspected{"c", running("c")})));
  EXPECT_THAT(routed(), ElementsAre("a", "b", "c"));
}

TEST_F(docker_provider_state_test, a_container_that_is_gone_is_no_error) {
  (void)following({running("a"), running("b")});
  now_ += seconds(10);
  (void)hear(engine_changed{"a"});
  const auto effects = hear(engine_inspected{"a", gone()});
  EXPECT_TRUE(has<route_containers>(effects));
  EXPECT_FALSE(has<container_unreadable>(effects));
  EXPECT_THAT(routed(), ElementsAre("b"));
}

TEST_F(docker_provider_state_test, one_unreadable_container_is_left_out_and_the_rest_stays) {
  (void)following({running("a"), running("b")});
  (void)hear(engine_changed{"a"});
  const fault nonsense{fault_kind::malformed, fault_side::upstream, retryable::no, "no Id"};
  const auto effects = hear(engine_inspected{"a", nonsense});
  EXPECT_EQ(all<container_unreadable>(effects).at(0).id, "a");
  EXPECT_FALSE(has<engine_out_of_reach>(effects));
  EXPECT_THAT(routed(), ElementsAre("b"));
}

TEST_F(docker_provider_state_test, an_inspection_the_engine_does_not_answer_starts_a_new_session) {
  (void)following({running("a")});
  (void)hear(engine_changed{"a"});
  EXPECT_TRUE(has<engine_out_of_reach>(hear(engine_inspected{"a", out_of_reach()})));
  EXPECT_THAT(routed(), ElementsAre("a"));
}

TEST_F(docker_provider_state_test, what_changes_during_its_inspection_is_inspected_again) {
  (void)following({});
  EXPECT_THAT(inspected_ids(hear(engine_changed{"a"})), ElementsAre("a"));
  EXPECT_THAT(inspected_ids(hear(engine_changed{"a"})), IsEmpty());
  EXPECT_THAT(inspected_ids(hear(engine_inspected{"a", running("a")})), ElementsAre("a"));
  EXPECT_THAT(inspected_ids(hear(engine_inspected{"a", gone()})), IsEmpty());
  EXPECT_THAT(routed(), IsEmpty());
}

TEST_F(docker_provider_state_test, events_during_the_list_are_inspected_after_it) {
  auto& s = make();
  session_ = all<open_engine_events>(s.start(now_)).at(0).session;
  (void)hear(engine_opened{});
  EXPECT_THAT(inspected_ids(hear(engine_changed{"a"})), IsEmpty());
  EXPECT_THAT(inspected_ids(hear(engine_listed{std::vector{running("a")}})), ElementsAre("a"));
}

TEST_F(docker_provider_state_test, many_changes_are_inspected_a_few_at_a_time_then_listed) {
  (void)following({}, {}, {.inspections_at_once = 2, .max_pending = 3});
  EXPECT_THAT(inspected_ids(hear(engine_changed{"a"})), ElementsAre("a"));
  EXPECT_THAT(inspected_ids(hear(engine_changed{"b"})), ElementsAre("b"));
  for (const auto* id : {"c", "d", "e"}) EXPECT_THAT(hear(engine_changed{id}), IsEmpty()) << id;
  EXPECT_TRUE(has<list_containers>(hear(engine_changed{"f"})));
  EXPECT_THAT(inspected_ids(hear(engine_listed{std::vector{running("f")}})), IsEmpty());
}

TEST_F(docker_provider_state_test, containers_that_start_together_are_one_change) {
  (void)following({});
  now_ += seconds(10);
  (void)hear(engine_changed{"a"});
  (void)hear(engine_changed{"b"});
  EXPECT_FALSE(has<route_containers>(hear(engine_inspected{"a", running("a")})));
  EXPECT_TRUE(has<route_containers>(hear(engine_inspected{"b", running("b")})));
}

TEST_F(docker_provider_state_test, routes_are_renewed_at_most_once_in_the_throttle_and_not_never) {
  auto& s = following({}, {}, {.throttle = milliseconds(2000)});
  (void)hear(engine_changed{"a"});
  EXPECT_FALSE(has<route_containers>(hear(engine_inspected{"a", running("a")})));
  EXPECT_EQ(s.next_tick().value() - now_, seconds(2));
  EXPECT_TRUE(has<route_containers>(wake()));
  // One container that changes all the time does not keep the others from being routed.
  (void)hear(engine_changed{"b"});
  (void)hear(engine_inspected{"b", running("b")});
  (void)hear(engine_changed{"c"});
  EXPECT_TRUE(has<route_containers>(wake()));
}

TEST_F(docker_provider_state_test, lists_again_from_time_to_time) {
  (void)following({running("a")});
  EXPECT_TRUE(has<list_containers>(wake()));
  (void)hear(engine_listed{std::vector{running("b")}});
  EXPECT_THAT(routed(), ElementsAre("b"));
}

TEST_F(docker_provider_state_test, without_watch_it_lists_once) {
  configs::docker_provider options;
  options.watch = false;
  auto& s = make(options);
  const auto begun = s.start(now_);
  EXPECT_FALSE(has<open_engine_events>(begun));
  session_ = all<list_containers>(begun).at(0).session;
  EXPECT_TRUE(has<route_containers>(hear(engine_listed{std::vector{running("a")}})));
  EXPECT_EQ(s.next_tick(), std::nullopt);
}

struct keep_row {
  const char* claim;
  container_state state;
  container_health health;
  bool allow_empty;
  const char* label;
  std::vector<std::string> expected;
};

TEST_F(docker_provider_state_test, keeps_by_state_and_health_what_traefik_keeps) {
  const auto up = container_state::running;
  const keep_row table[] = {
      {"running", up, container_health::none, false, "", {"a"}},
      {"healthy", up, container_health::healthy, false, "", {"a"}},
      {"starting", up, container_health::starting, false, "", {}},
      {"unhealthy", up, container_health::unhealthy, false, "", {}},
      {"unhealthy, empty allowed", up, container_health::unhealthy, true, "", {"a (no server)"}},
      {"exited", container_state::exited, container_health::none, false, "", {}},
      {"paused", container_state::paused, container_health::none, false, "", {}},
      {"exited, empty allowed", container_state::exited, container_health::none, true, "", {}},
      {"exited, allowed by label",
       container_state::exited,
       container_health::none,
       false,
       "true",
       {"a (no server)"}},
      {"exited, label false", container_state::exited, container_health::none, false, "false", {}},
  };
  for (const auto& row : table) {
    configs::docker_provider options;
    options.allow_empty_services = row.allow_empty;
    auto c = running("a");
    c.state = row.state;
    c.health = row.health;
    if (*row.label != '\0') c.labels["traefik.docker.allowNonRunning"] = row.label;
    (void)following({c}, options);
    EXPECT_EQ(routed(), row.expected) << row.claim;
  }
}

TEST_F(docker_provider_state_test, a_container_is_described_as_labels_need_it) {
  auto c = running("a", "team-a-api-1");
  c.labels = {{"com.docker.compose.service", "api"}, {"com.docker.compose.project", "team-a"}};
  c.networks = {
      {"down", "n0", "", ""}, {"front", "n1", "10.0.0.9", "fd00::9"}, {"six", "n2", "", "fd00::5"}};
  c.ports = {{8000, client::port_protocol::tcp, "0.0.0.0", 18000},
             {8000, client::port_protocol::tcp, "::", 18000}};
  const auto made = following({c}).routable().at(0);
  EXPECT_EQ(made.service, "api");
  EXPECT_EQ(made.project, "team-a");
  EXPECT_EQ(made.file, "container team-a-api-1");
  EXPECT_THAT(made.ports, ElementsAre(8000));
  ASSERT_EQ(made.networks.size(), 2U);
  EXPECT_EQ(made.networks[0].address, "10.0.0.9");
  EXPECT_EQ(made.networks[1].address, "fd00::5");
}

TEST_F(docker_provider_state_test, a_shared_network_is_that_of_the_container_it_belongs_to) {
  auto owner = running("aa");
  owner.networks = {{"front", "n1", "10.0.0.1", ""}};
  auto guest = running("bb");
  guest.networks.clear();
  guest.network_mode = "container:aa";
  auto on_host = running("cc");
  on_host.network_mode = "host";
  auto circle = running("dd");
  circle.network_mode = "container:dd";
  const auto made = following({owner, guest, on_host, circle}).routable();
  EXPECT_EQ(made.at(1).networks.at(0).address, "10.0.0.1");
  EXPECT_EQ(made.at(2).networks.at(0).address, "127.0.0.1");
  EXPECT_THAT(made.at(3).networks, IsEmpty());
}

}  // namespace
}  // namespace stagedoor::actors
