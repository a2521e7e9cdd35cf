// SPDX-License-Identifier: Apache-2.0
// The commands that give a cluster its authority and each node its certificate.
//
// They work on files alone, on any machine: the authority's key need not be on a node, and better
// is not. Running `add` for a node once more is the rotation of its certificate.
//   DIR/ca.crt  DIR/ca.key            the authority; made once, never replaced
//   DIR/NAME/{node.crt,node.key,ca.crt}  what node NAME needs
// Runs on: main's thread. On failure: says why, changes nothing that was there.
#pragma once

#include <string>

namespace stagedoor::cluster {

struct cluster_options {
  std::string directory = "cluster";
  std::string name;  ///< of a node
};

[[nodiscard]] int cluster_init(const cluster_options& o);
[[nodiscard]] int cluster_add(const cluster_options& o);

}  // namespace stagedoor::cluster
