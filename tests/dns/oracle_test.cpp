// SPDX-License-Identifier: Apache-2.0
// Asks Knot DNS and us the same questions about the same generated zones: code, AA bit, answer and
// authority must be the same sets. Additional records are left to each server's taste.
#include "runtime/net/socket.hpp"
#include "tests/dns/zone_fixture.hpp"
#include "tests/support/free_port.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <poll.h>
#include <random>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace stagedoor::dns {
namespace {

using testing::message;
using testing::packet_of;
using testing::question;
using testing::read_message;
using testing::wire;
using testing::zone_fixture;

constexpr std::size_t zone_count = 24;
constexpr std::size_t questions_per_zone = 800;

/// Words that make up owners: few, so that cuts, wildcards and aliases meet.
constexpr const char* words[] = {"a", "b", "c", "*", "w", "ns"};

class zone_writer {
 public:
  explicit zone_writer(unsigned seed) : random_(seed) {}

  unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }
  std::string name() {
    std::string out;
    for (unsigned i = 0, n = 1 + pick(4); i < n; ++i)
      out += (i == 0 ? "" : ".") + std::string(words[pick(std::size(words))]);
    return out;
  }
  /// Relative to the apex; DNAME owners have nothing below them and CNAME owners nothing beside
  /// them, since Knot refuses such zones.
  std::string text() {
    std::string out =
        "$TTL 300\n@ 900 SOA ns admin 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\nns AAAA 2001:db8::1\n";
    for (unsigned i = 0; i < 40; ++i) add(name());
    for (const auto& [owner, lines] : owners_) {
      if (below_dname(owner)) continue;
      for (const auto& line : lines) out += owner + " " + line + "\n";
    }
    return out;
  }

 private:
  void add(const std::string& owner) {
    auto& lines = owners_[owner];
    const bool wild = owner.find('*') != std::string::npos;
    const bool alone =
        !lines.empty() && (lines[0].starts_with("CNAME") || lines[0].starts_with("DNAME"));
    if (alone || owner == "ns") return;
    switch (pick(12)) {
      case 0:
        if (lines.empty()) lines.push_back("CNAME " + target());
        break;
      case 1:
        if (lines.empty() && !wild) lines.push_back("DNAME " + target()), dnames_.push_back(owner);
        break;
      case 2:
      case 3:
        // NS at a wildcard is undefined (RFC 4592 section 4.2).
        if (!wild) lines.push_back("NS " + target()), lines.push_back("NS ns." + owner);
        break;
      case 4: lines.push_back(fmt::format("MX {} {}", pick(3), target())); break;
      case 5: lines.push_back(fmt::format("SRV 1 1 {} {}", pick(3), target())); break;
      case 6: lines.push_back(fmt::format("TXT \"{}\"", pick(3))); break;
      case 7: lines.push_back(fmt::format("AAAA 2001:db8::{}", pick(3))); break;
      default: lines.push_back(fmt::format("A 192.0.2.{}", pick(5))); break;
    }
    if (lines.empty()) owners_.erase(owner);
  }
  std::string target() {
    return pick(6) == 0 ? "www.elsewhere.test." : pick(5) == 0 ? "ns" : name();
  }
  bool below_dname(const std::string& owner) const {
    return std::any_of(dnames_.begin(), dnames_.end(),
                       [&](const std::string& d) { return owner.ends_with("." + d); });
  }
  std::minstd_rand random_;
  std::map<std::string, std::vector<std::string>> owners_;
  std::vector<std::string> dnames_;
};

/// A Knot of the test's own on a free port of the loopback.
class knot {
 public:
  explicit knot(const std::vector<std::pair<std::string, std::string>>& zones) {
    char pattern[] = "/tmp/stagedoor-knot-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    port_ = test::free_port();
    std::ofstream conf(folder_ / "knot.conf");
    conf << fmt::format(
        "server:\n  rundir: \"{0}\"\n  listen: 127.0.0.1@{1}\n  udp-workers: 1\n  tcp-workers: 1\n"
        "  background-workers: 1\ndatabase:\n  storage: \"{0}\"\n"
        "log:\n  - target: \"{0}/log\"\n    any: warning\nzone:\n",
        folder_.string(), port_);
    for (const auto& [origin, text] : zones) {
      std::ofstream(folder_ / (origin + "zone")) << text;
      conf << fmt::format(
          "  - domain: {}\n    storage: \"{}\"\n    file: \"{}zone\"\n    semantic-checks: off\n",
          origin, folder_.string(), origin);
    }
  }
  ~knot() {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  /// False when it did not come up within ten seconds.
  bool start() {
    std::string program = "/usr/sbin/knotd";
    std::string flag = "-c";
    std::string file = folder_ / "knot.conf";
    char* args[] = {program.data(), flag.data(), file.data(), nullptr};
    if (::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, args, environ) != 0) return false;
    const auto limit = mono_clock::now() + seconds(10);
    while (mono_clock::now() < limit) {
      fd_ = unique_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const auto to = net::address::parse("127.0.0.1", port_).value();
      const timeval patience{2, 0};
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      if (::connect(fd_.get(), to.data(), to.size()) == 0) return true;
      ::poll(nullptr, 0, 20);  // nothing of Knot's tells when it listens
    }
    return false;
  }

