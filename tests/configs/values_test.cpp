// SPDX-License-Identifier: Apache-2.0
#include "configs/values.hpp"

#include <gtest/gtest.h>

namespace stagedoor::configs {
namespace {

using namespace std::chrono_literals;

TEST(go_duration, reads_what_go_reads) {
  const std::pair<const char*, nanoseconds> table[] = {
      {"0", 0ns},
      {"+0", 0ns},
      {"30s", 30s},
      {"1h30m", 90min},
      {"1.5s", 1500ms},
      {".5s", 500ms},
      {"5.s", 5s},
      {"-2ms", -2ms},
      {"1h2m3s4ms5us6ns", 3723004005006ns},
      {"7\u00b5s", 7us},
      {"7\u03bcs", 7us},
      {"100000h", 100000h},
      {"0.000000001s", 1ns},
  };
  for (const auto& [text, wanted] : table) {
    const auto got = parse_go_duration(text);
    ASSERT_TRUE(got) << text;
    EXPECT_EQ(*got, wanted) << text;
  }
}

TEST(go_duration, refuses_what_go_refuses) {
  for (const char* bad : {"", "-", "+", "30", "s", ".s", "1", "1x", "1s ", " 1s", "1 s", "1d",
                          "1.2.3s", "--1s", "1S"})
    EXPECT_FALSE(parse_go_duration(bad)) << bad;
  EXPECT_EQ(parse_go_duration("9999999999h").error().kind, fault_kind::too_large);
  EXPECT_EQ(parse_go_duration("99999999999999999999s").error().kind, fault_kind::too_large);
}

TEST(traefik_duration, counts_a_bare_number_in_seconds) {
  EXPECT_EQ(parse_duration("10").value(), 10s);
  EXPECT_EQ(parse_duration("-1").value(), -1s);
  EXPECT_EQ(parse_duration("250ms").value(), 250ms);
  EXPECT_FALSE(parse_duration("10000000000000000"));
  EXPECT_FALSE(parse_duration("-"));
}

TEST(go_bool, accepts_twelve_words_and_no_other) {
  for (const char* yes : {"1", "t", "T", "TRUE", "true", "True"})
    EXPECT_EQ(parse_bool(yes), true) << yes;
  for (const char* no : {"0", "f", "F", "FALSE", "false", "False"})
    EXPECT_EQ(parse_bool(no), false) << no;
  for (const char* bad : {"", "yes", "no", "on", "tRUE", "2", " true"})
    EXPECT_FALSE(parse_bool(bad)) << bad;
}

TEST(list, is_split_at_commas_and_trimmed) {
  EXPECT_EQ(split_list("a, b ,c"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(split_list("").empty());
  EXPECT_TRUE(split_list("  ").empty());
}

TEST(names, follow_the_rules_of_dns) {
  for (const char* good : {"a", "team-a", "1", "a1"}) EXPECT_TRUE(is_label(good)) << good;
  for (const char* bad : {"", "-a", "a-", "a.b", "a_b", "\xc3\xa4"})
    EXPECT_FALSE(is_label(bad)) << bad;
  EXPECT_TRUE(is_label(std::string(63, 'a')));
  EXPECT_FALSE(is_label(std::string(64, 'a')));
  for (const char* good : {"localhost", "kanban.domain", "kanban.domain.", "_acme-challenge.a.b"})
    EXPECT_TRUE(is_host_name(good)) << good;
  for (const char* bad : {"", ".", "a..b", ".a", "a b", "*.a", "_", "a._"})
    EXPECT_FALSE(is_host_name(bad)) << bad;
}

TEST(ip_or_cidr, checks_the_prefix_length_of_the_family) {
  for (const char* good : {"127.0.0.1", "::1", "10.0.0.0/8", "0.0.0.0/0", "fd00::/8", "::/128"})
    EXPECT_TRUE(is_ip_or_cidr(good)) << good;
  for (const char* bad :
       {"", "localhost", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1"})
    EXPECT_FALSE(is_ip_or_cidr(bad)) << bad;
}

TEST(listen_address, reads_hosts_ports_and_protocols) {
  using transport = listen_address::transport;
  const std::pair<const char*, listen_address> table[] = {
      {":80", {"", 80, transport::tcp}},
      {"127.0.0.1:8080", {"127.0.0.1", 8080, transport::tcp}},
      {"[::1]:443", {"::1", 443, transport::tcp}},
      {"localhost:0", {"localhost", 0, transport::tcp}},
      {":53/udp", {"", 53, transport::udp}},
      {":53/TCP", {"", 53, transport::tcp}},
  };
  for (const auto& [text, wanted] : table) {
    const auto got = parse_listen_address(text);
    ASSERT_TRUE(got) << text;
    EXPECT_EQ(*got, wanted) << text;
  }
  for (const char* bad : {"", "80", ":", ":65536", ":-1", "::1:80", "[::1:80", "[1.2.3.4]:80",
                          ":80/sctp", "a b:80", "[]:1"})
    EXPECT_FALSE(parse_listen_address(bad)) << bad;
}

TEST(listen_address, prints_what_it_reads) {
  for (const char* text : {":80", "127.0.0.1:8080", "[::1]:443", ":53/udp"})
    EXPECT_EQ(to_string(parse_listen_address(text).value()), text);
}

TEST(port_offset, moves_ports_out_of_the_privileged_range) {
  EXPECT_EQ(to_string(with_offset(parse_listen_address(":80").value(), 8000).value()), ":8080");
  EXPECT_EQ(to_string(with_offset(parse_listen_address("[::1]:443").value(), 8000).value()),
            "[::1]:8443");
  EXPECT_EQ(offset_port(53, 8000).value(), 8053);
  EXPECT_EQ(offset_port(80, 0).value(), 80);
  EXPECT_EQ(offset_port(0, 8000).value(), 0);
  EXPECT_EQ(offset_port(65535, 1).error().kind, fault_kind::too_large);
}

TEST(redis_url, reads_every_part) {
  const std::pair<const char*, redis_url> table[] = {
      {"redis://host", {false, "", "", "host", 6379, 0}},
      {"redis://host:7000/", {false, "", "", "host", 7000, 0}},
      {"rediss://user:pass@host:6380/3", {true, "user", "pass", "host", 6380, 3}},
      {"redis://:secret@10.0.0.1/1", {false, "", "secret", "10.0.0.1", 6379, 1}},
      {"redis://u%40x:p%2Fq@[::1]:6379/0", {false, "u@x", "p/q", "::1", 6379, 0}},
      {"redis://[::1]", {false, "", "", "::1", 6379, 0}},
      {"redis://u@h", {false, "u", "", "h", 6379, 0}},
  };
  for (const auto& [text, wanted] : table) {
    const auto got = parse_redis_url(text);
    ASSERT_TRUE(got) << text << ": " << got.error().detail;
    EXPECT_EQ(*got, wanted) << text;
  }
  for (const char* bad :
       {"", "host:6379", "http://host", "redis://", "redis://:6379", "redis://h:0", "redis://h:x",
        "redis://h/x", "redis://h/-1", "redis://h?a=b", "redis://%zz:x@h", "redis://u:p%2@h"})
    EXPECT_FALSE(parse_redis_url(bad)) << bad;
}

TEST(redis_url, hides_its_password_when_printed) {
  EXPECT_EQ(to_string(parse_redis_url("rediss://u:hunter2@h/4").value()),
            "rediss://u:***@h:6379/4");
  EXPECT_EQ(to_string(parse_redis_url("redis://h").value()), "redis://h:6379/0");
}

TEST(rooted, finds_container_paths_below_the_root_and_never_above) {
  EXPECT_EQ(rooted("traefik", "/dynamic"), "traefik/dynamic");
  EXPECT_EQ(rooted("traefik", "dynamic/a.yml"), "traefik/dynamic/a.yml");
  EXPECT_EQ(rooted("/srv/t", "/var/log/traefik/access.log"), "/srv/t/var/log/traefik/access.log");
  EXPECT_EQ(rooted("traefik", "/../../etc/passwd"), "traefik/etc/passwd");
  EXPECT_EQ(rooted("traefik", "../../etc/passwd"), "traefik/etc/passwd");
}

}  // namespace
}  // namespace stagedoor::configs
