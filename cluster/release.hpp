// SPDX-License-Identifier: Apache-2.0
// Which release this build is, and which versions of the words between nodes it speaks.
//
// A cluster is upgraded one node after the other, so that two releases run side by side; and an
// actor message that its receiver cannot read is dropped without a word. Hence:
// - A message that crosses nodes (the last part of messages/cluster.hpp) never changes. What has to
//   say more is a new struct, foo_v2, with which the highest version is raised by one.
// - Of two nodes both know the highest version that both speak (link::agree). It decides whether
//   foo or foo_v2 is sent; both are received.
// - A release speaks its own version and the one before: lowest = highest - 1. What only older
//   releases send is taken out together with raising the lowest.
// - What is stored in Redis is read by both releases too: words and fields are added, those that
//   are there keep their meaning, and what is not known is passed over.
// Nodes without a version in common have no link: see node_agent. An upgrade over several releases
// goes through those between.
// release.cpp has nothing but these definitions: a program that brings its own is another release,
// which is how the tests have an older and a newer one.
// Runs on: any thread; constants.
#pragma once

#include "runtime/link/hello.hpp"

namespace stagedoor::cluster {

/// As CMakeLists.txt has it.
[[nodiscard]] const char* version() noexcept;

/// Of the messages between nodes.
[[nodiscard]] link::protocol_range spoken() noexcept;

}  // namespace stagedoor::cluster
