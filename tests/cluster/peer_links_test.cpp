// SPDX-License-Identifier: Apache-2.0
// Members whose host names lead nowhere, for now or for ever: as in a container network, where a
// dead node has no name.
#include "cluster/peer_links.hpp"

#include "tests/link/cluster_files.hpp"
#include "tests/support/free_port.hpp"

#include <algorithm>
#include <condition_variable>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mutex>

namespace stagedoor::cluster {
namespace {

const std::string process(32, 'a');

class peer_links_test : public testing::Test {
 protected:
  ~peer_links_test() override {
    links.stop();
    blocking.stop();
    control.stop();
  }

  void SetUp() override {
    ASSERT_TRUE(links.start(1));
    control.start();
    blocking.start();
  }

  /// On a thread of the resolver.
  result<net::addresses> look_up() {
    const std::lock_guard lock(mutex);
    ++look_ups;
    changed.notify_all();
    if (known) return net::addresses{*net::address::parse_ip("127.0.0.1", 0)};
    return fault{fault_kind::not_found, fault_side::upstream, retryable::no, "no such name"};
  }
  void set_known() {
    const std::lock_guard lock(mutex);
    known = true;
  }
  void heard(const std::string& what) {
    const std::lock_guard lock(mutex);
    events.push_back(what);
    changed.notify_all();
  }
  [[nodiscard]] bool hears(const std::string& what) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, seconds(10), [&] {
      return std::find(events.begin(), events.end(), what) != events.end();
    });
  }
  [[nodiscard]] bool asks(int times) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, seconds(10), [&] { return look_ups >= times; });
  }
  /// node-2, which node-1 dials.
  void want_node_2() {
    links.want({{"node-2", process, fmt::format("node-2.test:{}", test::free_port())}});
  }

  peer_links_options options() {
    peer_links_options o;
    o.me.node = "node-1";
    o.listen = *net::address::parse_ip("127.0.0.1", 0);
    o.files = files.issue("node-1");
    o.resolve_pause = milliseconds(10);
    return o;
  }
  peer_links::hooks hooks() {
    return {nullptr, [this](const std::string& node, const std::string&) { heard("down " + node); },
            [this](const std::string& node, const std::string&) { heard("gone " + node); }};
  }
  [[nodiscard]] net::resolver_options asking() {
    net::resolver_options o;
    o.lookup = [this](const std::string&) { return look_up(); };
    return o;
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> events;
  int look_ups = 0;
  bool known = false;
  link::cluster_files files;
  loop control{{.name = "control"}};
  loop blocking{{.name = "files"}};
  net::resolver names{control, asking()};
  peer_links links{control, blocking, names, options(), hooks()};
};

TEST_F(peer_links_test, a_member_whose_name_is_not_known_may_leave) {
  want_node_2();
  ASSERT_TRUE(hears("down node-2"));
  links.want({});
  links.want({});
  want_node_2();
  EXPECT_TRUE(asks(2));
}

TEST_F(peer_links_test, a_name_that_was_not_known_is_asked_for_again) {
  want_node_2();
  ASSERT_TRUE(hears("down node-2"));
  set_known();
  EXPECT_TRUE(hears("gone node-2"));  // nobody listens there
}

TEST_F(peer_links_test, links_stop_while_a_name_is_not_known) {
  want_node_2();
  ASSERT_TRUE(asks(1));
  links.stop();
  set_known();
  want_node_2();  // nobody is left to want it
}

}  // namespace
}  // namespace stagedoor::cluster
