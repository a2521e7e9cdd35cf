// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/file.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stagedoor {
namespace {

class file_test : public testing::Test {
 protected:
  file_test() { std::filesystem::create_directory(folder_); }
  ~file_test() override { std::filesystem::remove_all(folder_); }

  std::string path(const char* name) const { return (folder_ / name).string(); }
  std::string write(const char* name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("file_test_" + std::to_string(::getpid()));
};

TEST_F(file_test, reads_all_bytes_and_the_mode) {
  const std::string text("a\0b\n", 4);
  const auto at = write("f", text);
  ::chmod(at.c_str(), 0640);
  const auto got = read_file(at, 4);
  ASSERT_TRUE(got) << to_string(got.error());
  EXPECT_EQ(got->bytes, text);
  EXPECT_EQ(got->mode, 0640U);
}

TEST_F(file_test, one_byte_beyond_the_limit_is_too_many) {
  const auto got = read_file(write("f", std::string(100'001, 'x')), 100'000);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, fault_kind::too_large);
  EXPECT_EQ(got.error().detail, path("f") + ": larger than 100000 bytes");
}

TEST_F(file_test, what_is_no_file_is_said_at_once) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);  // nobody will ever write to it
  for (const auto& at : {path("pipe"), folder_.string(), std::string("/dev/zero")}) {
    const auto got = read_file(at, 10);
    ASSERT_FALSE(got) << at;
    EXPECT_EQ(got.error().kind, fault_kind::invalid);
    EXPECT_EQ(got.error().detail, at + ": not a regular file");
  }
}

TEST_F(file_test, a_missing_file_is_the_fault_of_whoever_named_it) {
  const auto named = read_file(path("none"), 10);
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().kind, fault_kind::not_found);
  EXPECT_EQ(named.error().side, fault_side::operator_input);
  EXPECT_EQ(named.error().detail, path("none") + ": No such file or directory");
  EXPECT_EQ(read_file(path("none"), 10, fault_side::self).error().side, fault_side::self);
}

}  // namespace
}  // namespace stagedoor
