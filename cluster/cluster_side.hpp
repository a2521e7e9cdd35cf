// SPDX-License-Identifier: Apache-2.0
// This node's side of the cluster, as the composition root sees it: what outlives the actors
// (store, links, the door that BASP leads to) and the part of the tree that they are used by.
//
// A node without certificates for a cluster has the same actors, and a store in which it is alone.
// Owner: the node. Runs on: main's thread; before the loops run, and after the tree has stopped.
// On failure: start() says what could not be had.
#pragma once

#include "actors/node_parts.hpp"
#include "actors/supervision/supervisor.hpp"
#include "actors/support/system_config.hpp"
#include "cluster/membership/lease_store.hpp"
#include "cluster/peer_links.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <string>

namespace stagedoor::cluster {

[[nodiscard]] bool is_clustered(const configs::settings& s);

/// CAF's settings; those of its io module only where there are peers.
class node_system_config final : public actors::system_config {
 public:
  explicit node_system_config(bool clustered);
};

class cluster_side {
 public:
  /// |on_left| runs on the scheduler, when a drained node has left.
  cluster_side(actors::node_parts& parts, std::function<void()> on_left);
  ~cluster_side();

  /// Opens the cluster port. Kinds: as peer_links::start, advertised_address; internal (no port for
  /// BASP).
  [[nodiscard]] result<void> start(caf::actor_system& system);
  /// The cluster's part of the tree.
  [[nodiscard]] supervision::supervisor_plan plan();
  /// After the tree has stopped, before the loops do.
  void stop();

 private:
  [[nodiscard]] result<void> open_links(caf::actor_system& system);
  void remember(const incarnation& run);
  [[nodiscard]] incarnation remembered() const;

  actors::node_parts& parts_;
  const std::function<void()> on_left_;
  const bool clustered_;
  std::shared_ptr<lease_store> store_;
  std::unique_ptr<peer_links> links_;
  std::string address_;  ///< that is told to the others
  caf::actor door_;
  std::shared_ptr<incarnation> last_run_ = std::make_shared<incarnation>();
};

}  // namespace stagedoor::cluster
