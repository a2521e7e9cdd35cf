// SPDX-License-Identifier: Apache-2.0
// The parsers by table, then the engine against a scripted unix socket.
#include "runtime/client/docker_engine.hpp"

#include "tests/client/loop_fixture.hpp"
#include "tests/client/scripted_server.hpp"

#include <gmock/gmock.h>

namespace stagedoor::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* list_text = R"j([
 {"Id":"aa11","Names":["/team-a-api-1"],"Image":"team/api:3","State":"running","Status":"Up 3 minutes (healthy)",
  "Labels":{"traefik.enable":"true","traefik.http.routers.a.rule":"Host(`a.localhost`)"},
  "Ports":[{"PrivatePort":9000,"Type":"tcp"},
           {"IP":"0.0.0.0","PrivatePort":8000,"PublicPort":18000,"Type":"tcp"},
           {"IP":"::","PrivatePort":8000,"PublicPort":18000,"Type":"tcp"},
           {"PrivatePort":53,"Type":"udp"}],
  "HostConfig":{"NetworkMode":"kanban-network"},
  "NetworkSettings":{
  "Networks" : {
    "kanban-network"
        : {"NetworkID" : "n1", "IPAddress" : "172.20.0.5", "GlobalIPv6Address" : "fd00::5"},
          "backend" : {
      "NetworkID" : "n2", "IPAddress" : "172.21.0.9", "GlobalIPv6Address" : ""
    }
  }
}
},
 {"Id":"bb22","Names":["/other/alias","/db"],"State":"exited","Status":"Exited (0) 2 hours ago","Labels":null,
  "Ports":[],"HostConfig":{"NetworkMode":"host"},"NetworkSettings":{"Networks":null}}
])j";

constexpr const char* inspect_text = R"({
 "Id":"aa11","Name":"/team-a-api-1","Image":"sha256:0011",
 "State":{"Status":"running","Running":true,"Health":{"Status":"starting","FailingStreak":0,"Log":[]}},
 "Config":{"Image":"team/api:3","Labels":{"traefik.enable":"true"},"ExposedPorts":{"8000/tcp":{},"9000/tcp":{},"53/udp":{}}},
 "HostConfig":{"NetworkMode":"container:cc33"},
 "NetworkSettings":{"Ports":{"8000/tcp":[{"HostIp":"127.0.0.1","HostPort":"18000"}],"9000/tcp":null},
   "Networks":{"kanban-network":{"NetworkID":"n1","IPAddress":"172.20.0.5","GlobalIPv6Address":""}}}
})";

std::vector<std::string> shown(const std::vector<container_port>& ports) {
  std::vector<std::string> all;
  for (const auto& p : ports)
    all.push_back(std::to_string(p.port) + (p.protocol == port_protocol::udp ? "/udp" : "/tcp") +
                  (p.host_port != 0 ? "<" + p.host_ip + ":" + std::to_string(p.host_port) : ""));
  return all;
}

TEST(docker_container, a_list_gives_all_that_routing_needs) {
  const auto list = parse_container_list(list_text);
  ASSERT_TRUE(list) << to_string(list.error());
  ASSERT_EQ(list->size(), 2U);
  const auto& a = list->at(0);
  EXPECT_EQ(a.id, "aa11");
  EXPECT_EQ(a.name, "team-a-api-1");
  EXPECT_EQ(a.labels.at("traefik.enable"), "true");
  EXPECT_EQ(a.state, container_state::running);
  EXPECT_EQ(a.health, container_health::healthy);
  EXPECT_EQ(a.network_mode, "kanban-network");
  ASSERT_EQ(a.networks.size(), 2U);
  EXPECT_EQ(a.networks[0].name, "backend");
  EXPECT_EQ(a.networks[1].ip, "172.20.0.5");
  EXPECT_EQ(a.networks[1].ipv6, "fd00::5");
  EXPECT_THAT(shown(a.ports),
              ElementsAre("53/udp", "8000/tcp<0.0.0.0:18000", "8000/tcp<:::18000", "9000/tcp"));
  const auto& b = list->at(1);
  EXPECT_EQ(b.name, "db");
  EXPECT_EQ(b.state, container_state::exited);
  EXPECT_EQ(b.health, container_health::none);
  EXPECT_TRUE(b.host_mode());
  EXPECT_TRUE(b.labels.empty());
}

