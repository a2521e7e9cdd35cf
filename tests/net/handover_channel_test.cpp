// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/handover_channel.hpp"

#include "runtime/net/open_socket.hpp"
#include "runtime/net/socket.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace stagedoor::net {
namespace {

class handover_test : public ::testing::Test {
 protected:
  handover_test() {
    std::string pattern = std::filesystem::temp_directory_path() / "handover-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    // Longer than a socket's path may be.
    folder += "/" + std::string(120, 'x');
    std::filesystem::create_directory(folder);
  }
  ~handover_test() override {
    door.close();
    std::filesystem::remove_all(std::filesystem::path(folder).parent_path());
  }
  void meet() {
    ASSERT_TRUE(door.open(folder));
    auto met = handover_channel::connect(folder);
    ASSERT_TRUE(met) << to_string(met.error());
    theirs = *std::move(met);
    l.turn(milliseconds(100));
    ASSERT_TRUE(ours);
  }

  std::string folder;
  loop l;
  handover_channel ours;
  handover_channel theirs;
  handover_door door{l, [this](handover_channel c) { ours = std::move(c); }};
};

TEST_F(handover_test, a_socket_that_arrives_is_the_same_socket) {
  meet();
  auto listening = listen_tcp(address::parse("127.0.0.1:0").value()).value();
  const auto at = local_address(listening.get()).value();
  const auto waiting = connect_tcp(at).value();  // in the queue before the socket changes hands
  ASSERT_TRUE(ours.send("socket tcp", listening.get()));
  listening.reset();
  auto got = theirs.receive(seconds(1));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->text, "socket tcp");
  ASSERT_TRUE(got->fd);
  EXPECT_EQ(local_address(got->fd.get()).value(), at);
  EXPECT_NE(::fcntl(got->fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  const unique_fd accepted(::accept(got->fd.get(), nullptr, nullptr));
  EXPECT_TRUE(accepted) << "nobody who waited was reset";
}

TEST_F(handover_test, messages_keep_their_bounds) {
  meet();
  ASSERT_TRUE(theirs.send("one"));
  ASSERT_TRUE(theirs.send("two"));
  EXPECT_EQ(ours.receive(seconds(1))->text, "one");
  EXPECT_EQ(ours.receive(seconds(1))->text, "two");
}

TEST_F(handover_test, a_wait_has_an_end) {
  meet();
  EXPECT_EQ(ours.receive(milliseconds(1)).error().kind, fault_kind::timed_out);
  EXPECT_EQ(ours.receive(seconds(60), [] { return true; }).error().kind, fault_kind::timed_out);
  theirs = {};
  EXPECT_EQ(ours.receive(seconds(60)).error().kind, fault_kind::closed);
  EXPECT_EQ(ours.send("hello").error().kind, fault_kind::closed);
}

TEST_F(handover_test, what_is_longer_than_a_message_is_refused) {
  meet();
  ASSERT_TRUE(theirs.send(std::string(handover_channel::max_message_bytes + 1, 'x')));
  EXPECT_EQ(ours.receive(seconds(1)).error().kind, fault_kind::malformed);
}

TEST_F(handover_test, the_door_is_for_its_owner_and_leaves_no_file) {
  EXPECT_EQ(handover_channel::connect(folder).error().kind, fault_kind::not_found);
  meet();
  struct stat there {};
  const auto file = folder + "/" + handover_door::file_name;
  ASSERT_EQ(::stat(file.c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 0777U, 0600U);
  door.close();
  EXPECT_NE(::stat(file.c_str(), &there), 0);
  EXPECT_EQ(handover_channel::connect(folder).error().kind, fault_kind::not_found);
}

TEST_F(handover_test, a_door_that_a_killed_node_left_is_replaced) {
  ASSERT_TRUE(door.open(folder));
  handover_door next(l, [](const handover_channel&) {});
  EXPECT_TRUE(next.open(folder));
}

// -- sockets -----------------------------------------------------------------------------------------

open_socket bound(socket_kind kind, const char* at) {
  auto fd = kind == socket_kind::tcp ? listen_tcp(address::parse(at).value())
                                     : bind_udp(address::parse(at).value());
  const auto where = local_address(fd->get()).value();
  return {kind, where, *std::move(fd)};
}

TEST(open_sockets, are_dealt_out_so_that_each_is_read_and_each_lane_has_some) {
  std::vector<open_socket> all;
  all.push_back(bound(socket_kind::tcp, "127.0.0.1:0"));
  const auto at = all.front().at;
  for (int i = 0; i < 4; ++i) all.push_back(bound(socket_kind::tcp, at.to_string().c_str()));
  all.push_back(bound(socket_kind::udp, at.to_string().c_str()));
  auto dealt = deal_out(std::move(all), 2);
  ASSERT_EQ(dealt.size(), 2U);
  EXPECT_EQ(take_sockets(dealt[0], socket_kind::tcp, at).size(), 3U);
  EXPECT_EQ(take_sockets(dealt[1], socket_kind::tcp, at).size(), 2U);
  EXPECT_EQ(take_sockets(dealt[0], socket_kind::udp, at).size(), 1U);
  EXPECT_TRUE(dealt[0].empty());
  EXPECT_TRUE(dealt[1].empty());
  EXPECT_TRUE(take_sockets(dealt[0], socket_kind::tcp, at).empty());
}

TEST(open_sockets, what_is_not_open_is_not_copied) {
  std::vector<open_socket> all;
  add_copy(all, socket_kind::tcp, -1);
  EXPECT_TRUE(all.empty());
}

}  // namespace
}  // namespace stagedoor::net
