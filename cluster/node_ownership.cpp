// SPDX-License-Identifier: Apache-2.0
// How a node comes to have what only one process may have, and gives it to another one.
#include "actors/support/calls.hpp"
#include "cluster/local_messages.hpp"
#include "cluster/node.hpp"
#include "runtime/base/log.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <future>
#include <sys/file.h>

namespace stagedoor::cluster {

// Two nodes in one data directory would be two owners of everything in it.
result<void> node::lock_data_dir() {
  const auto& dir = options_.config.node.node.data_dir;
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  const std::string path = dir + "/lock";
  data_lock_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!data_lock_) return errno_fault(fault_side::self, fmt::format("open {}", path), errno);
  if (::flock(data_lock_.get(), LOCK_EX | LOCK_NB) != 0)
    return fault{fault_kind::conflict, fault_side::self, retryable::no,
                 fmt::format("{}: another node is using this data directory", dir)};
  return {};
}

// From here on the node has what only one may have. A successor gets it here, when all that can be
// found wrong beforehand is behind it.
result<void> node::own() {
  if (takes_over_) {
    auto lock = takes_over_->become_owner();
    if (!lock) return std::move(lock).error();
    data_lock_ = *std::move(lock);
  }
  if (auto r = join_cluster(); !r) return r;
  if (auto r = open_admin_socket(); !r) return r;
  if (auto r = door_.open(options_.config.node.node.data_dir); !r)
    log::warning("this node cannot be replaced while it runs", {{"error", to_string(r.error())}});
  return {};
}

// -- another process takes over -------------------------------------------------------

// True: it has. The order matters: nothing is given up before the successor is ready to have it,
// the lanes go on until it serves, and it never owns while this process does.
bool node::hand_over(net::handover_channel channel) {
  const auto stop_asked = [this] { return stopping(); };
  predecessor to(std::move(channel));
  std::vector<net::open_socket> sockets;
  for (auto& l : lanes_)
    for (auto& s : l->copy_sockets()) sockets.push_back(std::move(s));
  const auto* store = parts_.managed_redis ? &*parts_.managed_redis : nullptr;
  const auto offered = to.offer(
      sockets, store != nullptr ? offered_redis{store->port, store->line->copy()} : offered_redis{},
      stop_asked);
  if (!offered) {
    log::warning("not replaced", {{"error", to_string(offered.error())}});
    return false;
  }
  if (store != nullptr) store->line->outlive(to.redis_taken());
  if (!give_up_owning()) return false;
  if (const auto released = to.release(data_lock_.get(), stop_asked); !released) {
    log::error("not replaced, owns again", {{"error", to_string(released.error())}});
    own_again();
    return false;
  }
  data_lock_.reset();  // the successor's copy holds it
  if (store != nullptr) store->line->let_go();
  replaced_ = true;
  return true;
}

bool node::stopping() {
  const std::lock_guard lock(mutex_);
  return stop_requested_;
}

bool node::give_up_owning() {
  log::info("a successor is ready, stops owning", {});
  std::promise<void> closed;
  if (control_.post([&] {
        door_.close();
        admin_.reset();
        closed.set_value();
      }))
    closed.get_future().wait();
  const auto outcome = std::make_shared<std::optional<result<void>>>();
  actors::tell(root_, cluster::give_up_owning{[this, outcome](result<void> r) {
                 const std::lock_guard lock(mutex_);
                 *outcome = std::move(r);
                 changed_.notify_all();
               }});
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return outcome->has_value() || ended_.has_value(); });
  // Nobody may own what this process may still hold.
  if (!ended_ && !**outcome)
    ended_ = fmt::format("not given up for a successor: {}", to_string((*outcome)->error()));
  const bool given_up = !ended_;
  lock.unlock();
  if (given_up) cluster_->stop();
  return given_up;
}

void node::own_again() {
  // From the first actor on: what was left of the tree belongs to the one that ended.
  const bool stopped = stop_tree();
  {
    const std::lock_guard lock(mutex_);
    tree_up_ = false;
    if (!stopped) ended_ = "the tree did not stop to own again";
    if (!stopped) return;
    ended_.reset();
  }
  if (parts_.managed_redis) parts_.managed_redis->line->outlive(false);
  former_.push_back(std::move(cluster_));
  std::promise<result<void>> owning;
  const bool posted = control_.post([&] { owning.set_value(own()); });
  const auto owned = posted ? owning.get_future().get()
                            : fault{fault_kind::overloaded, fault_side::self, retryable::no,
                                    "the control loop is full"};
  if (owned) return start_tree();
  const std::lock_guard lock(mutex_);
  ended_ = to_string(owned.error());
}

}  // namespace stagedoor::cluster