TEST(docker_container, an_inspection_gives_the_same_picture) {
  const auto c = parse_container(inspect_text);
  ASSERT_TRUE(c) << to_string(c.error());
  EXPECT_EQ(c->name, "team-a-api-1");
  EXPECT_EQ(c->image, "team/api:3");
  EXPECT_EQ(c->health, container_health::starting);
  EXPECT_EQ(c->shares_network_of(), "cc33");
  EXPECT_FALSE(c->host_mode());
  EXPECT_THAT(shown(c->ports), ElementsAre("53/udp", "8000/tcp<127.0.0.1:18000", "9000/tcp"));
}

TEST(docker_container, states_and_health_by_their_words) {
  const std::pair<const char*, container_state> states[] = {
      {"created", container_state::created},   {"running", container_state::running},
      {"paused", container_state::paused},     {"restarting", container_state::restarting},
      {"removing", container_state::removing}, {"exited", container_state::exited},
      {"dead", container_state::dead},         {"levitating", container_state::unknown}};
  for (const auto& [word, state] : states) {
    const auto c = parse_container(std::string(R"({"Id":"x","State":{"Status":")") + word + "\"}}");
    EXPECT_EQ(c->state, state) << word;
  }
  const std::pair<const char*, container_health> health[] = {
      {"Up 1 second", container_health::none},
      {"Up 1 second (health: starting)", container_health::starting},
      {"Up 2 days (healthy)", container_health::healthy},
      {"Up 2 days (unhealthy)", container_health::unhealthy},
      {"Up 2 days (Paused)", container_health::none}};
  for (const auto& [status, expected] : health) {
    const auto list =
        parse_container_list(std::string(R"([{"Id":"x","Status":")") + status + "\"}]");
    EXPECT_EQ(list->at(0).health, expected) << status;
  }
}

