// SPDX-License-Identifier: Apache-2.0
// What the keeper decides, in virtual time.
#include "actors/certificates/certificate_keeper_state.hpp"

#include "tests/acme/certificate_maker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::actors {
namespace {

using acme::failure_class;
using std::chrono::hours;
using std::chrono::nanoseconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

constexpr auto day = hours(24);
const wall_time today = wall_clock::from_time_t(1'800'000'000);

tls::certificate made(std::vector<std::string> names, wall_time from, wall_time until) {
  const auto pair = test::make_certificate({.names = std::move(names),
                                            .from_seconds = wall_clock::to_time_t(from),
                                            .until_seconds = wall_clock::to_time_t(until)});
  return *tls::certificate::parse(pair.chain_pem, pair.key_pem, "made");
}
/// Of 90 days, from today on.
tls::certificate fresh(const std::string& name) { return made({name}, today, today + 90 * day); }

acme::failure failed(failure_class what, const std::string& why = "no luck") {
  return {what,
          {fault_kind::refused, fault_side::upstream, retryable::yes, why},
          std::nullopt,
          std::nullopt};
}

template <class Effect>
std::vector<Effect> all(const keeper_effects& effects) {
  std::vector<Effect> found;
  for (const auto& e : effects)
    if (const auto* one = std::get_if<Effect>(&e)) found.push_back(*one);
  return found;
}

std::vector<std::string> ordered(const keeper_effects& effects) {
  std::vector<std::string> hosts;
  for (const auto& o : all<begin_order>(effects)) hosts.push_back(o.host);
  return hosts;
}

std::vector<std::string> served(const keeper_effects& effects) {
  std::vector<std::string> names;
  for (const auto& s : all<serve_certificate>(effects)) names.push_back(s.name);
  return names;
}

class certificate_keeper_state_test : public ::testing::Test {
 protected:
  certificate_keeper_state_test() {
    make({{"le", {}}, {"other", {}}, {"dns", {"dnsChallenge is not supported yet"}}});
  }
  void make(std::map<std::string, resolver_facts> resolvers, keeper_limits limits = {}) {
    limits.renewal_jitter = milliseconds(0);
    keeper_.emplace(std::move(resolvers), limits, 1);
    (void)keeper_->sources_known(now_);
  }

  keeper_effects want(const std::string& host, const std::string& resolver = "le") {
    return note(keeper_->want(host, resolver, now_, wall_).value());
  }
  keeper_effects release(const std::string& host) { return note(keeper_->release(host, now_)); }
  keeper_effects found(const std::string& source, const std::vector<tls::certificate>& all) {
    return note(keeper_->found(source, all, now_, wall_));
  }
  keeper_effects complete(const std::string& host) { return complete(host, fresh_of(host)); }
  keeper_effects complete(const std::string& host, const tls::certificate& c) {
    return note(keeper_->order_completed(host, orders_[host], c, now_, wall_));
  }
  keeper_effects fail(const std::string& host, failure_class what,
                      const std::string& why = "no luck") {
    return fail(host, failed(what, why));
  }
  keeper_effects fail(const std::string& host, const acme::failure& why) {
    return note(keeper_->order_failed(host, orders_[host], why, now_, wall_));
  }
  /// Lets time pass until the keeper has something to do.
  keeper_effects wake() {
    pass(keeper_->next_tick().value() - now_);
    return note(keeper_->tick(now_, wall_));
  }
  void pass(nanoseconds span) {
    now_ += span;
    wall_ += std::chrono::duration_cast<wall_clock::duration>(span);
  }
  std::string state(const std::string& host) { return keeper_->state_of(host, wall_); }
  seconds until_next() {
    return std::chrono::duration_cast<seconds>(keeper_->next_tick().value() - now_);
  }
  /// Made once: keys take their time.
  const tls::certificate& fresh_of(const std::string& host) {
    const auto it = made_.find(host);
    return it != made_.end() ? it->second : made_.emplace(host, fresh(host)).first->second;
  }

  std::optional<certificate_keeper_state> keeper_;
  std::map<std::string, std::uint64_t> orders_;  ///< the newest of each host
  std::map<std::string, tls::certificate> made_;
  mono_time now_{hours(100)};
  wall_time wall_ = today;

 private:
  keeper_effects note(keeper_effects effects) {
    for (const auto& o : all<begin_order>(effects)) orders_[o.host] = o.number;
    return effects;
  }
};

// -- sources ----------------------------------------------------------------------------

TEST_F(certificate_keeper_state_test, of_two_sources_for_one_name_the_longer_lasting_is_served) {
  const auto shorter = made({"a.test"}, today, today + 30 * day);
  const auto longer = made({"a.test"}, today, today + 60 * day);
  EXPECT_THAT(served(found("file", {shorter})), ElementsAre("a.test"));
  EXPECT_THAT(served(found("acme.json", {longer})), ElementsAre("a.test"));
  EXPECT_EQ(keeper_->served("a.test")->fingerprint(), longer.fingerprint());
  EXPECT_THAT(found("file", {shorter}), IsEmpty());  // nothing new
  EXPECT_THAT(served(found("acme.json", {})), ElementsAre("a.test"));
  EXPECT_EQ(keeper_->served("a.test")->fingerprint(), shorter.fingerprint());
  const auto gone = found("file", {});
  EXPECT_EQ(all<drop_certificate>(gone).at(0).name, "a.test");
  EXPECT_EQ(keeper_->names(), 0U);
}

TEST_F(certificate_keeper_state_test, a_replaced_file_is_served_even_when_it_ends_sooner) {
  found("file", {made({"a.test"}, today, today + 60 * day)});
  const auto sooner = made({"a.test"}, today, today + 10 * day);
  EXPECT_THAT(served(found("file", {sooner})), ElementsAre("a.test"));
}

TEST_F(certificate_keeper_state_test, what_an_order_made_belongs_to_the_disk_once_it_is_there) {
  want("a.test");
  complete("a.test");
  EXPECT_THAT(found("certbot a.test", {fresh_of("a.test")}), IsEmpty());
  EXPECT_EQ(all<drop_certificate>(found("certbot a.test", {})).size(), 1U);
}

TEST_F(certificate_keeper_state_test, a_wildcard_covers_one_label_and_not_two) {
  found("file", {fresh("*.kanban.test")});
  EXPECT_THAT(ordered(want("team-a.kanban.test")), IsEmpty());
  EXPECT_THAT(ordered(want("x.team-a.kanban.test")), ElementsAre("x.team-a.kanban.test"));
  EXPECT_THAT(ordered(want("kanban.test")), ElementsAre("kanban.test"));
  EXPECT_THAT(state("team-a.kanban.test"), HasSubstr("valid until"));
}

TEST_F(certificate_keeper_state_test, a_wildcard_that_goes_leaves_its_hosts_to_be_ordered) {
  found("file", {fresh("*.kanban.test")});
  want("a.kanban.test");
  want("b.kanban.test");
  EXPECT_THAT(ordered(found("file", {})),
              testing::UnorderedElementsAre("a.kanban.test", "b.kanban.test"));
}

TEST_F(certificate_keeper_state_test, a_certificate_that_is_found_takes_its_host_out_of_the_queue) {
  make({{"le", {}}}, {.orders_at_once = 1});
  want("first.test");
  want("second.test");
  found("file", {fresh("second.test")});
  EXPECT_THAT(ordered(complete("first.test")), IsEmpty());
  EXPECT_THAT(state("second.test"), HasSubstr("valid until"));
}

TEST_F(certificate_keeper_state_test, nothing_is_ordered_before_the_sources_were_read) {
  certificate_keeper_state keeper(std::map<std::string, resolver_facts>{{"le", {}}});
  EXPECT_THAT(keeper.want("a.test", "le", now_, wall_).value(), IsEmpty());
  EXPECT_THAT(keeper.want("b.test", "le", now_, wall_).value(), IsEmpty());
  EXPECT_THAT(ordered(keeper.found("certbot", {fresh("a.test")}, now_, wall_)), IsEmpty());
  EXPECT_THAT(ordered(keeper.sources_known(now_)), ElementsAre("b.test"));
}

// -- orders -----------------------------------------------------------------------------

TEST_F(certificate_keeper_state_test, a_wish_is_ordered_served_and_renewed_when_due) {
  EXPECT_EQ(state("a.test"), "default");
  EXPECT_THAT(ordered(want("a.test")), ElementsAre("a.test"));
  EXPECT_EQ(state("a.test"), "pending: being ordered");
  EXPECT_THAT(want("a.test"), IsEmpty());
  EXPECT_THAT(served(complete("a.test")), ElementsAre("a.test"));
  EXPECT_EQ(state("a.test"), "valid until 2027-04-15");
  EXPECT_EQ(keeper_->ordering(), 0U);

  EXPECT_EQ(until_next(), 60 * day);  // a third of the lifetime is left then
  EXPECT_THAT(ordered(wake()), ElementsAre("a.test"));
  const auto next = made({"a.test"}, wall_, wall_ + 90 * day);
  EXPECT_THAT(served(complete("a.test", next)), ElementsAre("a.test"));
  EXPECT_EQ(until_next(), 60 * day);
}

TEST_F(certificate_keeper_state_test, a_renewal_made_by_others_moves_ours) {
  want("a.test");
  complete("a.test");
  pass(59 * day);
  found("certbot", {made({"a.test"}, wall_, wall_ + 90 * day)});
  EXPECT_EQ(until_next(), 60 * day);
}

TEST_F(certificate_keeper_state_test,
       a_renewal_that_fails_keeps_the_old_certificate_until_it_expires_and_beyond) {
  want("a.test");
  complete("a.test");
  wake();
  EXPECT_THAT(fail("a.test", failure_class::validation), IsEmpty());
  EXPECT_THAT(state("a.test"), HasSubstr("valid until"));
  pass(31 * day);
  EXPECT_THAT(state("a.test"), AllOf(HasSubstr("expired on 2027-04-15"), HasSubstr("no luck")));
  EXPECT_NE(keeper_->served("a.test"), nullptr);
}

TEST_F(certificate_keeper_state_test, a_few_orders_at_once_in_the_order_of_the_wishes) {
  make({{"le", {}}}, {.orders_at_once = 2});
  EXPECT_THAT(ordered(want("1.test")), ElementsAre("1.test"));
  EXPECT_THAT(ordered(want("2.test")), ElementsAre("2.test"));
  EXPECT_THAT(ordered(want("3.test")), IsEmpty());
  EXPECT_THAT(ordered(want("4.test")), IsEmpty());
  EXPECT_EQ(state("3.test"), "pending: waiting for its turn");
  EXPECT_THAT(ordered(complete("2.test")), ElementsAre("3.test"));
  EXPECT_THAT(ordered(complete("1.test")), ElementsAre("4.test"));
}

TEST_F(certificate_keeper_state_test,
       a_validation_failure_pauses_its_host_alone_and_longer_each_time) {
  make({{"le", {}}}, {.orders_at_once = 1});
  want("bad.test");
  want("good.test");
  EXPECT_THAT(ordered(fail("bad.test", failure_class::validation, "NXDOMAIN")),
              ElementsAre("good.test"));
  EXPECT_EQ(state("bad.test"), "pending: NXDOMAIN");
  complete("good.test");
  for (const auto pause : {60, 600, 6000, 60000, 86400}) {
    EXPECT_THAT(until_next(), AllOf(Ge(seconds(pause)), Le(seconds(pause + pause / 10))));
    EXPECT_THAT(ordered(wake()), ElementsAre("bad.test"));
    if (pause == 60) {
      EXPECT_EQ(keeper_->rows(10, now_, wall_).at(0).attempts, 2U);
    }
    EXPECT_THAT(ordered(fail("bad.test", failure_class::validation)), IsEmpty());
  }
}

TEST_F(certificate_keeper_state_test,
       an_order_released_meanwhile_is_abandoned_and_gives_up_its_place) {
  make({{"le", {}}}, {.orders_at_once = 1});
  want("a.test");
  want("b.test");
  const auto effects = release("a.test");
  EXPECT_EQ(all<abandon_order>(effects).at(0).host, "a.test");
  EXPECT_THAT(ordered(effects), ElementsAre("b.test"));
  EXPECT_EQ(keeper_->wanted(), 1U);
  EXPECT_THAT(fail("a.test", failure_class::server), IsEmpty());  // comes too late
  EXPECT_EQ(keeper_->ordering(), 1U);
}

TEST_F(certificate_keeper_state_test,
       a_host_wanted_again_is_not_confused_with_its_abandoned_order) {
  want("a.test");
  const auto old = orders_["a.test"];
  release("a.test");
  want("a.test");
  EXPECT_NE(orders_["a.test"], old);
  EXPECT_THAT(keeper_->order_failed("a.test", old, failed(failure_class::server), now_, wall_),
              IsEmpty());
  EXPECT_EQ(keeper_->ordering(), 1U);
  // A certificate is a certificate, though.
  EXPECT_THAT(served(keeper_->order_completed("a.test", old, fresh_of("a.test"), now_, wall_)),
              ElementsAre("a.test"));
  EXPECT_EQ(keeper_->ordering(), 1U);
  complete("a.test");
  EXPECT_EQ(keeper_->ordering(), 0U);
}

TEST_F(certificate_keeper_state_test,
       a_certificate_that_is_due_already_is_not_ordered_in_a_circle) {
  want("a.test");
  const auto old = made({"a.test"}, today - 90 * day, today + 1 * day);
  const auto effects = complete("a.test", old);
  EXPECT_THAT(served(effects), ElementsAre("a.test"));
  EXPECT_THAT(ordered(effects), IsEmpty());
  EXPECT_GE(until_next(), seconds(60));
  EXPECT_THAT(keeper_->rows(1, now_, wall_).at(0).last_error, HasSubstr("clock"));
}

TEST_F(certificate_keeper_state_test, a_clock_set_back_renews_nothing_early) {
  want("a.test");
  complete("a.test");
  const auto due = keeper_->next_tick().value();
  EXPECT_THAT(ordered(keeper_->tick(due, today + 10 * day)), IsEmpty());
  EXPECT_EQ(std::chrono::duration_cast<hours>(keeper_->next_tick().value() - due), 50 * day);
}

// -- a CA that is down ------------------------------------------------------------------

TEST_F(certificate_keeper_state_test,
       a_hundred_thousand_wishes_while_the_ca_is_down_are_one_order_a_pause) {
  constexpr int hosts = 100'000;
  const auto name = [](int i) { return "team-" + std::to_string(i) + ".kanban.test"; };
  std::vector<std::string> under_way;
  for (int i = 0; i < hosts; ++i)
    for (auto& host : ordered(want(name(i)))) under_way.push_back(std::move(host));
  EXPECT_THAT(under_way, SizeIs(8));
  std::size_t orders = 0;
  for (const auto& host : under_way)
    orders += ordered(fail(host, failure_class::server, "down")).size();
  EXPECT_EQ(orders, 0U);
  EXPECT_EQ(state(name(hosts - 1)), "pending: down");
  // Eight orders that failed together are one failure.
  std::vector<seconds::rep> pauses;
  for (int i = 0; i < 9; ++i) {
    pauses.push_back(until_next().count());
    const auto probe = ordered(wake());
    ASSERT_THAT(probe, SizeIs(1));
    EXPECT_THAT(ordered(fail(probe[0], failure_class::server, "down")), IsEmpty());
  }
  constexpr seconds::rep expected[] = {5, 10, 20, 40, 80, 160, 320, 640, 900};
  for (std::size_t i = 0; i < pauses.size(); ++i)
    EXPECT_THAT(pauses[i], AllOf(Ge(expected[i]), Le(expected[i] + expected[i] / 10))) << i;
  // It is back: the one that tried opens the way for all.
  const auto probe = ordered(wake()).at(0);
  EXPECT_THAT(ordered(complete(probe)), SizeIs(8));
  EXPECT_EQ(keeper_->ordering(), 8U);
}

TEST_F(certificate_keeper_state_test,
       wishes_that_come_and_go_while_the_ca_is_down_leave_nothing_behind) {
  want("first.test");
  fail("first.test", failure_class::server);
  for (int i = 0; i < 1000; ++i) {
    want("guest.test");
    release("guest.test");
  }
  EXPECT_EQ(keeper_->wanted(), 1U);
  const auto probe = ordered(wake());
  EXPECT_THAT(probe, ElementsAre("first.test"));
  EXPECT_THAT(ordered(complete("first.test")), IsEmpty());
}

TEST_F(certificate_keeper_state_test, a_probe_that_is_released_leaves_the_next_to_try) {
  want("a.test");
  fail("a.test", failure_class::server);
  want("b.test");
  EXPECT_THAT(ordered(wake()), ElementsAre("a.test"));
  EXPECT_THAT(ordered(release("a.test")), ElementsAre("b.test"));
  EXPECT_EQ(keeper_->ordering(), 1U);
}

TEST_F(certificate_keeper_state_test, a_ca_that_answers_about_the_host_is_not_down) {
  want("a.test");
  want("b.test");
  fail("a.test", failure_class::server);
  EXPECT_THAT(ordered(fail("b.test", failure_class::validation)), ElementsAre("a.test"));
}

TEST_F(certificate_keeper_state_test,
       a_limit_of_the_ca_stops_its_host_for_as_long_and_the_others_for_a_while) {
  make({{"le", {}}}, {.orders_at_once = 1});
  want("a.test");
  want("b.test");
  auto limited = failed(failure_class::rate_limited, "too many orders");
  limited.retry_after = hours(3);
  EXPECT_THAT(ordered(fail("a.test", limited)), IsEmpty());
  EXPECT_LE(until_next(), seconds(6));
  EXPECT_THAT(ordered(wake()), ElementsAre("b.test"));
  complete("b.test");
  EXPECT_GT(until_next(), hours(2));
}

TEST_F(certificate_keeper_state_test, one_resolver_in_trouble_does_not_stop_another) {
  want("a.test");
  fail("a.test", failure_class::server);
  EXPECT_THAT(ordered(want("b.test", "other")), ElementsAre("b.test"));
}

// -- resolvers --------------------------------------------------------------------------

TEST_F(certificate_keeper_state_test, a_wish_that_changes_its_resolver_changes_the_queue) {
  make({{"le", {}}, {"other", {}}}, {.orders_at_once = 1});
  want("first.test");
  want("a.test");
  EXPECT_THAT(ordered(want("a.test", "other")), ElementsAre("a.test"));
  EXPECT_THAT(ordered(complete("first.test")), IsEmpty());
  complete("a.test");
  EXPECT_EQ(keeper_->ordering(), 0U);
}

TEST_F(certificate_keeper_state_test,
       a_resolver_that_changes_during_the_order_is_used_for_the_next) {
  want("a.test");
  EXPECT_THAT(want("a.test", "other"), IsEmpty());
  const auto effects = fail("a.test", failure_class::validation);
  EXPECT_EQ(all<begin_order>(effects).at(0).resolver, "other");
  complete("a.test");
  EXPECT_EQ(keeper_->ordering(), 0U);
}

TEST_F(certificate_keeper_state_test,
       a_resolver_that_is_missing_or_unsupported_is_said_and_orders_nothing) {
  EXPECT_THAT(want("a.test", "nobody"), IsEmpty());
  EXPECT_EQ(state("a.test"), "pending: certificate resolver \"nobody\" does not exist");
  EXPECT_THAT(want("b.test", "dns"), IsEmpty());
  EXPECT_EQ(state("b.test"), "pending: dnsChallenge is not supported yet");
  EXPECT_THAT(want("c.test", ""), IsEmpty());
  EXPECT_EQ(state("c.test"), "default");
  EXPECT_EQ(keeper_->next_tick(), std::nullopt);
  found("file", {fresh("b.test")});
  EXPECT_THAT(state("b.test"), HasSubstr("valid until"));
}

TEST_F(certificate_keeper_state_test, a_renewal_planned_with_a_resolver_dies_with_it) {
  want("a.test");
  complete("a.test");
  want("a.test", "nobody");
  EXPECT_EQ(keeper_->next_tick(), std::nullopt);
}

// -- limits, rows, restarts -------------------------------------------------------------

TEST_F(certificate_keeper_state_test, more_wishes_than_the_limit_are_refused) {
  make({{"le", {}}}, {.max_wanted = 1});
  want("a.test");
  const auto refused = keeper_->want("b.test", "le", now_, wall_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, fault_kind::overloaded);
}

TEST_F(certificate_keeper_state_test, rows_show_what_is_pending_first_and_when_it_is_tried_next) {
  want("done.test");
  complete("done.test");
  want("bad.test");
  fail("bad.test", failure_class::validation, "NXDOMAIN");
  const auto rows = keeper_->rows(10, now_, wall_);
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].host, "bad.test");
  EXPECT_EQ(rows[0].last_error, "NXDOMAIN");
  EXPECT_EQ(rows[0].source, "le");
  EXPECT_GE(rows[0].next_try.value(), wall_ + seconds(60));
  EXPECT_EQ(rows[1].source, "order done.test");
  EXPECT_THAT(keeper_->rows(1, now_, wall_), SizeIs(1));
}

TEST_F(certificate_keeper_state_test, a_new_keeper_serves_everything_and_orders_again) {
  want("done.test");
  complete("done.test");
  want("a.test");
  const auto effects = keeper_->taken_over(now_);
  EXPECT_THAT(served(effects), ElementsAre("done.test"));
  EXPECT_THAT(ordered(effects), ElementsAre("a.test"));
  EXPECT_EQ(all<abandon_order>(effects).at(0).number, orders_["a.test"]);
  EXPECT_EQ(keeper_->ordering(), 1U);
}

}  // namespace
}  // namespace stagedoor::actors
