// SPDX-License-Identifier: Apache-2.0
#include "actors/supervision/tree_walk.hpp"

#include "actors/support/calls.hpp"
#include "messages/support.hpp"

#include <memory>
#include <utility>

namespace stagedoor::supervision {
namespace {

using messages::tree_entry;

/// Answers the question when the last branch is in, whether it answered or timed out: each branch
/// holds a reference until then.
struct gathering {
  explicit gathering(caf::local_actor* asked) : answer(asked) {}
  gathering(const gathering&) = delete;
  gathering& operator=(const gathering&) = delete;
  ~gathering() {
    messages::tree_listing listing{{std::move(root)}};
    for (auto& [self, below] : branches) {
      listing.entries.push_back(std::move(self));
      for (auto& entry : below) listing.entries.push_back(std::move(entry));
    }
    answer.deliver(std::move(listing));
  }

  struct branch {
    tree_entry self;
    std::vector<tree_entry> below;
  };
  tree_entry root;
  std::vector<branch> branches;
  actors::promise<messages::tree_listing> answer;
};

/// The subtree's own root is the child as we know it, with what it says of itself.
void graft(gathering::branch& branch, messages::tree_listing& subtree) {
  for (auto& entry : subtree.entries) {
    if (entry.depth == 0) {
      branch.self.actor = std::move(entry.actor);
      branch.self.mailbox_depth = entry.mailbox_depth;
      branch.self.children = entry.children;
    } else {
      ++entry.depth;
      branch.below.push_back(std::move(entry));
    }
  }
}

}  // namespace

void walk_tree(actors::shell& self, const messages::describe_tree& request,
               messages::children_listing children, const std::vector<caf::actor>& handles) {
  const auto whole = std::make_shared<gathering>(&self);
  whole->root.child.kind = messages::child_kind::supervisor;
  whole->root.child.state = messages::child_state::running;
  whole->root.actor = self.name();
  whole->root.child.id = whole->root.actor;
  whole->root.mailbox_depth = self.mailbox_depth();
  whole->root.children = children.total;
  for (auto& child : children.children) {
    tree_entry entry;
    entry.depth = 1;
    entry.child = std::move(child);
    whole->branches.push_back({std::move(entry), {}});
  }
  const auto left = std::max(request.deadline * 3 / 4, milliseconds{1});
  const auto no_answer = [whole](const fault&) {};
  for (std::size_t i = 0; i < handles.size(); ++i) {
    if (!handles[i]) continue;
    if (whole->branches[i].self.child.kind == messages::child_kind::supervisor) {
      actors::ask<messages::tree_listing>(
          &self, handles[i], messages::describe_tree{left, request.limit}, left,
          [whole, i](messages::tree_listing& below) { graft(whole->branches[i], below); },
          no_answer, actors::urgency::urgent);
    } else {
      actors::ask<messages::actor_report>(
          &self, handles[i], messages::report_actor{}, left,
          [whole, i](messages::actor_report& report) {
            whole->branches[i].self.actor = std::move(report.name);
            whole->branches[i].self.mailbox_depth = report.mailbox_depth;
          },
          no_answer, actors::urgency::urgent);
    }
  }
}

}  // namespace stagedoor::supervision
