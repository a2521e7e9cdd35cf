// SPDX-License-Identifier: Apache-2.0
#include "cluster/membership/sole_lease_store.hpp"
#include "cluster/membership/coordinator_state.hpp"

#include <algorithm>
#include <deque>
#include <gtest/gtest.h>

namespace stagedoor::cluster {
namespace {

/// The states of a node on the store that it has for itself.
struct lone_node {
  sole_lease_store store;
  coordinator_state state;
  mono_time now{};
  std::vector<ownership> started;

  lone_node()
      : state(
            [] {
              membership_options o;
              o.self.who.node = "node-1";
              return o;
            }(),
            random_incarnation,
            [] {
              reconciler_options o;
              o.kinds = {{"team", 1}};
              return o;
            }()) {}

  void run(effects first) {
    std::deque<effect> todo(first.begin(), first.end());
    while (!todo.empty()) {
      auto one = std::move(todo.front());
      todo.pop_front();
      effects more;
      if (auto* ask = std::get_if<ask_store>(&one))
        store.ask(ask->what, now + ask->patience, [&, number = ask->number](auto answer) {
          more = state.answered(number, answer, now);
        });
      else if (const auto* read = std::get_if<read_desired>(&one))
        more = read->known_version == 1 ? effects{}
                                        : state.desired(read->kind, 1, {"a", "b", "c"}, now);
      else if (const auto* start = std::get_if<start_owned>(&one))
        started.push_back(start->proof);
      todo.insert(todo.end(), more.begin(), more.end());
    }
  }
};

TEST(sole_lease_store_test, a_node_alone_owns_everything_at_once) {
  lone_node node;
  node.run(node.state.start(node.now));
  EXPECT_TRUE(node.state.membership().is_member());
  node.now += seconds(1);
  node.run(node.state.tick(node.now));
  EXPECT_EQ(node.started.size(), 3U);
  node.now += seconds(600);
  node.run(node.state.tick(node.now));
  EXPECT_EQ(node.started.size(), 3U);
}

TEST(sole_lease_store_test, owned_writes_are_not_its_business) {
  sole_lease_store store;
  result<lease_answer> got = lease_answer(write_outcome{});
  store.ask(fenced_write{}, {}, [&](auto answer) { got = std::move(answer); });
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, fault_kind::unsupported);
}

}  // namespace
}  // namespace stagedoor::cluster
