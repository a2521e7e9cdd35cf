// SPDX-License-Identifier: Apache-2.0
// A node that listens (node-2) and one that dials (node-1), with everything local, in one loop.
#pragma once

#include "runtime/link/link_dialer.hpp"
#include "runtime/link/link_listener.hpp"
#include "tests/link/cluster_files.hpp"
#include "tests/link/protocol_pair.hpp"
#include "tests/support/loop_driver.hpp"
#include "tests/support/loop_streams.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stagedoor::link {

inline net::address loopback(std::uint16_t port) {
  return *net::address::parse_ip("127.0.0.1", port);
}

class two_nodes {
 public:
  two_nodes() {
    listening.address = loopback(0);
    listening.setup.me = identity("node-2", 2);
    listening.setup.local = loopback(basp.port());
    dialling.node = "node-2";
    dialling.setup.me = identity("node-1", 1);
    dialling.first_pause = milliseconds(20);
    dialling.longest_pause = milliseconds(100);
  }
  ~two_nodes() {
    if (dialer) dialer->stop();
    if (listener) listener->stop();
  }
  two_nodes(const two_nodes&) = delete;
  two_nodes& operator=(const two_nodes&) = delete;

  void start_listener(std::shared_ptr<const credentials> with) {
    listener.emplace(
        l, listening, std::move(with),
        link_listener::hooks{
            [this](const peer&, const net::address&) { return answer; },
            [this](const peer& p, const net::address&) { note(at_listener, "up " + p.node); },
            [this](const peer& p, link_end end, const std::string&) {
              note(at_listener, "down " + p.node + ": " + std::string(to_string(end)));
            }});
    const auto started = listener->start();
    ASSERT_TRUE(started) << started.error().detail;
  }
  void start_dialer(std::shared_ptr<const credentials> with, std::uint16_t port = 0) {
    dialling.address = loopback(port != 0 ? port : listener->address().port());
    dialer.emplace(
        l, dialling, std::move(with),
        link_dialer::hooks{nullptr, [this](const peer& p) { note(at_dialer, "up " + p.node); },
                           [this](const peer& p, link_end end, const std::string&) {
                             note(at_dialer, "down " + p.node + ": " + std::string(to_string(end)));
                           },
                           [this](link_end end, const std::string& detail) {
                             note(at_dialer, "failed: " + std::string(to_string(end)));
                             failure = detail;
                           }});
    const auto started = dialer->start();
    ASSERT_TRUE(started) << started.error().detail;
  }
  void start() {
    start_listener(files.node("node-2"));
    start_dialer(files.node("node-1"));
  }
  [[nodiscard]] bool until(const std::function<bool()>& done) { return test::turn_until(l, done); }
  [[nodiscard]] bool are_up() {
    return until([this] { return dialer->up() && listener->links() == 1; });
  }
  /// A local program of node-1 that connects to where the peer is reached.
  [[nodiscard]] std::unique_ptr<test::stream> connect_local() {
    auto fd = net::connect_tcp(dialer->local());
    EXPECT_TRUE(fd);
    return std::make_unique<test::stream>(l, *std::move(fd));
  }

  loop l;
  cluster_files files;
  std::vector<std::unique_ptr<test::stream>> at_basp;  ///< accepted by node-2's local program
  test::acceptor basp{l, [this](auto s) { at_basp.push_back(std::move(s)); }};
  link_listener_options listening;
  link_dialer_options dialling;
  std::optional<refused> answer;  ///< of the listener, to every peer
  std::optional<link_listener> listener;
  std::optional<link_dialer> dialer;
  std::vector<std::string> at_listener, at_dialer;
  std::string failure;  ///< of the dialer's last try

 private:
  static void note(std::vector<std::string>& to, std::string what) {
    if (to.empty() || to.back() != what) to.push_back(std::move(what));
  }
};

}  // namespace stagedoor::link
