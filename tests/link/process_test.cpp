// SPDX-License-Identifier: Apache-2.0
// A peer that is a process of its own: killed, and frozen.
#include "tests/link/two_nodes.hpp"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

namespace stagedoor::link {
namespace {

using testing::ElementsAre;

/// node-2 in a process that goes on until it is ended.
class node_process {
 public:
  node_process(two_nodes& parts) {
    const auto with = parts.files.node("node-2");
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe(ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      parts.start_listener(with);
      const auto port = parts.listener->address().port();
      (void)!::write(ends[1], &port, sizeof port);
      const auto end = mono_clock::now() + seconds(30);
      while (mono_clock::now() < end) parts.l.turn(milliseconds(100));
      ::_exit(0);
    }
    EXPECT_EQ(::read(ends[0], &port_, sizeof port_), static_cast<ssize_t>(sizeof port_));
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~node_process() { kill(SIGKILL); }
  node_process(const node_process&) = delete;
  node_process& operator=(const node_process&) = delete;

  void kill(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    if (signal != SIGKILL) return;
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

TEST(link_process, a_killed_peer_is_known_to_be_gone_at_once) {
  std::optional<node_process> peer;
  {
    two_nodes there;  // its loop is shared with nobody: the child has its copy of everything
    peer.emplace(there);
    two_nodes here;
    here.dialling.settled_after = milliseconds(0);
    const auto own = there.files.issue("node-1");
    here.start_dialer(here.files.load(own), peer->port());
    ASSERT_TRUE(here.until([&] { return here.dialer->up(); }));
    const auto killed = mono_clock::now();
    peer->kill(SIGKILL);
    ASSERT_TRUE(here.until([&] { return here.at_dialer.size() >= 3; }));
    const auto took = mono_clock::now() - killed;
    EXPECT_THAT(here.at_dialer, ElementsAre("up node-2", "down node-2: reset", "failed: gone"));
    EXPECT_LT(took, milliseconds(200));
    std::printf("            known to be gone after %.1f ms\n",
                std::chrono::duration<double, std::milli>(took).count());
  }
}

TEST(link_process, a_frozen_peer_is_silent_and_not_gone_and_comes_back) {
  two_nodes there;
  for (auto* limits : {&there.listening.setup.limits}) limits->ping_interval = milliseconds(50);
  node_process peer(there);
  two_nodes here;
  here.dialling.setup.limits.ping_interval = milliseconds(50);
  here.dialling.setup.limits.silence_deadline = milliseconds(400);
  here.dialling.setup.limits.handshake_deadline = milliseconds(300);
  const auto own = there.files.issue("node-1");
  here.start_dialer(here.files.load(own), peer.port());
  ASSERT_TRUE(here.until([&] { return here.dialer->up(); }));
  peer.kill(SIGSTOP);
  ASSERT_TRUE(here.until([&] { return here.at_dialer.size() >= 3; }));
  EXPECT_THAT(here.at_dialer,
              ElementsAre("up node-2", "down node-2: silence", "failed: timed out"));
  peer.kill(SIGCONT);
  EXPECT_TRUE(here.until([&] { return here.dialer->up(); }));
}

}  // namespace
}  // namespace stagedoor::link
