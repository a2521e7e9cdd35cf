// SPDX-License-Identifier: Apache-2.0
// One zone's actor with a real publisher behind it, whose one loop turns when the test says so.
#include "actors/dns/dns_zone.hpp"

#include "actors/dns/zone_directory.hpp"
#include "actors/publishers/changes.hpp"
#include "actors/publishers/table_publisher.hpp"
#include "actors/support/actor_names.hpp"
#include "runtime/dns/types.hpp"
#include "runtime/dns/zone_file.hpp"
#include "tests/support/actor_fixture.hpp"

#include <deque>
#include <fmt/format.h>
#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using names_publisher = table_publisher<change_names>;

constexpr const char* soa = "@ 60 SOA ns h 100 1 1 1 1\n@ 60 NS ns\n";
const std::string apex = "a.test.";

dns::wire_name wire(const std::string& text) {
  return dns::parse_name(text, dns::root_name()).value();
}

struct dns_zone_test : actor_fixture {
  dns::name_table view{4};
  std::deque<loop::task> posted;
  bool loop_turns = true;  ///< else deltas wait in its mailbox
  std::shared_ptr<names_publisher::table_type> table =
      std::make_shared<names_publisher::table_type>(
          std::vector<snapshot::subscription<dns::zone_node>>{
              {[this](loop::task t) {
                 posted.push_back(std::move(t));
                 return true;
               },
               [this](const snapshot::delta<dns::zone_node>& d) { view.apply(d); }}},
          nullptr, 4);
  caf::actor publisher;

  std::shared_ptr<dns::zone_state> state =
      std::make_shared<dns::zone_state>(dns::zone_id{1}, wire(apex));
  std::string file = soa;  ///< its text; empty = it cannot be read
  std::deque<std::function<void()>> reads;
  bool files_busy = false;
  int first_reads = 0;
  caf::actor zone;

  dns_zone_test() { start_publisher(); }

  void start_publisher() {
    publisher = spawn<names_publisher>("names", table);
    publish_name(system(), "names", publisher);
  }

  void start(milliseconds reload = seconds(60)) {
    dns_zone_options options;
    options.state = state;
    options.reload = reload;
    options.read = [this]() -> result<dns::zone_data> {
      if (file.empty())
        return fault{fault_kind::not_found, fault_side::operator_input, retryable::yes, "gone"};
      auto parsed = dns::parse_zone(file, "db", wire(apex), dns::disk_reader(0));
      if (!parsed.good())
        return fault{fault_kind::invalid, fault_side::operator_input, retryable::yes,
                     parsed.errors.front().to_string()};
      return std::move(parsed.data);
    };
    options.run_blocking = [this](std::function<void()> task) {
      if (!files_busy) reads.push_back(std::move(task));
      return !files_busy;
    };
    options.on_first_read = [this] { ++first_reads; };
    zone = spawn<dns_zone>(std::move(options));
  }

  /// Everything that can happen without time passing, but reads of the file.
  void settle() {
    do run();
    while (loop_turns && turn_loop());
  }
  bool turn_loop() {
    if (posted.empty()) return false;
    const auto task = std::move(posted.front());
    posted.pop_front();
    task();
    return true;
  }
  void finish_reads() {
    while (!reads.empty()) {
      const auto task = std::move(reads.front());
      reads.pop_front();
      task();
    }
    settle();
  }
  void start_loaded() {
    start();
    finish_reads();
  }

  /// An order whose answer may come later.
  struct pending {
    std::optional<result<messages::published>> answer;
  };
  template <class Order>
  std::shared_ptr<pending> order(Order what) {
    auto later = std::make_shared<pending>();
    send_on_errand([this, later, what](caf::event_based_actor* self) {
      actors::ask<messages::published>(
          self, zone, what, seconds(30), [later](messages::published& p) { later->answer = p; },
          [later](const fault& f) { later->answer = f; });
    });
    settle();
    return later;
  }
  std::shared_ptr<pending> add(const std::string& label, const std::string& address = "192.0.2.1") {
    return order(add_zone_records{
        host_records(label, apex, {net::address::parse_ip(address, 0).value()}, 60).value()});
  }
  std::shared_ptr<pending> remove(const std::string& label,
                                  std::optional<std::string> rdata = std::nullopt) {
    return order(remove_zone_records{{{wire(label + "." + apex), std::nullopt, std::move(rdata)}}});
  }
  static bool good(const std::shared_ptr<pending>& p) {
    return p->answer && p->answer->has_value();
  }

