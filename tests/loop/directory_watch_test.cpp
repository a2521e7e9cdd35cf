// SPDX-License-Identifier: Apache-2.0
#include "runtime/loop/directory_watch.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace stagedoor {
namespace {

namespace fs = std::filesystem;

struct directory_watch_test : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("directory_watch." + std::to_string(::getpid()));
  loop l;
  int changes = 0;
  directory_watch watch{
      l,
      {(folder / "top").string()},
      [this] { ++changes; },
      {.quiet = milliseconds(5), .latest = milliseconds(50), .retry_interval = milliseconds(20)}};

  directory_watch_test() {
    fs::remove_all(folder);
    fs::create_directories(folder / "top" / "sub");
  }
  ~directory_watch_test() override { fs::remove_all(folder); }

  static void write(const fs::path& file) { std::ofstream(file) << "x"; }

  /// Runs the loop until another change was told; false when none came within two seconds.
  bool told_again() {
    const int before = changes;
    const auto until = mono_clock::now() + seconds(2);
    while (changes == before && mono_clock::now() < until) l.turn(milliseconds(10));
    return changes > before;
  }
};

TEST_F(directory_watch_test, tells_of_files_in_the_folder_and_below_it) {
  ASSERT_TRUE(watch.start());
  write(folder / "top" / "a.yml");
  EXPECT_TRUE(told_again());
  write(folder / "top" / "sub" / "b.yml");
  EXPECT_TRUE(told_again());
  fs::create_directories(folder / "top" / "later");
  EXPECT_TRUE(told_again());
  write(folder / "top" / "later" / "c.yml");
  EXPECT_TRUE(told_again());
  fs::remove(folder / "top" / "a.yml");
  EXPECT_TRUE(told_again());
}

TEST_F(directory_watch_test, a_burst_is_one_call) {
  ASSERT_TRUE(watch.start());
  for (int i = 0; i < 50; ++i) write(folder / "top" / ("f" + std::to_string(i)));
  EXPECT_TRUE(told_again());
  EXPECT_EQ(changes, 1);
}

TEST_F(directory_watch_test, a_folder_that_is_swapped_is_watched_again) {
  ASSERT_TRUE(watch.start());
  fs::rename(folder / "top", folder / "old");
  EXPECT_TRUE(told_again());
  fs::remove_all(folder / "old");
  (void)told_again();
  fs::create_directories(folder / "top");
  EXPECT_TRUE(told_again());
  write(folder / "top" / "d.yml");
  EXPECT_TRUE(told_again());
}

}  // namespace
}  // namespace stagedoor
