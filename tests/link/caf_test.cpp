// SPDX-License-Identifier: Apache-2.0
// What the link is for: two actor systems whose BASP ports are open on loopback only.
#include "tests/link/two_nodes.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::link {
namespace {

struct actor_node {
  actor_node() {
    config.load<caf::io::middleman>();
    config.set("scheduler.max-threads", 2);
    config.set("scheduler.policy", caf::atom("sharing"));
  }
  caf::actor_system_config config;
};

// A class: CAF 0.17 dereferences a null pointer when it spawns a function.
class echo final : public caf::event_based_actor {
 public:
  explicit echo(caf::actor_config& config) : caf::event_based_actor(config) {}
  caf::behavior make_behavior() override {
    return {[](const std::string& text) { return text; }};
  }
};

class caf_over_link : public testing::Test {
 protected:
  caf_over_link() {
    echo_ = there_.spawn<echo>();
    const auto published = there_.middleman().publish(echo_, 0, "127.0.0.1", false);
    EXPECT_TRUE(published);
    nodes_.listening.setup.local = loopback(*published);
    nodes_.start();
    EXPECT_TRUE(nodes_.are_up());
    nodes_.l.start();
  }
  ~caf_over_link() override {
    on_loop([this] {
      nodes_.dialer->stop();
      nodes_.listener->stop();
    });
    nodes_.l.stop();
    caf::anon_send_exit(echo_, caf::exit_reason::user_shutdown);
  }

  void on_loop(const std::function<void()>& what) {
    std::promise<void> done;
    ASSERT_TRUE(nodes_.l.post([&] {
      what();
      done.set_value();
    }));
    done.get_future().wait();
  }
  caf::actor far_echo() {
    const auto found = here_.middleman().remote_actor("127.0.0.1", nodes_.dialer->local().port());
    EXPECT_TRUE(found);
    return found ? *found : caf::actor{};
  }
  std::string ask(caf::scoped_actor& self, const caf::actor& far, const std::string& text,
                  milliseconds patience = milliseconds(5000)) {
    std::string answer;
    self->request(far, patience, text)
        .receive([&](const std::string& said) { answer = said; }, [](const caf::error&) {});
    return answer;
  }

  actor_node there_parts_, here_parts_;
  caf::actor_system there_{there_parts_.config};
  caf::actor_system here_{here_parts_.config};
  caf::actor echo_;
  two_nodes nodes_;
};

TEST_F(caf_over_link, questions_are_answered) {
  caf::scoped_actor self(here_);
  const auto far = far_echo();
  ASSERT_TRUE(far);
  constexpr int rounds = 500;
  const auto start = mono_clock::now();
  for (int i = 0; i < rounds; ++i) {
    const auto text = std::to_string(i) + std::string(1000, 'x');
    ASSERT_EQ(ask(self, far, text), text);
  }
  const auto each = std::chrono::duration<double, std::micro>(mono_clock::now() - start) / rounds;
  std::printf("            %.0f us a question\n", each.count());
  const std::string large(900'000, 'x');
  EXPECT_EQ(ask(self, far, large), large);
}

TEST_F(caf_over_link, actors_of_a_peer_whose_link_is_down_are_reported_down) {
  caf::scoped_actor self(here_);
  const auto far = far_echo();
  ASSERT_TRUE(far);
  ASSERT_EQ(ask(self, far, "there?"), "there?");
  self->monitor(far);
  on_loop([this] { nodes_.listener->close("node-1", "a test"); });
  bool down = false;
  self->receive([&](const caf::down_msg& m) { down = m.source == far.address(); },
                caf::after(seconds(5)) >> [] {});
  EXPECT_TRUE(down);
}

TEST_F(caf_over_link, a_message_above_the_limit_does_not_reach_the_peer) {
  caf::scoped_actor self(here_);
  const auto far = far_echo();
  ASSERT_TRUE(far);
  EXPECT_EQ(ask(self, far, std::string(2U << 20U, 'x'), milliseconds(300)), "");
  std::vector<std::string> ends;
  on_loop([&] { ends = nodes_.at_dialer; });
  EXPECT_THAT(ends, testing::Contains("down node-2: protocol error"));
}

}  // namespace
}  // namespace stagedoor::link
