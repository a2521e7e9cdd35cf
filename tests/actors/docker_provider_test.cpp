// SPDX-License-Identifier: Apache-2.0
// The actor against an engine that says what it is told to, over a real unix socket.
#include "actors/providers/docker_provider.hpp"

#include "actors/providers/provider_messages.hpp"
#include "actors/support/actor_names.hpp"
#include "actors/teams/routing_messages.hpp"
#include "messages/publishing.hpp"
#include "tests/client/scripted_server.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/loop_driver.hpp"

#include <csignal>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <mutex>
#include <unistd.h>

namespace stagedoor::actors {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// `"label":"value",...` of a container that wants one host on the entry point `web`.
std::string labels_of(const std::string& id, const std::string& host, const std::string& more) {
  return fmt::format(
      "\"traefik.http.routers.{0}.rule\":\"Host(`{1}`)\","
      "\"traefik.http.routers.{0}.entrypoints\":\"web\"{2}",
      id, host, more);
}

constexpr const char* network = R"({"Networks":{"net":{"IPAddress":"10.1.2.3"}}})";

/// The answer to an inspection.
std::string described(const std::string& id, const std::string& host,
                      const std::string& more_labels = "") {
  return fmt::format(
      R"({{"Id":"{0}","Name":"/{0}","State":{{"Status":"running"}},)"
      R"("Config":{{"Labels":{{{1}}},"ExposedPorts":{{"8000/tcp":{{}}}}}},"NetworkSettings":{2}}})",
      id, labels_of(id, host, more_labels), network);
}

/// A list of one.
std::string listed(const std::string& id, const std::string& host,
                   const std::string& more_labels = "") {
  return fmt::format(
      R"([{{"Id":"{0}","Names":["/{0}"],"State":"running","Status":"Up 1 second","Labels":{{{1}}},)"
      R"("Ports":[{{"PrivatePort":8000,"Type":"tcp"}}],"NetworkSettings":{2}}}])",
      id, labels_of(id, host, more_labels), network);
}

/// An engine with one list, one inspection, and events that the test lets happen.
class engine {
 public:
  explicit engine(const std::string& path)
      : server_(path, [this](test::scripted_connection& c) { serve(c); }) {}
  ~engine() { happen("end"); }

  void lists(std::string text) { set(list_, std::move(text)); }
  void inspects(std::string text) { set(inspection_, std::move(text)); }
  /// A container id: its start event; "end": the stream ends.
  void happen(std::string what) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(what));
    changed_.notify_all();
  }
  std::size_t asked(const std::string& prefix) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        asked_.begin(), asked_.end(), [&](const auto& t) { return t.rfind(prefix, 0) == 0; }));
  }

 private:
  void set(std::string& what, std::string text) {
    const std::lock_guard lock(mutex_);
    what = std::move(text);
  }
  void serve(test::scripted_connection& c) {
    while (const auto r = c.read_request()) {
      std::unique_lock lock(mutex_);
      asked_.push_back(r->target);
      if (r->target.rfind("/events", 0) == 0) {
        lock.unlock();
        return stream(c);
      }
      const auto body = r->target.rfind("/containers/json", 0) == 0 ? list_ : inspection_;
      lock.unlock();
      if (body.empty())
        c.answer(404, R"({"message":"No such container"})");
      else
        c.answer(200, body);
    }
  }
  void stream(test::scripted_connection& c) {
    c.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !events_.empty(); });
      const auto what = events_.front();
      events_.erase(events_.begin());
      lock.unlock();
      if (what == "end") return;
      const auto line =
          fmt::format(R"({{"Type":"container","Action":"start","Actor":{{"ID":"{}"}}}})", what) +
          "\n";
      c.write(fmt::format("{:x}\r\n{}\r\n", line.size(), line));
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string list_ = "[]", inspection_;
  std::vector<std::string> events_, asked_;
  test::scripted_server server_;  // last: its threads use the others
};

class docker_provider_test : public actor_fixture {
 protected:
  docker_provider_test() : names_(loop_), http_(loop_, names_) {
    std::signal(SIGPIPE, SIG_IGN);
    auto config = std::make_shared<configs::loaded>();
    config->edge.docker.emplace();
    config->edge.docker->endpoint = "unix://" + path_;
    config->edge.entry_points.resize(1);
    config->edge.entry_points[0].name = "web";
    parts_.config = config;
    parts_.entry_points = list_entry_points(config->edge, 0);
    parts_.first_catalog = std::make_shared<catalog>();
    parts_.control = &loop_;
    parts_.http = &http_;

    registry_ = make_probe();
    registry_->answers<offer_routes>([](const offer_routes&) { return messages::published{1}; });
    publish_name(system(), "registry", registry_->handle());
    start_files();
  }
  ~docker_provider_test() override { http_.stop(); }

  void start_files() {
    files_ = make_probe();
    publish_name(system(), "providers", files_->handle());
  }
  /// Runs loop and actors until |done|.
  template <class Predicate>
  bool until(Predicate done) {
    return test::turn_until(loop_, [&] {
      run();
      return done();
    });
  }
  bool shares(std::size_t times) {
    return until([&] { return files_->received<containers_known>().size() == times; });
  }
  /// As the file_provider answers.
  void give_catalog() { tell(docker_, use_catalog{std::make_shared<catalog>()}); }
  std::string offered() {
    std::string out;
    for (const auto& o : registry_->received<offer_routes>())
      out +=
          o.host + (o.routes == nullptr ? " withdrawn; "
                                        : " → " + o.routes->at(0).service.servers.at(0).url + "; ");
    registry_->forget();
    return out;
  }
  std::string status(const std::string& key) {
    const auto rows = ask<messages::status_rows>(docker_, messages::report_status{});
    if (rows)
      for (const auto& row : rows->rows)
        if (row.key == key) return row.value;
    return "?";
  }

