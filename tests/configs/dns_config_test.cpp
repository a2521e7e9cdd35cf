// SPDX-License-Identifier: Apache-2.0
#include "configs/dns_config.hpp"

#include "configs/dns_zone_name.hpp"
#include "tests/configs/reported.hpp"

#include <gtest/gtest.h>

namespace stagedoor::configs {
namespace {

using namespace std::chrono_literals;
using names = std::vector<std::string>;

corefile_sources sources() {
  return {variables(),
          [](const std::string& path) -> result<std::string> {
            if (path == "/etc/resolv.conf")
              return std::string("# x\nsearch a\nnameserver 192.0.2.1 # y\nnameserver ::1\n");
            if (path == "/etc/empty") return std::string("search a\n");
            return fault{fault_kind::not_found, fault_side::operator_input, retryable::no,
                         "no such file " + path};
          },
          [](const std::string&) { return names{}; }};
}

dns_config read(std::string_view text, diagnostics& out) {
  const auto from = sources();
  return read_dns_config(parse_corefile("C", text, from, out), from, out);
}

dns_config good(std::string_view text) {
  diagnostics out;
  auto c = read(text, out);
  EXPECT_EQ(reported(out), lines{}) << text;
  return c;
}

lines reports(std::string_view text) {
  diagnostics out;
  (void)read(text, out);
  return reported(out);
}

TEST(dns_config, reads_the_corefile_of_the_infrastructure_page) {
  const auto c = good(
      ".:53 {\n    forward . 8.8.8.8 8.8.4.4\n    log\n    errors\n}\n\nlocalhost:53 {\n    file "
      "/zones/db.localhost\n    log\n    errors\n}\n");
  ASSERT_EQ(c.blocks.size(), 2U);
  const auto& all = c.blocks[0];
  EXPECT_EQ(all.zones.at(0).name, ".");
  EXPECT_EQ(all.zones.at(0).port, 53);
  EXPECT_TRUE(all.errors);
  EXPECT_EQ(all.logs.at(0).names, names{"."});
  EXPECT_EQ(all.forwards.at(0).from, names{"."});
  EXPECT_EQ(all.forwards.at(0).to, (std::vector<forward_target>{{"8.8.8.8", 53}, {"8.8.4.4", 53}}));
  const auto& local = c.blocks[1];
  EXPECT_EQ(local.zones.at(0).name, "localhost.");
  EXPECT_EQ(local.files.at(0).path, "/zones/db.localhost");
  EXPECT_EQ(local.files.at(0).path_at, (location{"C", 8, 10}));
  EXPECT_EQ(local.files.at(0).zones, names{"localhost."});
  EXPECT_EQ(local.files.at(0).reload, 1min);
  EXPECT_FALSE(local.files.at(0).fallthrough);
}

TEST(dns_config, reads_every_option_of_the_implemented_plugins) {
  const auto c = good(R"(
example.org example.net:1053 dns://test {
  file db.example a.org b.org {
    reload 0
    fallthrough x.org
  }
  root /zones
  bind 127.0.0.1 lo
  reload 10s 3s
  log a.org b.org "{remote} {name}" {
    class denial error
  }
  forward example.org 192.0.2.1:5353 [2001:db8::1]:54 dns://192.0.2.2 {
    except a.example.org 10.0.0.0/24
    force_tcp
    expire 20s
    max_fails 5
    policy round_robin
    health_check 1s no_rec domain example.org
    max_concurrent 1000
  }
  errors
}
)");
  const auto& b = c.blocks.at(0);
  ASSERT_EQ(b.zones.size(), 3U);
  EXPECT_EQ(b.zones[1].port, 1053);
  EXPECT_EQ(b.zones[2].name, "test.");
  EXPECT_EQ(b.files.at(0).path, "/zones/db.example");
  EXPECT_EQ(b.files.at(0).zones, (names{"a.org.", "b.org."}));
  EXPECT_EQ(b.files.at(0).reload, 0s);
  EXPECT_EQ(b.files.at(0).fallthrough, names{"x.org."});
  EXPECT_EQ(b.bind, (names{"127.0.0.1", "lo"}));
  ASSERT_TRUE(b.reload);
  EXPECT_EQ(b.reload->interval, 10s);
  EXPECT_EQ(b.reload->jitter, 3s);
  EXPECT_EQ(b.logs.at(0).names, (names{"a.org.", "b.org."}));
  EXPECT_EQ(b.logs.at(0).format, "{remote} {name}");
  EXPECT_EQ(b.logs.at(0).classes,
            (std::vector{log_plugin::answers::denial, log_plugin::answers::error}));
  const auto& f = b.forwards.at(0);
  EXPECT_EQ(f.from, names{"example.org."});
  EXPECT_EQ(f.to, (std::vector<forward_target>{
                      {"192.0.2.1", 5353}, {"2001:db8::1", 54}, {"192.0.2.2", 53}}));
  EXPECT_EQ(f.except, (names{"a.example.org.", "0.0.10.in-addr.arpa."}));
  EXPECT_TRUE(f.force_tcp);
  EXPECT_EQ(f.expire, 20s);
  EXPECT_EQ(f.max_fails, 5U);
  EXPECT_EQ(f.choice, forward_plugin::policy::round_robin);
  EXPECT_EQ(f.health_check, 1s);
  EXPECT_FALSE(f.health_recursion);
  EXPECT_EQ(f.health_domain, "example.org.");
  EXPECT_EQ(f.max_concurrent, 1000U);
}

