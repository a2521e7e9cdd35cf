// SPDX-License-Identifier: Apache-2.0
// The lease store as a value in memory: what the Lua scripts decide, in C++, without Redis.
//
// For the simulator, which needs a store whose clock, failovers and lost writes it controls.
// lease_model_test runs the same random requests against this and against the scripts in a real
// redis-server, and wants the same answers.
#pragma once

#include "cluster/membership/lease_scripts.hpp"

#include <map>
#include <set>

namespace stagedoor::test {

class memory_lease_store {
 public:
  explicit memory_lease_store(milliseconds lease) : lease_(lease.count()) {}

  /// |wall_ms| and |epoch| are the server's clock and its master_replid at this moment.
  cluster::lease_answer apply(const cluster::lease_request& what, std::int64_t wall_ms,
                              const std::string& epoch);

  /// What was published since the last call.
  std::vector<cluster::published_hint> take_published() { return std::exchange(published_, {}); }

  struct owner {
    cluster::node_run holder;
    cluster::fence number = 0;
  };
  struct member_entry {
    cluster::member who;
    std::int64_t ends = 0;
  };
  /// All that would be replicated, and is lost or kept by a failover.
  struct contents {
    bool used = false;
    std::int64_t wall = 0;
    std::int64_t clock = 0;
    std::int64_t paused = 0;
    std::string epoch;
    cluster::fence fence = 0;
    std::uint64_t version = 0;
    std::map<std::string, member_entry> members;
    std::map<std::string, cluster::incarnation> evicted;
    std::map<cluster::owned_key, owner> owners;
    std::map<std::string, std::string> values;  ///< SET by fenced writes
  };
  [[nodiscard]] const contents& now() const noexcept { return data_; }
  void restore(contents earlier) { data_ = std::move(earlier); }
  [[nodiscard]] bool alive(const cluster::node_run& who) const;

 private:
  void lift(cluster::fence floor);
  void sweep();
  void remove(const std::string& node);
  void publish_version(std::uint64_t before);
  cluster::lease_standing stand(cluster::standing is, std::int64_t taken_for = 0) const;
  cluster::lease_answer on(const cluster::join_cluster& r);
  cluster::lease_answer on(const cluster::renew_lease& r);
  cluster::lease_answer on(const cluster::leave_cluster& r);
  cluster::lease_answer on(const cluster::evict_member& r);
  cluster::lease_answer on(const cluster::read_members& r);
  cluster::lease_answer on(const cluster::acquire_owners& r);
  cluster::lease_answer on(const cluster::release_owners& r);
  cluster::lease_answer on(const cluster::fenced_write& r);

  std::int64_t lease_;
  contents data_;
  std::vector<cluster::published_hint> published_;
};

}  // namespace stagedoor::test