  const std::string path_ =
      ::testing::TempDir() + fmt::format("docker_provider_{}.sock", ::getpid());
  loop loop_{{}};
  net::resolver names_;
  client::http_client http_;
  node_parts parts_;
  std::optional<probe> registry_, files_;
  caf::actor docker_;
};

TEST_F(docker_provider_test, offers_what_labels_ask_for_and_follows_each_change) {
  engine e(path_);
  e.lists(listed("aa", "a.localhost"));
  docker_ = spawn<docker_provider>(parts_);
  ASSERT_TRUE(shares(1));
  EXPECT_THAT(offered(), IsEmpty());  // the middlewares come first
  give_catalog();
  EXPECT_EQ(offered(), "a.localhost → http://10.1.2.3:8000; ");
  EXPECT_THAT(files_->received<containers_live>(), SizeIs(1));
  EXPECT_EQ(status("engine"), "connected");
  EXPECT_EQ(status("sites"), "1");

  advance(seconds(5));
  e.inspects(described("bb", "b.localhost"));
  e.happen("bb");
  ASSERT_TRUE(until([&] { return !registry_->received<offer_routes>().empty(); }));
  EXPECT_EQ(offered(), "b.localhost → http://10.1.2.3:8000; ");

  advance(seconds(5));
  e.inspects("");
  e.happen("aa");
  ASSERT_TRUE(until([&] { return !registry_->received<offer_routes>().empty(); }));
  EXPECT_EQ(offered(), "a.localhost withdrawn; ");
  EXPECT_EQ(e.asked("/containers/json"), 1U);
  EXPECT_EQ(e.asked("/containers/aa"), 1U);
}

TEST_F(docker_provider_test,
       middlewares_of_labels_are_shared_before_their_routes_and_only_when_they_change) {
  engine e(path_);
  const std::string strip = R"(,"traefik.http.middlewares.cut.stripprefix.prefixes":"/api")";
  e.lists(listed("aa", "a.localhost", strip));
  docker_ = spawn<docker_provider>(parts_);
  ASSERT_TRUE(shares(1));
  const auto known = files_->received<containers_known>().at(0).labels;
  ASSERT_THAT(known->middlewares, SizeIs(1));
  EXPECT_EQ(known->middlewares[0].name, "cut@docker");
  give_catalog();

  advance(seconds(5));
  e.inspects(described("bb", "b.localhost"));
  e.happen("bb");
  ASSERT_TRUE(until([&] { return offered().find("b.localhost →") != std::string::npos; }));
  EXPECT_THAT(files_->received<containers_known>(), SizeIs(1));
}

TEST_F(docker_provider_test, a_container_with_a_wrong_label_is_left_out_whole) {
  engine e(path_);
  e.lists(listed("aa", "a.localhost", R"(,"traefik.http.routers.aa.nonsense":"1")"));
  docker_ = spawn<docker_provider>(parts_);
  ASSERT_TRUE(shares(1));
  give_catalog();
  EXPECT_THAT(offered(), IsEmpty());
  EXPECT_EQ(status("problems"), "1");
  EXPECT_EQ(status("containers"), "1");
}

TEST_F(docker_provider_test, keeps_its_offers_without_an_engine_and_finds_it_again) {
  {
    engine e(path_);
    e.lists(listed("aa", "a.localhost"));
    docker_ = spawn<docker_provider>(parts_);
    ASSERT_TRUE(shares(1));
    give_catalog();
    (void)offered();
  }
  ASSERT_TRUE(until([&] { return status("engine").rfind("out of reach", 0) == 0; }));
  EXPECT_THAT(offered(), IsEmpty());
  engine back(path_);
  back.lists(listed("cc", "c.localhost"));
  advance(seconds(31));
  ASSERT_TRUE(until([&] { return status("engine") == "connected"; }));
  EXPECT_EQ(offered(), "a.localhost withdrawn; c.localhost → http://10.1.2.3:8000; ");
}

TEST_F(docker_provider_test, without_a_socket_it_waits_and_says_so) {
  docker_ = spawn<docker_provider>(parts_);
  ASSERT_TRUE(until([&] { return status("engine").rfind("out of reach", 0) == 0; }));
  EXPECT_THAT(files_->received<containers_known>(), IsEmpty());
  engine e(path_);
  e.lists(listed("aa", "a.localhost"));
  advance(seconds(1));
  EXPECT_TRUE(shares(1));
}

TEST_F(docker_provider_test, an_endpoint_that_cannot_be_used_is_said_and_ends_nothing) {
  auto config = std::make_shared<configs::loaded>(*parts_.config);
  config->edge.docker->endpoint = "ssh://somewhere";
  parts_.config = config;
  docker_ = spawn<docker_provider>(parts_);
  EXPECT_THAT(status("engine"), HasSubstr("ssh is not supported"));
}

TEST_F(docker_provider_test, a_registry_or_file_provider_that_starts_again_is_told_again) {
  engine e(path_);
  e.lists(listed("aa", "a.localhost"));
  docker_ = spawn<docker_provider>(parts_);
  ASSERT_TRUE(shares(1));
  give_catalog();
  (void)offered();

  kill(registry_->handle());
  registry_ = make_probe();
  registry_->answers<offer_routes>([](const offer_routes&) { return messages::published{1}; });
  publish_name(system(), "registry", registry_->handle());
  advance(seconds(2));
  EXPECT_EQ(offered(), "a.localhost → http://10.1.2.3:8000; ");

  kill(files_->handle());
  start_files();
  run();
  give_catalog();
  EXPECT_THAT(files_->received<containers_known>(), SizeIs(1));
}

}  // namespace
}  // namespace stagedoor::actors
