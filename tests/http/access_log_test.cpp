// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/access_log.hpp"

#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/stat.h>

namespace stagedoor::http {
namespace {

using namespace std::chrono_literals;

class access_log_file : public testing::Test {
 protected:
  access_log_file() {
    static int count = 0;
    path_ =
        testing::TempDir() + "access-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  }
  ~access_log_file() override {
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + ".1");
  }
  static std::string read(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
  }
  static access_entry entry() {
    access_entry e;
    e.client = "192.0.2.7";
    e.start = wall_clock::from_time_t(1136214245) + 123456789ns;
    e.method = "GET";
    e.target = "/api?x=1";
    e.protocol = "HTTP/1.1";
    e.status = 200;
    e.bytes = 126;
    e.referer = "https://r/";
    e.user_agent = "curl/8";
    e.number = 42;
    e.router = "team-a-api@stagedoor";
    e.server = "http://127.0.0.1:9001";
    e.duration = 3999us;
    return e;
  }
  std::string written(access_log_options o, const access_entry& e) {
    std::filesystem::remove(path_);
    o.path = path_;
    auto l = access_log::open(o);
    EXPECT_TRUE(l);
    l->write(e);
    EXPECT_EQ(read(path_), "") << "lines wait for the end of the turn";
    l->flush({});
    return read(path_);
  }
  std::string path_;
};

TEST_F(access_log_file, writes_traefiks_common_format) {
  EXPECT_EQ(
      written({}, entry()),
      "192.0.2.7 - - [02/Jan/2006:15:04:05 +0000] \"GET /api?x=1 HTTP/1.1\" 200 126 \"-\" \"-\" 42 "
      "\"team-a-api@stagedoor\" \"http://127.0.0.1:9001\" 3ms\n");
  access_log_options keep;
  keep.keep_request_fields = true;
  access_entry nobody = entry();
  nobody.user = "ann";
  nobody.router = nobody.server = nobody.referer = {};
  nobody.status = 404;
  EXPECT_EQ(written(keep, nobody),
            "192.0.2.7 - ann [02/Jan/2006:15:04:05 +0000] \"GET /api?x=1 HTTP/1.1\" 404 126 \"-\" "
            "\"curl/8\" 42 "
            "\"-\" \"-\" 3ms\n");
}

TEST_F(access_log_file, writes_the_generic_format) {
  access_log_options o;
  o.format = access_format::generic_clf;
  EXPECT_EQ(
      written(o, entry()),
      "192.0.2.7 - - [02/Jan/2006:15:04:05 +0000] \"GET /api?x=1 HTTP/1.1\" 200 126 \"-\" \"-\"\n");
}

TEST_F(access_log_file, writes_json) {
  access_log_options o;
  o.format = access_format::json;
  o.keep_request_fields = true;
  auto e = entry();
  e.user_agent = "a\"b\\c\n\xff";
  const auto j = nlohmann::json::parse(written(o, e));
  EXPECT_EQ(j["ClientHost"], "192.0.2.7");
  EXPECT_EQ(j["DownstreamStatus"], 200);
  EXPECT_EQ(j["Duration"], 3999000);
  EXPECT_EQ(j["RequestCount"], 42);
  EXPECT_EQ(j["RouterName"], "team-a-api@stagedoor");
  EXPECT_EQ(j["StartUTC"], "2006-01-02T15:04:05.123456789Z");
  EXPECT_EQ(j["request_User-Agent"], "a\"b\\c\n\xc3\xbf");
}

TEST_F(access_log_file, nothing_from_outside_forges_a_line) {
  access_log_options o;
  o.keep_request_fields = true;
  auto e = entry();
  e.client = "1.1.1.1 - - \"\n";
  e.user = "a\nb";
  e.target = "/\"x\\\x7f\x80";
  e.user_agent = "x\" 200 0\r\n192.0.2.1 - -";
  const auto line = written(o, e);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_THAT(line, testing::StartsWith("1.1.1.1 - - \\x22\\x0a - a\\x0ab [02/"));
  EXPECT_THAT(line, testing::HasSubstr("\"GET /\\x22x\\x5c\\x7f\\x80 HTTP/1.1\""));
  EXPECT_THAT(line, testing::HasSubstr("\"x\\x22 200 0\\x0d\\x0a192.0.2.1 - -\""));
}

TEST_F(access_log_file, filters_by_status_or_duration) {
  access_log_options o;
  o.statuses = {{500, 599}};
  EXPECT_EQ(written(o, entry()), "");
  o.min_duration = 3ms;
  EXPECT_NE(written(o, entry()), "");
  o.min_duration = 4ms;
  EXPECT_EQ(written(o, entry()), "");
}

TEST_F(access_log_file, writes_without_being_asked_when_much_is_waiting) {
  auto l = access_log::open({path_, access_format::common, false, {}, {}}).value();
  auto e = entry();
  const std::string target(1000, 'x');
  e.target = target;
  for (int i = 0; i < 70; ++i) l.write(e);
  EXPECT_GT(read(path_).size(), access_log_flush_bytes);
}

TEST_F(access_log_file, goes_on_in_a_new_file_after_reopen) {
  auto l = access_log::open({path_, access_format::common, false, {}, {}}).value();
  l.write(entry());
  std::filesystem::rename(path_, path_ + ".1");
  l.write(entry());
  ASSERT_TRUE(l.reopen());
  l.write(entry());
  l.flush({});
  const auto old_lines = read(path_ + ".1");
  EXPECT_EQ(std::count(old_lines.begin(), old_lines.end(), '\n'), 2);
  const auto new_lines = read(path_);
  EXPECT_EQ(std::count(new_lines.begin(), new_lines.end(), '\n'), 1);
}

TEST_F(access_log_file, a_full_disk_loses_lines_and_says_how_many) {
  auto l = access_log::open({"/dev/full", access_format::common, false, {}, {}}).value();
  for (int i = 0; i < 3; ++i) l.write(entry());
  l.flush({});
  l.write(entry());
  l.flush({});
  EXPECT_EQ(l.lost_lines(), 4U);
}

TEST_F(access_log_file, a_reader_that_stopped_never_blocks) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const int reader = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  auto l = access_log::open({path_, access_format::common, false, {}, {}}).value();
  auto e = entry();
  const std::string target(4000, 'x');
  e.target = target;
  for (int i = 0; i < 1000; ++i) l.write(e);
  l.flush({});
  EXPECT_GT(l.lost_lines(), 500U);
  std::string got(1U << 20U, '\0');
  const auto n = ::read(reader, got.data(), got.size());
  EXPECT_GT(n, 0);
  ::close(reader);
}

TEST(access_log_open, names_the_path_it_cannot_open) {
  const auto l =
      access_log::open({"/no/such/folder/access.log", access_format::common, false, {}, {}});
  ASSERT_FALSE(l);
  EXPECT_THAT(l.error().detail, testing::HasSubstr("/no/such/folder/access.log"));
}

}  // namespace
}  // namespace stagedoor::http
