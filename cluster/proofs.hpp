// SPDX-License-Identifier: Apache-2.0
// Ownership as the lease store has it, and as it is said to actors.
#pragma once

#include "cluster/membership/lease_store.hpp"
#include "messages/cluster.hpp"

namespace stagedoor::cluster {

[[nodiscard]] inline messages::work_key to_message(const owned_key& key) {
  return {key.kind, key.id, key.slot};
}
[[nodiscard]] inline owned_key to_key(const messages::work_key& work) {
  return {work.kind, work.id, work.slot};
}
[[nodiscard]] inline messages::owner_proof to_message(const ownership& proof) {
  return {to_message(proof.what), proof.holder.node, to_hex(proof.holder.run), proof.number};
}
/// A run that is no incarnation becomes one that nobody has: the store refuses the proof.
[[nodiscard]] inline ownership to_ownership(const messages::owner_proof& proof) {
  return {to_key(proof.work),
          {proof.node, parse_incarnation(proof.run).value_or(incarnation{})},
          proof.fence};
}

}  // namespace stagedoor::cluster
