// SPDX-License-Identifier: Apache-2.0
#include "messages/compat.hpp"

#include "actors/support/system_config.hpp"
#include "messages/all.hpp"
#include "tests/support/actor_fixture.hpp"

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/deep_to_string.hpp>

#include <map>

namespace stagedoor::messages {

enum class colour : std::uint8_t { red, green };
MESSAGE_ENUM(colour, green)

struct nothing {};
MESSAGE_FIELDS(nothing)

struct inner {
  colour paint = colour::red;
  std::chrono::milliseconds lasts{0};
  bool operator==(const inner&) const = default;
};
MESSAGE_FIELDS(inner, paint, lasts)

struct outer {
  std::string text;
  std::vector<inner> list;
  std::map<std::string, inner> table;
  std::optional<std::string> note;
  std::optional<colour> tint;
  std::optional<inner> extra;
  std::int64_t number = 0;
  bool operator==(const outer&) const = default;
};
MESSAGE_FIELDS(outer, text, list, table, note, tint, extra, number)

struct twenty_six {
  int a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = 10, k = 11, l = 12, m = 13,
      n = 14, o = 15, p = 16, q = 17, r = 18, s = 19, t = 20, u = 21, v = 22, w = 23, x = 24,
      y = 25, z = 26;
  bool operator==(const twenty_six&) const = default;
};
MESSAGE_FIELDS(twenty_six, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x,
               y, z)

namespace {

using namespace std::chrono_literals;

class compat_test : public actors::actor_fixture {
 protected:
  template <class T>
  std::vector<char> bytes_of(T value) {
    std::vector<char> bytes;
    caf::binary_serializer sink{system(), bytes};
    const auto error = sink(value);
    EXPECT_FALSE(error);
    return bytes;
  }
  template <class T>
  std::optional<T> read(const std::vector<char>& bytes) {
    caf::binary_deserializer source{system(), bytes};
    T value;
    if (source(value)) return std::nullopt;
    return value;
  }
};

TEST_F(compat_test, every_kind_of_field_comes_back) {
  const inner one{colour::green, 1500ms};
  const outer full{"t", {one, {}}, {{"k", one}}, "note", colour::green, one, -7};
  EXPECT_EQ(read<outer>(bytes_of(full)), full);
  EXPECT_EQ(read<outer>(bytes_of(outer{})), outer{});
  EXPECT_EQ(read<twenty_six>(bytes_of(twenty_six{})), twenty_six{});
  EXPECT_TRUE(bytes_of(nothing{}).empty());
}

TEST_F(compat_test, an_absent_optional_clears_what_was_there) {
  const auto bytes = bytes_of(outer{});
  outer target;
  target.note = "stale";
  caf::binary_deserializer source{system(), bytes};
  ASSERT_FALSE(source(target));
  EXPECT_EQ(target.note, std::nullopt);
}

TEST_F(compat_test, an_unknown_enumerator_from_a_peer_is_refused) {
  auto bytes = bytes_of(inner{});
  bytes.front() = 2;
  EXPECT_EQ(read<inner>(bytes), std::nullopt);
}

TEST_F(compat_test, cut_off_bytes_are_refused) {
  auto bytes = bytes_of(outer{"text", {}, {}, "note", {}, {}, 1});
  while (!bytes.empty()) {
    bytes.pop_back();
    EXPECT_EQ(read<outer>(bytes), std::nullopt) << bytes.size();
  }
}

TEST_F(compat_test, a_message_can_be_shown_to_a_person) {
  EXPECT_EQ(caf::deep_to_string(start_child{"team-a", "x"}), "start_child(\"team-a\", \"x\")");
}

TEST_F(compat_test, listed_messages_have_distinct_ids_and_the_names_that_travel) {
  EXPECT_NE(caf::type_id<start_child>::value, caf::type_id<stop_child>::value);
  EXPECT_STREQ(caf::type_name<start_child>::value, "stagedoor::messages::start_child");
  tree_listing listing;
  listing.entries.push_back({1,
                             {"id", child_kind::supervisor, child_state::waiting, 3, 5ms, "why"},
                             "team_router",
                             7,
                             2});
  auto message = caf::make_message(listing);
  const auto bytes = bytes_of(message);
  const auto back = read<caf::message>(bytes);
  ASSERT_TRUE(back && back->match_elements<tree_listing>());
  const auto& entry = back->get_as<tree_listing>(0).entries.at(0);
  EXPECT_EQ(entry.child.state, child_state::waiting);
  EXPECT_EQ(entry.mailbox_depth, 7u);
}

}  // namespace
}  // namespace stagedoor::messages
