// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/credentials.hpp"

#include "runtime/base/log.hpp"
#include "tests/link/two_nodes.hpp"

#include <atomic>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stagedoor::link {
namespace {

using testing::ElementsAre;

class credential_files_test : public testing::Test {
 protected:
  void start() {
    const auto started = watch.start();
    ASSERT_TRUE(started) << started.error().detail;
    got.push_back(*started);
  }

  loop l;
  cluster_files files;
  credential_files node = files.issue("node-1");
  std::vector<std::shared_ptr<const credentials>> got;
  credential_watch watch{l, node, [this](auto c) { got.push_back(std::move(c)); },
                         milliseconds(20)};
};

TEST_F(credential_files_test, replaced_files_are_taken_without_being_told) {
  start();
  test::turn_for(l, milliseconds(100));
  EXPECT_EQ(got.size(), 1U);  // nothing changed
  files.issue("node-1");
  ASSERT_TRUE(test::turn_until(l, [&] { return got.size() == 2; }));
  EXPECT_NE(got[0]->own.fingerprint(), got[1]->own.fingerprint());
}

TEST_F(credential_files_test, a_pair_replaced_one_after_the_other_is_taken_when_it_fits) {
  start();
  const auto renewed =
      tls::issue_node_certificate(files.authority(), {"node-1", wall_clock::now()});
  ASSERT_TRUE(renewed);
  files.write("node-1.crt", renewed->chain);
  watch.look();
  watch.look();
  EXPECT_EQ(got.size(), 1U) << "a certificate was taken without its key";
  files.write("node-1.key", renewed->key);
  watch.look();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_NE(got[0]->own.fingerprint(), got[1]->own.fingerprint());
}

TEST_F(credential_files_test, files_that_are_spoiled_or_gone_leave_the_last_good_ones) {
  start();
  files.write("ca.crt", "nonsense");
  watch.look();
  std::filesystem::remove(node.certificate);
  watch.look();
  EXPECT_EQ(got.size(), 1U);
  files.write("ca.crt", files.authority().chain);
  files.issue("node-1");
  watch.look();
  EXPECT_EQ(got.size(), 2U);
}

TEST_F(credential_files_test, a_start_without_usable_files_fails_with_the_path) {
  std::filesystem::remove(node.key);
  const auto started = watch.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().detail, testing::HasSubstr("node-1.key"));
}

TEST(link_credentials, a_loop_that_runs_already_is_not_touched_from_another_thread) {
  loop l;
  l.start();
  cluster_files files;
  const auto node = files.issue("node-1");
  std::promise<void> replaced;
  std::atomic<int> times{0};
  {
    credential_watch watch(
        l, node,
        [&](const auto&) {
          if (++times == 1) replaced.set_value();
        },
        milliseconds(2));
    ASSERT_TRUE(watch.start());
    files.issue("node-1");
    EXPECT_EQ(replaced.get_future().wait_for(seconds(10)), std::future_status::ready);
    watch.stop();
    l.stop();
  }
}

TEST(link_credentials, a_certificate_that_ends_soon_is_complained_about_once_a_day) {
  loop l;
  cluster_files files;
  const auto node = files.issue("node-1", {wall_clock::now(), std::chrono::hours(29 * 24)});
  log::to_file(files.path("log"));
  credential_watch watch(l, node, [](const auto&) {});
  ASSERT_TRUE(watch.start());
  for (int i = 0; i < 10; ++i) watch.look();
  log::to_file("/dev/stderr");
  std::ifstream in(files.path("log"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], testing::HasSubstr("days=28"));
}

TEST(link_rotation, a_standing_link_stays_and_the_next_one_uses_the_new_authority) {
  two_nodes two;
  two.start_listener(two.files.node("node-2"));
  test::relay between(two.l, two.listener->address().port());
  const auto old = two.files.node("node-1");
  two.start_dialer(old, between.port());
  ASSERT_TRUE(two.are_up());

  cluster_files renewed;  // another authority: nothing of the old one is valid with it
  two.listener->use(renewed.node("node-2"));
  two.dialer->use(renewed.node("node-1"));
  test::turn_for(two.l, milliseconds(50));
  EXPECT_THAT(two.at_dialer, ElementsAre("up node-2"));
  between.cut();
  ASSERT_TRUE(two.until([&] { return two.at_dialer.size() >= 3; }));
  EXPECT_THAT(two.at_dialer, ElementsAre("up node-2", "down node-2: reset", "up node-2"));

  two.dialer->use(old);
  between.cut();
  ASSERT_TRUE(two.until([&] { return two.at_dialer.size() >= 5; }));
  EXPECT_EQ(two.at_dialer[4], "failed: untrusted");
}

TEST(link_trust, a_host_that_is_not_the_node_that_was_dialled_is_not_trusted) {
  two_nodes two;
  two.dialling.node = "node-7";
  two.start();
  ASSERT_TRUE(two.until([&] { return !two.at_dialer.empty(); }));
  EXPECT_EQ(two.at_dialer[0], "failed: untrusted");
  EXPECT_EQ(two.listener->links(), 0U);
}

}  // namespace
}  // namespace stagedoor::link