TEST(dns_config, a_single_log_argument_is_a_name_and_fallthrough_alone_is_everything) {
  const auto c = good(". {\n log example.org\n file db {\n  fallthrough\n }\n}");
  EXPECT_EQ(c.blocks.at(0).logs.at(0).names, names{"example.org."});
  EXPECT_EQ(c.blocks.at(0).files.at(0).fallthrough, names{"."});
}

TEST(dns_config, forward_reads_the_machines_resolvers) {
  const auto c = good(". {\n forward . /etc/resolv.conf\n}");
  EXPECT_EQ(c.blocks.at(0).forwards.at(0).to,
            (std::vector<forward_target>{{"192.0.2.1", 53}, {"::1", 53}}));
}

TEST(dns_config, one_zone_may_be_served_on_two_ports_or_two_addresses) {
  EXPECT_EQ(good("a.org:53 a.org:54 {\n}\n").blocks.at(0).zones.size(), 2U);
  EXPECT_EQ(good("a.org {\n bind 127.0.0.1\n}\na.org {\n bind 127.0.0.2\n}\n").blocks.size(), 2U);
}

TEST(dns_config, each_mistake_is_named_with_its_place) {
  const std::pair<const char*, const char*> table[] = {
      {". {\n  forwrad . 8.8.8.8\n}",
       "C:2:3: error: Unknown directive 'forwrad'; did you mean \"forward\"?"},
      {". {\n  Log\n}", "C:2:3: error: Unknown directive 'Log'; did you mean \"log\"?"},
      {". {\n  xyzzy\n}", "C:2:3: error: Unknown directive 'xyzzy'"},
      {". {\n  cache 30\n}",
       "C:2:3: error: plugin \"cache\" is known to CoreDNS but not implemented here"},
      {". {\n  kubernetes x {\n   y\n  }\n}",
       "C:2:3: error: plugin \"kubernetes\" is known to CoreDNS but not implemented here"},
      {"tls://. {\n}", "C:1:1: error: tls:// is not implemented, only dns://"},
      {"http://. {\n}", "C:1:1: error: expected a zone, or dns:// and a zone, got \"http://.\""},
      {"a..b {\n}",
       "C:1:1: error: expected a zone such as example.org or 10.0.0.0/24, got \"a..b\""},
      {"a.org: {\n}", "C:1:1: error: expected a port after the colon, got \"a.org:\""},
      {"a.org:70000 {\n}", "C:1:1: error: expected a port from 0 to 65535, got \"a.org:70000\""},
      {"a.org {\n}\nA.org.:53 {\n}",
       "C:3:1: error: zone \"a.org.\" on port 53 is already defined at C:1:1"},
      {"a.org a.org {\n}", "C:1:7: error: zone \"a.org.\" on port 53 is already defined at C:1:1"},
      {". {\n  file\n}", "C:2:3: error: file: expected a zone file and its zones, got 0 arguments"},
      {". {\n  file \"\"\n}", "C:2:8: error: file: expected a path, got \"\""},
      {". {\n  file db a..b\n}",
       "C:2:11: error: expected a zone such as example.org or 10.0.0.0/24, got \"a..b\""},
      {". {\n  file db {\n    reload 30\n  }\n}",
       "C:3:12: error: reload: expected a duration such as 30s, 1m30s or 500ms, got \"30\""},
      {". {\n  file db {\n    reload\n  }\n}",
       "C:3:5: error: reload: expected one duration, got 0 arguments"},
      {". {\n  file db {\n    relaod 1m\n  }\n}",
       "C:3:5: error: file: unknown option \"relaod\"; did you mean \"reload\"?"},
      {". {\n  file db {\n    reload_by_mtime\n  }\n}",
       "C:3:5: error: file: option \"reload_by_mtime\" is known to CoreDNS but not implemented "
       "here"},
      {". {\n  file db {\n    upstream\n  }\n}",
       "C:3:5: warning: file: upstream has no effect, as in CoreDNS since 1.5"},
      {". {\n  forward .\n}",
       "C:2:3: error: forward: expected a zone and its upstreams, got 1 argument"},
      {". {\n  forward . 8.8.8.8;\n}",
       "C:2:13: error: forward: expected an IP address, with or without a port, or a file like "
       "/etc/resolv.conf, got \"8.8.8.8;\""},
      {". {\n  forward . tls://9.9.9.9\n}",
       "C:2:13: error: forward: tls:// is not implemented, only dns://"},
      {". {\n  forward . /gone\n}", "C:2:13: error: forward: no such file /gone"},
      {". {\n  forward . /etc/empty\n}",
       "C:2:13: error: forward: expected a nameserver line in \"/etc/empty\", got none"},
      {". {\n  forward . 1.1.1.1 {\n    tls_servername x\n  }\n}",
       "C:3:5: error: forward: option \"tls_servername\" is known to CoreDNS but not implemented "
       "here"},
      {". {\n  forward . 1.1.1.1 {\n    polciy random\n  }\n}",
       "C:3:5: error: forward: unknown option \"polciy\"; did you mean \"policy\"?"},
      {". {\n  forward . 1.1.1.1 {\n    policy best\n  }\n}",
       "C:3:12: error: policy: expected random, round_robin or sequential, got \"best\""},
      {". {\n  forward . 1.1.1.1 {\n    max_fails -1\n  }\n}",
       "C:3:15: error: max_fails: expected a whole number, got \"-1\""},
      {". {\n  forward . 1.1.1.1 {\n    health_check 1s norec\n  }\n}",
       "C:3:21: error: health_check: expected no_rec or domain NAME, got \"norec\""},
      {". {\n  forward . 1.1.1.1 {\n    force_tcp\n    prefer_udp\n  }\n}",
       "C:2:3: error: forward: expected force_tcp or prefer_udp, got both"},
      {". {\n  forward . 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 "
       "1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1\n}",
       "C:2:3: error: forward: expected at most 15 upstreams, got 16"},
      {". {\n  log . {\n    class some\n  }\n}",
       "C:3:11: error: log class: expected success, denial, error or all, got \"some\""},
      {". {\n  log . {\n    clas all\n  }\n}",
       "C:3:5: error: log: unknown option \"clas\"; did you mean \"class\"?"},
      {". {\n  errors x\n}", "C:2:10: error: errors: expected no argument, got \"x\""},
      {". {\n  errors {\n    consolidate 1m x\n  }\n}",
       "C:3:5: error: errors: option \"consolidate\" is known to CoreDNS but not implemented here"},
      {". {\n  root\n}", "C:2:3: error: root: expected one path, got 0 arguments"},
      {". {\n  root a {\n  }\n}", "C:2:3: error: root: expected no block, got {"},
      {". {\n  reload 1s\n}",
       "C:2:10: error: reload: expected an interval of at least 2s, got \"1s\""},
      {". {\n  reload 10s 0s\n}",
       "C:2:14: error: reload: expected a jitter of at least 1s, got \"0s\""},
      {". {\n  reload\n  reload\n}", "C:3:3: error: plugin \"reload\" is given twice in one block"},
      {". {\n  bind\n}", "C:2:3: error: bind: expected addresses or interfaces, got 0 arguments"},
  };
  for (const auto& [text, wanted] : table) EXPECT_EQ(reports(text), lines{wanted}) << text;
}

