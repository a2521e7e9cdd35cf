// SPDX-License-Identifier: Apache-2.0
#include "runtime/loop/directory_watch.hpp"

#include "runtime/base/log.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <sys/inotify.h>

namespace stagedoor {
namespace {

constexpr std::uint32_t interest = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                   IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                   IN_ONLYDIR;

}  // namespace

directory_watch::directory_watch(loop& l, std::vector<std::string> folders,
                                 std::function<void()> changed, directory_watch_options options)
    : loop_(l),
      folders_(std::move(folders)),
      changed_(std::move(changed)),
      options_(options),
      quiet_([this] { changed_(); }),
      retry_([this] {
        const auto before = watched_.size();
        add_all();
        if (watched_.size() > before) note();  // a folder that came back is news
        loop_.arm_after(retry_, options_.retry_interval);
      }) {}

directory_watch::~directory_watch() {
  if (inotify_) loop_.unwatch(inotify_.get());
}

result<void> directory_watch::start() {
  inotify_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_) return errno_fault(fault_side::self, "inotify_init1", errno);
  add_all();
  loop_.arm_after(retry_, options_.retry_interval);
  return loop_.watch(inotify_.get(), EPOLLIN, *this);
}

void directory_watch::add_all() {
  for (const auto& folder : folders_) add(folder);
}

void directory_watch::add(const std::string& folder) {
  if (!watched_.contains(folder)) {
    if (watches_.size() >= options_.max_watches) {
      if (!std::exchange(full_, true))
        log::warning("too many folders to watch",
                     {{"folder", folder}, {"limit", options_.max_watches}});
      return;
    }
    const int id = ::inotify_add_watch(inotify_.get(), folder.c_str(), interest);
    if (id < 0) return;  // not there yet: looked for again
    watches_[id] = folder;
    watched_.insert(folder);
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.is_directory(error) && !entry.is_symlink(error)) add(entry.path().string());
}

// A folder that was moved keeps its watch, and so do those below it, under names that are no longer
// theirs. Removing a watch is answered by IN_IGNORED.
void directory_watch::forget(int moved) {
  const auto it = watches_.find(moved);
  if (it == watches_.end()) return;
  const std::string below = it->second + "/";
  for (const auto& [id, folder] : watches_)
    if (id == moved || folder.rfind(below, 0) == 0) ::inotify_rm_watch(inotify_.get(), id);
}

void directory_watch::on_io(std::uint32_t) {
  alignas(inotify_event) char buffer[16384];
  bool rescan = false;
  for (;;) {
    const auto n = ::read(inotify_.get(), buffer, sizeof buffer);
    if (n <= 0) break;
    for (ssize_t at = 0; at < n;) {
      inotify_event event;
      std::memcpy(&event, buffer + at, sizeof event);
      at += static_cast<ssize_t>(sizeof event + event.len);
      if ((event.mask & IN_MOVE_SELF) != 0) forget(event.wd);
      if ((event.mask & IN_IGNORED) != 0) {
        if (const auto it = watches_.find(event.wd); it != watches_.end()) {
          watched_.erase(it->second);
          watches_.erase(it);
        }
      }
      rescan = rescan || (event.mask & (IN_ISDIR | IN_Q_OVERFLOW | IN_IGNORED | IN_MOVE_SELF)) != 0;
    }
  }
  if (rescan)
    for (const auto& folder : folders_) add(folder);
  note();
}

void directory_watch::note() {
  if (!quiet_.armed()) first_event_ = loop_.now();
  loop_.arm(quiet_, std::min(loop_.now() + options_.quiet, first_event_ + options_.latest));
}

}  // namespace stagedoor