  std::vector<std::uint8_t> ask(const std::vector<std::uint8_t>& packet) {
    std::vector<std::uint8_t> out(2);
    store16(out.data(), static_cast<std::uint16_t>(packet.size()));
    out.insert(out.end(), packet.begin(), packet.end());
    if (::send(fd_.get(), out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size()))
      return {};
    std::uint8_t head[2];
    if (::recv(fd_.get(), head, 2, MSG_WAITALL) != 2) return {};
    std::vector<std::uint8_t> in(load16(head));
    if (::recv(fd_.get(), in.data(), in.size(), MSG_WAITALL) != static_cast<ssize_t>(in.size()))
      return {};
    return in;
  }
  /// Whether it has loaded the zone; it answers SERVFAIL until then.
  bool serves(const std::string& origin) {
    const auto limit = mono_clock::now() + seconds(10);
    while (mono_clock::now() < limit) {
      const auto m = read_message(ask(packet_of({.name = origin, .type = "SOA"})));
      if (m.rcode == rcode::noerror && m.answer.size() == 1) return true;
      ::poll(nullptr, 0, 20);
    }
    return false;
  }
  std::string log() const {
    std::ifstream in(folder_ / "log");
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
  unique_fd fd_;
};

std::string describe(const message& m) {
  std::string out = fmt::format("rcode {} aa {}", m.rcode, m.aa);
  for (const auto& [title, lines] : {std::pair{"answer", &m.answer}, {"authority", &m.authority}}) {
    out += fmt::format("\n  {}:", title);
    for (const auto& line : *lines) out += "\n    " + line;
  }
  return out;
}

std::string kind_of(const message& m) {
  const auto has = [&](std::string_view type) {
    return std::any_of(m.answer.begin(), m.answer.end(), [&](const std::string& line) {
      return line.find(fmt::format(" in {} ", type)) != std::string::npos;
    });
  };
  if (m.rcode == rcode::nxdomain) return m.answer.empty() ? "missing" : "alias to nowhere";
  if (m.rcode != rcode::noerror) return "error";
  if (has("dname")) return "redirection";
  if (has("cname")) return "alias";
  if (!m.answer.empty()) return "answer";
  return m.aa ? "no data" : "referral";
}

TEST(oracle, knot_gives_the_same_answers) {
  ASSERT_TRUE(std::filesystem::exists("/usr/sbin/knotd")) << "needs the package knot";
  std::vector<std::pair<std::string, std::string>> zones;
  for (unsigned i = 0; i < zone_count; ++i)
    zones.emplace_back(fmt::format("z{}.test.", i), zone_writer(i + 1).text());
  knot other(zones);
  ASSERT_TRUE(other.start());
  zone_fixture ours;
  for (const auto& [origin, text] : zones) {
    ours.load(origin, text);
    ASSERT_TRUE(other.serves(origin)) << origin << "\n" << text << other.log();
  }

  const char* types[] = {"A",   "AAAA", "TXT", "MX",    "NS",    "CNAME",
                         "SOA", "DS",   "SRV", "DNAME", "HTTPS", "CAA"};
  std::size_t asked = 0;
  std::map<std::string, std::size_t> kinds;  // what was met, so that the generator cannot go blind
  std::size_t wrong = 0;
  for (unsigned z = 0; z < zone_count; ++z) {
    zone_writer random(1000 + z);
    for (std::size_t i = 0; i < questions_per_zone && wrong < 10; ++i) {
      const question q{.name = (random.pick(20) == 0 ? "" : random.name() + ".") + zones[z].first,
                       .type = types[random.pick(std::size(types))]};
      const auto packet = packet_of(q, static_cast<std::uint16_t>(asked++));
      const auto theirs = read_message(other.ask(packet));
      ASSERT_TRUE(theirs.parsed) << other.log();
      const auto mine = read_message(ours.raw_answer(packet, transport::tcp));
      const bool same = mine.rcode == theirs.rcode && mine.aa == theirs.aa &&
                        mine.answer == theirs.answer && mine.authority == theirs.authority;
      ++kinds[kind_of(theirs)];
      if (same) continue;
      ++wrong;
      ADD_FAILURE() << q.name << " " << q.type << "\nours: " << describe(mine)
                    << "\nKnot: " << describe(theirs) << "\nzone:\n"
                    << zones[z].second;
    }
  }
  for (const auto* kind :
       {"answer", "no data", "missing", "referral", "alias", "alias to nowhere", "redirection"})
    EXPECT_GE(kinds[kind], 100U) << kind;
  EXPECT_EQ(asked, zone_count * questions_per_zone);
}

}  // namespace
}  // namespace stagedoor::dns