TEST(docker_container, what_is_not_a_container_is_refused) {
  for (const auto* text : {"", "null", "{}", "[", "[1]", "[{}]", R"([{"Id":1}])", "\xff"})
    EXPECT_FALSE(parse_container_list(text)) << text;
  for (const auto* text : {"", "null", "[]", "{}", R"({"Id":["x"]})"})
    EXPECT_FALSE(parse_container(text)) << text;
  EXPECT_EQ(parse_container(std::string(100'000, '[')).error().kind, fault_kind::too_large);
}

TEST(docker_container, odd_types_of_known_members_are_left_out) {
  const auto c = parse_container(
      R"({"Id":"x","Name":7,"State":"up","Config":{"Labels":{"a":1,"b":"c"},"ExposedPorts":{"0/tcp":{},"70000/tcp":{},"x":{},"80/icmp":{},"81":{}}},
          "NetworkSettings":{"Ports":{"82/tcp":[7,{"HostPort":"99999"}]},"Networks":{"n":null}}})");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->name, "");
  EXPECT_EQ(c->labels, (std::map<std::string, std::string>{{"b", "c"}}));
  EXPECT_THAT(shown(c->ports), ElementsAre("81/tcp", "82/tcp", "82/tcp"));
  EXPECT_EQ(c->networks.at(0).ip, "");
}

struct event_row {
  const char* text;
  docker_action action;
  const char* container;
  const char* detail;
};

TEST(docker_event, becomes_an_action_on_a_container) {
  const event_row table[] = {
      {R"({"Type":"container","Action":"start","Actor":{"ID":"aa","Attributes":{"name":"web"}},"timeNano":1700000000123456789})",
       docker_action::start, "aa", ""},
      {R"({"Type":"container","Action":"health_status: unhealthy","Actor":{"ID":"aa"}})",
       docker_action::health_status, "aa", "unhealthy"},
      {R"({"Type":"container","Action":"die","Actor":{"ID":"aa"}})", docker_action::die, "aa", ""},
      {R"({"Type":"container","Action":"exec_start: sh -c x","Actor":{"ID":"aa"}})",
       docker_action::other, "aa", "sh -c x"},
      {R"({"Type":"network","Action":"connect","Actor":{"ID":"n1","Attributes":{"container":"aa","name":"kanban"}}})",
       docker_action::network_connect, "aa", "kanban"},
      {R"({"Type":"network","Action":"disconnect","Actor":{"ID":"n1","Attributes":{"container":"aa"}}})",
       docker_action::network_disconnect, "aa", ""},
      {R"({"Type":"image","Action":"pull"})", docker_action::other, "", ""},
      {"{}", docker_action::other, "", ""},
  };
  for (const auto& row : table) {
    const auto e = parse_docker_event(row.text);
    ASSERT_TRUE(e) << row.text;
    EXPECT_EQ(e->action, row.action) << row.text;
    EXPECT_EQ(e->container, row.container) << row.text;
    EXPECT_EQ(e->detail, row.detail) << row.text;
  }
  EXPECT_EQ(parse_docker_event(table[0].text)->time_ns, 1'700'000'000'123'456'789);
}

TEST(docker_event_reader, finds_the_same_events_however_the_bytes_are_cut) {
  const std::string text = R"({"Type":"container","Action":"start","Actor":{"ID":"a1"}})"
                           "\r\n\n"
                           R"({"Type":"container","Action":"die","Actor":{"ID":"b2"}})"
                           "\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    docker_event_reader reader;
    std::string seen;
    for (std::size_t at = 0; at < text.size(); at += size)
      ASSERT_TRUE(reader.feed(std::string_view(text).substr(at, size),
                              [&](docker_event e) { seen += e.container; }));
    EXPECT_EQ(seen, "a1b2") << "chunks of " << size;
  }
}

TEST(docker_event_reader, limits_a_line_and_refuses_what_is_no_event) {
  docker_event_reader reader(100);
  ASSERT_TRUE(reader.feed(std::string(100, 'x'), [](auto) {}));
  EXPECT_EQ(reader.feed("x", [](auto) {}).error().kind, fault_kind::too_large);
  for (const auto* line : {"nonsense\n", "[1]\n", "{\n"})
    EXPECT_EQ(docker_event_reader().feed(line, [](auto) {}).error().kind, fault_kind::malformed)
        << line;
}

TEST(docker_endpoint, reads_the_forms_of_traefik) {
  EXPECT_EQ(docker_endpoint("unix:///var/run/docker.sock")->unix_socket, "/var/run/docker.sock");
  EXPECT_EQ(docker_endpoint("tcp://10.0.0.1:2375/")->url, "http://10.0.0.1:2375");
  EXPECT_EQ(docker_endpoint("tcp://10.0.0.1:2375")->unix_socket, "");
  EXPECT_EQ(docker_endpoint("https://engine:2376")->url, "https://engine:2376");
  EXPECT_EQ(docker_endpoint("npipe:////./pipe/docker").error().kind, fault_kind::unsupported);
  for (const auto* bad :
       {"", "unix://", "unix://relative", "/var/run/docker.sock", "tcp://", "udp://x"})
    EXPECT_EQ(docker_endpoint(bad).error().kind, fault_kind::invalid) << bad;
}

class docker_engine_test : public test::loop_fixture {
 protected:
  docker_engine engine() {
    return docker_engine(http_, {.unix_socket = path_, .deadline = milliseconds(2000)});
  }

  result<container> inspect(const std::string& id) {
    std::promise<result<container>> done;
    auto e = engine();
    const auto sent = e.inspect(id, [&](auto c) { done.set_value(std::move(c)); });
    if (!sent) return sent.error();
    return test::get(done.get_future());
  }
  result<std::vector<container>> list() {
    std::promise<result<std::vector<container>>> done;
    auto e = engine();
    const auto sent = e.list([&](auto c) { done.set_value(std::move(c)); });
    if (!sent) return sent.error();
    return test::get(done.get_future());
  }

  const std::string path_ = ::testing::TempDir() + "docker_" + std::to_string(::getpid()) + ".sock";
};

TEST_F(docker_engine_test, lists_and_inspects) {
  test::scripted_server server(path_, test::each_request([](const auto& r, auto& c) {
                                 if (r.target == "/containers/json?all=1")
                                   return (void)c.answer(200, list_text);
                                 if (r.target == "/containers/aa11/json")
                                   return (void)c.answer(200, inspect_text);
                                 if (r.target == "/containers/broken/json")
                                   return (void)c.answer(200, "{");
                                 if (r.target == "/containers/busy/json")
                                   return (void)c.answer(503, "oops");
                                 c.answer(404, R"({"message":"No such container: zz"})");
                               }));
  ASSERT_TRUE(list());
  EXPECT_EQ(list()->size(), 2U);
  EXPECT_EQ(inspect("aa11")->name, "team-a-api-1");
  EXPECT_EQ(inspect("zz").error().kind, fault_kind::not_found);
  EXPECT_THAT(inspect("zz").error().detail, HasSubstr("No such container: zz"));
  EXPECT_EQ(inspect("broken").error().kind, fault_kind::malformed);
  EXPECT_EQ(inspect("busy").error().kind, fault_kind::unreachable);
  for (const auto* bad : {"", "../../x", "a/b", "a?b", "-a"})
    EXPECT_EQ(inspect(bad).error().kind, fault_kind::invalid) << bad;
}

TEST_F(docker_engine_test, no_engine_is_a_fault_that_can_be_retried) {
  const auto answer = list();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, fault_kind::unreachable);
  EXPECT_EQ(answer.error().retry, retryable::yes);
}

TEST_F(docker_engine_test, tells_events_as_they_happen_and_when_the_stream_ends) {
  std::promise<std::string> asked;
  std::promise<void> seen_first;
  test::scripted_server server(path_, [&](test::scripted_connection& c) {
    asked.set_value(c.read_request()->target);
    c.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    c.write(
        "3a\r\n"
        R"({"Type":"container","Action":"start","Actor":{"ID":"a1"}})"
        "\n\r\n");
    seen_first.get_future().wait();
    c.write(
        "3a\r\n"
        R"({"Type":"container","Action":"start","Actor":{"ID":"b2"}})"
        "\n\r\n0\r\n\r\n");
  });
  auto e = engine();
  int opened = 0;
  std::string seen;
  std::promise<result<void>> ended;
  ASSERT_TRUE(e.events({.on_open = [&] { ++opened; },
                        .on_event =
                            [&](docker_event event) {
                              if (seen.empty()) seen_first.set_value();
                              seen += event.container;
                            },
                        .on_end = [&](result<void> end) { ended.set_value(std::move(end)); }},
                       1'700'000'000'000'000'042));
  EXPECT_TRUE(test::get(ended.get_future()));
  EXPECT_EQ(opened, 1);
  EXPECT_EQ(seen, "a1b2");
  const auto target = test::get(asked.get_future());
  EXPECT_THAT(target, HasSubstr("since=1700000000.000000042&"));
  EXPECT_THAT(target, HasSubstr("health_status"));
}

struct bad_stream {
  const char* claim;
  const char* bytes;
  fault_kind expected;
};

TEST_F(docker_engine_test, a_stream_that_is_no_stream_of_events_ends_with_the_reason) {
  const bad_stream table[] = {
      {"not JSON", "HTTP/1.1 200 OK\r\n\r\nhello\n", fault_kind::malformed},
      {"an error", "HTTP/1.1 500 No\r\nContent-Length: 19\r\n\r\n{\"message\":\"broken\"}",
       fault_kind::unreachable},
      {"an error without end", "HTTP/1.1 400 No\r\nContent-Length: 9999999\r\n\r\n",
       fault_kind::refused},
      {"cut short", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", fault_kind::closed},
  };
  for (const auto& row : table) {
    test::scripted_server server(path_, [&](test::scripted_connection& c) {
      c.read_request();
      c.write(row.bytes);
      if (row.expected == fault_kind::refused) c.write(std::string(8192, 'x'));
      if (row.expected != fault_kind::closed) c.wait_for_close();
    });
    auto e = engine();
    std::promise<result<void>> ended;
    ASSERT_TRUE(e.events({.on_open = {},
                          .on_event = [](auto) {},
                          .on_end = [&](result<void> end) { ended.set_value(std::move(end)); }}));
    const auto end = test::get(ended.get_future());
    ASSERT_FALSE(end) << row.claim;
    EXPECT_EQ(end.error().kind, row.expected) << row.claim << ": " << to_string(end.error());
  }
}

}  // namespace
}  // namespace stagedoor::client
