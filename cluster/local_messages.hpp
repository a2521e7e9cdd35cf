// SPDX-License-Identifier: Apache-2.0
// Messages of the cluster's actors that never leave their node; see actors/support/local_messages.
#pragma once

#include "cluster/membership/lease_store.hpp"
#include "runtime/link/link_end.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>

#include <functional>

#define CLUSTER_MESSAGE(name)                                    \
  namespace stagedoor::cluster {                                 \
  struct name;                                                   \
  }                                                              \
  CAF_ADD_TYPE_ID(stagedoor_cluster, (stagedoor::cluster::name)) \
  CAF_ALLOW_UNSAFE_MESSAGE_TYPE(stagedoor::cluster::name)

// Behind the local messages of actors/.
CAF_BEGIN_TYPE_ID_BLOCK(stagedoor_cluster, caf::first_custom_type_id + 1500)

CLUSTER_MESSAGE(store_answered)
CLUSTER_MESSAGE(hint_heard)
CLUSTER_MESSAGE(members_are)
CLUSTER_MESSAGE(link_changed)
CLUSTER_MESSAGE(peer_is_gone)
CLUSTER_MESSAGE(agent_ready)
CLUSTER_MESSAGE(meet_again)
CLUSTER_MESSAGE(leave_not_heard)
CLUSTER_MESSAGE(give_up_owning)

CAF_END_TYPE_ID_BLOCK(stagedoor_cluster)

namespace stagedoor::cluster {

/// Whose question to the store was answered.
enum class asker : std::uint8_t { coordinator, claims, writes };

/// To the coordinator, from the loop of the store.
struct store_answered {
  asker who = asker::coordinator;
  std::uint64_t number = 0;
  result<lease_answer> answer;
};

/// To the coordinator: a hint, or (empty) the subscription holds from now on and some may be lost.
struct hint_heard {
  std::string text;
};

/// To the node_agent: who is in the cluster now.
struct members_are {
  node_run self;
  std::vector<member> members;
};

/// To the node_agent, from peer_links.
struct link_changed {
  std::string node;
  std::string process;  ///< of the peer; empty when it never said
  bool up = false;
  std::uint16_t port = 0;  ///< of 127.0.0.1, leads to the peer; 0 = the peer dialled us
  std::string detail;      ///< why it is down
};

/// From the node_agent to itself: the peer was not reached over this link, which may be gone by
/// now.
struct meet_again {
  std::string node;
  std::uint64_t meeting = 0;
};

/// From the coordinator to itself: the store has had its time to hear that this node leaves.
struct leave_not_heard {};

/// To the coordinator, from the node_agent when it starts: it knows of nobody.
struct agent_ready {};

/// To the coordinator: no process listens where that one did.
struct peer_is_gone {
  std::string node;
  std::string process;
};

/// To the doorkeeper: another process is about to own. |done| is called once, on the scheduler;
/// with a fault when a part cannot be ended, which may then still own something.
struct give_up_owning {
  std::function<void(result<void>)> done;
};

}  // namespace stagedoor::cluster