TEST(dns_config, every_mistake_of_a_file_is_reported_at_once) {
  EXPECT_EQ(reports("a..b {\n cache\n xyzzy\n}\n. {\n forward . x\n}").size(), 4U);
}

TEST(zone_name, is_lower_case_with_a_final_dot) {
  EXPECT_EQ(parse_zone("Example.ORG").value(), names{"example.org."});
  EXPECT_EQ(parse_zone(".").value(), names{"."});
  EXPECT_EQ(parse_zone("_x.a-b.").value(), names{"_x.a-b."});
  EXPECT_TRUE(parse_zone(std::string(63, 'a')));
  EXPECT_FALSE(parse_zone(std::string(64, 'a')));
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "a.";
  EXPECT_TRUE(parse_zone(longest));
  EXPECT_FALSE(parse_zone("a." + longest));
}

TEST(zone_name, a_cidr_block_is_its_reverse_zones) {
  const std::pair<const char*, names> table[] = {
      {"10.0.0.0/24", {"0.0.10.in-addr.arpa."}},
      {"10.0.0.0/8", {"10.in-addr.arpa."}},
      {"192.0.2.1/32", {"1.2.0.192.in-addr.arpa."}},
      {"0.0.0.0/0", {"in-addr.arpa."}},
      {"10.1.0.0/15", {"0.10.in-addr.arpa.", "1.10.in-addr.arpa."}},
      {"10.0.0.128/26", {}},
      {"2001:db8::/32", {"8.b.d.0.1.0.0.2.ip6.arpa."}},
      {"2001:db8::/31", {"8.b.d.0.1.0.0.2.ip6.arpa.", "9.b.d.0.1.0.0.2.ip6.arpa."}},
  };
  for (const auto& [text, wanted] : table) {
    const auto got = parse_zone(text);
    ASSERT_TRUE(got) << text;
    if (wanted.empty()) {
      ASSERT_EQ(got->size(), 64U);
      EXPECT_EQ(got->front(), "128.0.0.10.in-addr.arpa.");
      EXPECT_EQ(got->back(), "191.0.0.10.in-addr.arpa.");
    } else {
      EXPECT_EQ(*got, wanted) << text;
    }
  }
}

TEST(zone_address, the_port_is_what_follows_the_last_colon) {
  EXPECT_EQ(parse_zone_address("10.0.0.0/24:54")->port, 54);
  EXPECT_EQ(parse_zone_address("2001:db8::/32:54")->port, 54);
  EXPECT_EQ(parse_zone_address("2001:db8::/32")->port, std::nullopt);
  EXPECT_EQ(parse_zone_address(":1053")->zones, names{"."});
}

}  // namespace
}  // namespace stagedoor::configs