  /// Addresses that the loop has at the name.
  std::vector<std::string> loop_has(const std::string& label) const {
    const auto* node = view.find(dns::name_key(wire(label + "." + apex), 1));
    std::vector<std::string> out;
    if (node == nullptr) return out;
    if (const auto set = node->sets.find(dns::type::a))
      set.each([&](std::span<const std::uint8_t> d) {
        out.push_back(fmt::format("{}.{}.{}.{}", d[0], d[1], d[2], d[3]));
      });
    return out;
  }
  std::uint32_t loop_serial() const {
    const auto* node = view.find(dns::name_key(wire(apex), 1));
    if (node == nullptr) return 0;
    const auto rdata = node->sets.find(dns::type::soa).first();
    return dns::load32(rdata.data() + rdata.size() - 20);
  }
  messages::zone_report report() {
    return ask<messages::zone_report>(zone, messages::report_zone{}).value();
  }
};

TEST_F(dns_zone_test, the_file_is_live_when_its_first_read_is_told) {
  file += "www A 192.0.2.7\n";
  loop_turns = false;
  start();
  ASSERT_THAT(reads, SizeIs(1));
  finish_reads();
  EXPECT_EQ(first_reads, 0) << "the loop has not swapped";
  loop_turns = true;
  settle();
  EXPECT_EQ(first_reads, 1);
  EXPECT_THAT(loop_has("www"), ElementsAre("192.0.2.7"));
  const auto r = report();
  EXPECT_EQ(r.zone, apex);
  EXPECT_EQ(r.serial, loop_serial());
  EXPECT_EQ(r.names, 2U);
  EXPECT_EQ(r.records, 3U);
  EXPECT_EQ(r.last_error, "");
}

TEST_F(dns_zone_test, an_added_record_is_answered_when_every_loop_has_it_and_moves_the_serial) {
  start_loaded();
  const auto before = loop_serial();
  loop_turns = false;
  const auto added = add("team-a");
  EXPECT_FALSE(added->answer);
  EXPECT_THAT(loop_has("team-a"), IsEmpty());
  loop_turns = true;
  settle();
  ASSERT_TRUE(good(added));
  EXPECT_THAT(loop_has("team-a"), ElementsAre("192.0.2.1"));
  EXPECT_TRUE(dns::serial_before(before, loop_serial()));

  const auto between = loop_serial();
  ASSERT_TRUE(good(remove("team-a")));
  EXPECT_THAT(loop_has("team-a"), IsEmpty());
  EXPECT_TRUE(dns::serial_before(between, loop_serial()));
}

TEST_F(dns_zone_test, what_is_so_already_is_answered_at_once_and_moves_nothing) {
  start_loaded();
  ASSERT_TRUE(good(add("team-a")));
  const auto serial = report().serial;
  EXPECT_TRUE(good(add("team-a")));
  EXPECT_TRUE(good(remove("nobody")));
  EXPECT_EQ(report().serial, serial);
}

TEST_F(dns_zone_test, a_removal_takes_the_value_it_names_and_leaves_the_files) {
  file += "www A 192.0.2.7\n";
  start_loaded();
  (void)add("www", "192.0.2.1");
  (void)add("www", "192.0.2.2");
  ASSERT_TRUE(good(remove("www", std::string("\xC0\x00\x02\x01", 4))));
  EXPECT_THAT(loop_has("www"), ElementsAre("192.0.2.7", "192.0.2.2"));
  ASSERT_TRUE(good(remove("www")));
  EXPECT_THAT(loop_has("www"), ElementsAre("192.0.2.7"));
}

TEST_F(dns_zone_test, a_record_outside_of_the_zone_is_refused_with_the_reason) {
  start_loaded();
  dns::record stray;
  stray.owner = wire("b.test.");
  stray.type = dns::type::a;
  stray.rdata = std::string(4, '\1');
  const auto added = order(add_zone_records{{stray}});
  ASSERT_TRUE(added->answer);
  ASSERT_FALSE(added->answer->has_value());
  EXPECT_EQ(added->answer->error().kind, fault_kind::invalid);
}

TEST_F(dns_zone_test, records_added_before_the_first_read_wait_for_it) {
  start();
  const auto early = add("team-a");
  (void)add("team-b", "192.0.2.1");
  (void)add("team-b", "192.0.2.2");
  EXPECT_FALSE(early->answer);
  ASSERT_TRUE(good(remove("team-b", std::string("\xC0\x00\x02\x01", 4))));
  finish_reads();
  ASSERT_TRUE(good(early));
  EXPECT_THAT(loop_has("team-a"), ElementsAre("192.0.2.1"));
  EXPECT_THAT(loop_has("team-b"), ElementsAre("192.0.2.2")) << "only the named value was removed";
}

TEST_F(dns_zone_test, nobody_waits_for_a_zone_that_cannot_be_read_and_it_gets_the_records_later) {
  file.clear();
  start();
  const auto early = add("team-a");
  finish_reads();
  EXPECT_EQ(first_reads, 1);
  EXPECT_TRUE(good(early)) << "no loop answers for this zone: nothing to wait for";
  EXPECT_TRUE(good(add("team-b")));
  EXPECT_THAT(report().last_error, HasSubstr("gone"));

  file = soa;
  advance(seconds(60));
  finish_reads();
  EXPECT_THAT(loop_has("team-a"), SizeIs(1));
  EXPECT_THAT(loop_has("team-b"), SizeIs(1));
  EXPECT_EQ(report().last_error, "");
  EXPECT_EQ(first_reads, 1) << "told once";
}

