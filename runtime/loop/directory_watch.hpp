// SPDX-License-Identifier: Apache-2.0
// Tells when something changed in a few folders.
//
// Editors write, rename and remove in bursts, and a mounted folder may be swapped as a whole; so
// all events of a short while are one call that says only "look again". Owner: whoever made it.
// Runs on: its loop. Bounded by: max_watches folders; further ones are not watched, which is logged
// once. On failure: a folder that does not exist is looked for again every retry_interval.
#pragma once

#include "runtime/loop/loop.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace stagedoor {

struct directory_watch_options {
  milliseconds quiet{100};            ///< without another event before the call
  milliseconds latest{1000};          ///< after the first event, even if they go on
  milliseconds retry_interval{5000};  ///< for folders that do not exist (any more)
  std::size_t max_watches = 8192;
};

class directory_watch final : private io_handler {
 public:
  /// Watches |folders| and the folders below them. |changed| runs on the loop.
  directory_watch(loop& l, std::vector<std::string> folders, std::function<void()> changed,
                  directory_watch_options options = {});
  ~directory_watch();
  directory_watch(const directory_watch&) = delete;
  directory_watch& operator=(const directory_watch&) = delete;

  /// On failure: overloaded (no inotify instance left), internal.
  [[nodiscard]] result<void> start();

 private:
  void on_io(std::uint32_t events) override;
  void add_all();
  void add(const std::string& folder);
  void forget(int moved);
  void note();

  loop& loop_;
  const std::vector<std::string> folders_;
  const std::function<void()> changed_;
  const directory_watch_options options_;
  unique_fd inotify_;
  std::map<int, std::string> watches_;  ///< by inotify's descriptor
  std::set<std::string> watched_;
  bool full_ = false;
  mono_time first_event_{};
  timer quiet_;
  timer retry_;
};

}  // namespace stagedoor
