// SPDX-License-Identifier: Apache-2.0
#include "actors/dns/serial_keeper.hpp"

#include "actors/dns/zone_messages.hpp"
#include "actors/support/actor_names.hpp"
#include "messages/supervision.hpp"
#include "messages/support.hpp"
#include "tests/support/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(zone_mark_test, is_read_as_it_was_written) {
  EXPECT_EQ(parse_zone_mark(to_text({7, 9})), (zone_mark{7, 9}));
  for (const char* bad : {"", "7", "7 ", " 7", "x 1", "4294967296 1"})
    EXPECT_FALSE(parse_zone_mark(bad)) << bad;
}

TEST(zone_mark_test, rises_with_the_teams_and_with_the_file_and_never_goes_back) {
  EXPECT_EQ(next_mark({}, 5, 100, 100), (zone_mark{100, 5})) << "the first";
  const zone_mark stored{100, 5};
  EXPECT_EQ(next_mark(stored, 5, 90, 90), stored);
  EXPECT_EQ(next_mark(stored, 6, 90, 90), (zone_mark{101, 6}));
  EXPECT_EQ(next_mark(stored, 8, 90, 90), (zone_mark{101, 8})) << "several changes, one step";
  EXPECT_EQ(next_mark(stored, 5, 90, 2024010101), (zone_mark{2024010101, 5}));
  EXPECT_EQ(next_mark({{4000000000U, 5}}, 5, 1, 0), (zone_mark{4000000000U, 5}))
      << "no file is not a serial of 0, which would come after this one";
  EXPECT_EQ(next_mark({{0xffffffffU, 5}}, 6, 1, 0), (zone_mark{0, 6})) << "around the circle";
  EXPECT_EQ(next_mark(stored, 2, 90, 90), (zone_mark{101, 2})) << "a log that began anew";
}

struct serials_test : actor_fixture {
  probe zones = make_probe();
  probe zone = make_probe();
  probe redis = make_probe();
  probe cluster = make_probe();
  std::string mark;
  std::string version = "0";
  messages::owner_proof proof{{"zone", "a.", 0}, "node-1", "run", 3};

  static messages::redis_value text(std::string t) {
    return {messages::redis_type::text, 0, std::move(t), {}};
  }
  serials_test() {
    publish_name(system(), "zones", zones.handle());
    publish_name(system(), "redis", redis.handle());
    publish_name(system(), "cluster", cluster.handle());
    zones.answers<messages::locate_child>([this](const messages::locate_child& m) {
      return messages::child_location{m.id, zone.handle()};
    });
    zone.answers<messages::report_zone>(
        [](const auto&) { return messages::zone_report{"a.", 50, 50, 1, 1, ""}; });
    redis.answers<messages::redis_script>([this](const auto&) {
      messages::redis_value list;
      list.items = {text(mark), text(version)};
      return list;
    });
    redis.answers<messages::redis_command>([this](const auto&) {
      messages::redis_value list;
      if (!mark.empty()) list.items = {text("a."), text(mark)};
      return list;
    });
    cluster.answers<messages::write_owned>([this](const messages::write_owned& m) {
      mark = m.commands.at(0).at(3);
      return messages::done{};
    });
  }
};

TEST_F(serials_test, the_owner_raises_it_once_a_change_and_with_its_proof) {
  const auto keeper = spawn<serial_keeper>("a.", proof, seconds(2));
  ASSERT_THAT(cluster.received<messages::write_owned>(), SizeIs(1));
  EXPECT_EQ(mark, "50 0");
  advance(seconds(10));
  EXPECT_THAT(cluster.received<messages::write_owned>(), SizeIs(1)) << "nothing changed";
  version = "4";
  proof.fence = 8;
  tell(keeper, proof);
  advance(seconds(10));
  EXPECT_EQ(mark, "51 4");
  const auto writes = cluster.received<messages::write_owned>();
  ASSERT_THAT(writes, SizeIs(2));
  EXPECT_EQ(writes[1].proof.fence, 8U);
  EXPECT_THAT(writes[1].commands, ElementsAre(ElementsAre("HSET", zones_key, "a.", "51 4")));
}

TEST_F(serials_test, every_node_hands_it_to_its_zones) {
  spawn<serial_follower>(seconds(2));
  EXPECT_THAT(zone.received<use_serial>(), IsEmpty());
  mark = "51 4";
  advance(seconds(2));
  ASSERT_THAT(zone.received<use_serial>(), SizeIs(1));
  EXPECT_EQ(zone.received<use_serial>()[0].serial, 51U);
}

}  // namespace
}  // namespace stagedoor::actors