TEST_F(dns_zone_test, a_changed_file_is_taken_at_its_interval_and_keeps_what_was_added) {
  file += "www A 192.0.2.7\nold A 192.0.2.8\n";
  start_loaded();
  (void)add("team-a");
  file = std::string(soa) + "www A 192.0.2.9\n";
  advance(milliseconds(59'999));
  EXPECT_THAT(reads, IsEmpty());
  advance(milliseconds(1));
  ASSERT_THAT(reads, SizeIs(1));
  finish_reads();
  EXPECT_THAT(loop_has("www"), ElementsAre("192.0.2.9"));
  EXPECT_THAT(loop_has("old"), IsEmpty());
  EXPECT_THAT(loop_has("team-a"), SizeIs(1));
  advance(seconds(60));
  EXPECT_THAT(reads, SizeIs(1)) << "and again";
}

TEST_F(dns_zone_test, a_file_with_an_error_keeps_the_last_good_zone_and_says_where) {
  file += "www A 192.0.2.7\n";
  start_loaded();
  const auto serial = report().serial;
  file = std::string(soa) + "www A 192.0.2\n";
  advance(seconds(60));
  finish_reads();
  EXPECT_THAT(loop_has("www"), ElementsAre("192.0.2.7"));
  EXPECT_EQ(report().serial, serial);
  EXPECT_THAT(report().last_error, HasSubstr("db:3:7"));
  ASSERT_TRUE(good(add("team-a"))) << "it goes on to take records";
  file = std::string(soa) + "www A 192.0.2.10\n";
  advance(seconds(60));
  finish_reads();
  EXPECT_THAT(loop_has("www"), ElementsAre("192.0.2.10"));
  EXPECT_EQ(report().last_error, "");
}

TEST_F(dns_zone_test, without_a_reload_interval_the_file_is_read_once) {
  start(milliseconds(0));
  finish_reads();
  advance(std::chrono::hours(24));
  EXPECT_THAT(reads, IsEmpty());
}

TEST_F(dns_zone_test, a_files_loop_that_is_full_is_asked_again) {
  files_busy = true;
  start();
  files_busy = false;
  advance(seconds(5));
  EXPECT_THAT(reads, SizeIs(1));
}

TEST_F(dns_zone_test, a_restart_serves_what_was_there_and_reads_the_file_again) {
  start_loaded();
  (void)add("team-a");
  const auto serial = report().serial;
  kill(zone);
  start_loaded();
  EXPECT_THAT(loop_has("team-a"), SizeIs(1));
  EXPECT_EQ(report().serial, serial);
  EXPECT_EQ(first_reads, 2);
}

TEST_F(dns_zone_test, a_change_that_its_publisher_lost_is_published_by_itself) {
  start_loaded();
  kill(publisher);
  const auto added = add("team-a");
  ASSERT_TRUE(added->answer);
  EXPECT_FALSE(added->answer->has_value());
  start_publisher();
  advance(seconds(1));
  settle();
  EXPECT_THAT(loop_has("team-a"), SizeIs(1));
  EXPECT_EQ(loop_serial(), report().serial);
}

TEST_F(dns_zone_test, the_same_order_again_is_not_taken_for_done) {
  start_loaded();
  kill(publisher);
  ASSERT_FALSE(good(add("team-a")));
  start_publisher();
  loop_turns = false;
  const auto again = add("team-a");
  EXPECT_FALSE(again->answer) << "no loop has it";
  loop_turns = true;
  settle();
  ASSERT_TRUE(good(again));
  EXPECT_THAT(loop_has("team-a"), SizeIs(1));
}

TEST_F(dns_zone_test, what_was_lost_goes_along_with_the_next_change_as_it_is_then) {
  start_loaded();
  kill(publisher);
  ASSERT_FALSE(good(add("team-a", "192.0.2.1")));
  ASSERT_FALSE(good(add("team-b")));
  start_publisher();
  ASSERT_TRUE(good(remove("team-b")));
  EXPECT_THAT(loop_has("team-a"), SizeIs(1));
  EXPECT_THAT(loop_has("team-b"), IsEmpty()) << "as it is now, not as it was lost";
}

TEST_F(dns_zone_test, a_publisher_that_stays_away_is_tried_until_it_is_back) {
  start_loaded();
  kill(publisher);
  ASSERT_FALSE(good(add("team-a")));
  advance(seconds(10));
  start_publisher();
  advance(seconds(1));
  settle();
  EXPECT_THAT(loop_has("team-a"), SizeIs(1));
}

}  // namespace
}  // namespace stagedoor::actors
