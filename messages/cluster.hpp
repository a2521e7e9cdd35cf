// SPDX-License-Identifier: Apache-2.0
// What is owned, and what nodes say to each other.
//
// Words: work is anything that one node at a time may do; it is named by kind, id and slot (where a
// kind has several owners). Whoever owns it holds a proof, and each write that belongs to the work
// goes through write_owned with it: the store refuses a proof that is not the newest.
// The messages of the last part cross nodes. Each names the run (incarnation) that it is meant for:
// a node that was restarted since does not act on what was said to its former self. They never
// change: see cluster/release.hpp.
#pragma once

#include "messages/type_ids.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stagedoor::messages {

struct work_key {
  std::string kind;  ///< "team", "janitor", "zone", "flow"
  std::string id;
  std::uint32_t slot = 0;
  friend auto operator<=>(const work_key&, const work_key&) = default;
};
MESSAGE_FIELDS(work_key, kind, id, slot)

/// That this run of this node owns the work.
struct owner_proof {
  work_key work;
  std::string node;
  std::string run;  ///< 32 hexadecimal digits
  std::uint64_t fence = 0;
  friend bool operator==(const owner_proof&, const owner_proof&) = default;
};
MESSAGE_FIELDS(owner_proof, work, node, run, fence)

// -- to the cluster actor of this node ("cluster") ----------------------------------------------

/// Commands that run in one script if, and only if, |proof| is the newest. Replies: done; stale.
struct write_owned {
  owner_proof proof;
  std::vector<std::vector<std::string>> commands;
  std::chrono::milliseconds deadline{2000};
};
MESSAGE_FIELDS(write_owned, proof, commands, deadline)

/// Owns |work| for the time of one flow, outside of placement: for whoever asks first. It ends with
/// release_work, or with this run of the node. Replies: owner_proof; conflict (another node has it,
/// and still had it at the deadline; the detail names the node), unreachable.
struct claim_work {
  work_key work;
  std::chrono::milliseconds deadline{2000};
};
MESSAGE_FIELDS(claim_work, work, deadline)

struct release_work {
  owner_proof proof;
};
MESSAGE_FIELDS(release_work, proof)

/// The change of that version (of the teams' log) is stored: every node that is here now is told,
/// and waited for until |deadline|. Replies: change_spread, never a fault of a peer's.
struct spread_change {
  std::uint64_t version = 0;
  std::chrono::milliseconds deadline{2000};
};
MESSAGE_FIELDS(spread_change, version, deadline)

struct change_spread {
  std::uint32_t nodes = 0;           ///< other nodes on which it is live
  std::vector<std::string> missing;  ///< nodes that did not answer; they catch up by themselves
};
MESSAGE_FIELDS(change_spread, nodes, missing)

/// The set of a kind changed by this; the whole is asked for again unless |version| follows the
/// last one.
struct owned_ids_changed {
  std::string kind;
  std::uint64_t version = 0;
  std::vector<std::string> added;
  std::vector<std::string> removed;
};
MESSAGE_FIELDS(owned_ids_changed, kind, version, added, removed)

/// From "owned", when it starts: it knows of nothing and is to be told all that is owned.
struct work_ready {};
MESSAGE_FIELDS(work_ready)

/// From "janitor", when it starts: the node whose death moved the work here is one of those whose
/// tasks it should bring back. Nodes that went lately are told again.
struct janitor_ready {};
MESSAGE_FIELDS(janitor_ready)

/// The owners move to other nodes, then this one leaves the cluster and ends. Replies: done, when
/// it has begun.
struct drain_node {};
MESSAGE_FIELDS(drain_node)

// -- questions ------------------------------------------------------------------------------------

/// To the cluster actor. Replies: node_listing.
struct list_nodes {};
MESSAGE_FIELDS(list_nodes)

struct kind_count {
  std::string kind;
  std::uint64_t owned = 0;
};
MESSAGE_FIELDS(kind_count, kind, owned)

struct node_entry {
  std::string name;
  std::string run;  ///< incarnation of its membership
  std::string address;
  std::string build;
  std::uint32_t protocol_min = 1;  ///< of the messages between nodes, as it said
  std::uint32_t protocol_max = 1;
  std::uint32_t protocol = 0;  ///< agreed with it; 0 = none (itself, or nothing in common)
  bool draining = false;
  std::string link;                           ///< "self", "up", "down"
  std::string link_detail;                    ///< why it is down
  std::optional<std::uint64_t> lease_age_ms;  ///< since it was renewed; none = not known
  std::optional<std::uint64_t> cpu_percent;   ///< of one core, lately; none = did not answer
  std::vector<kind_count> owned;
};
MESSAGE_FIELDS(node_entry, name, run, address, build, protocol_min, protocol_max, protocol,
               draining, link, link_detail, lease_age_ms, cpu_percent, owned)

struct node_listing {
  std::string self;
  bool member = false;
  std::vector<node_entry> nodes;
};
MESSAGE_FIELDS(node_listing, self, member, nodes)

/// To the cluster actor: the owners that the store knows of, whichever node they are on. Replies:
/// owner_listing.
struct list_owners {
  std::string kind;  ///< empty = all
  std::uint32_t limit = 1000;
};
MESSAGE_FIELDS(list_owners, kind, limit)

struct owner_listing {
  std::vector<owner_proof> owners;
  bool complete = true;  ///< false: there are more than |limit|
};
MESSAGE_FIELDS(owner_listing, owners, complete)

/// To the cluster actor: the supervision tree of that node. Replies: tree_listing; not_found,
/// unreachable.
struct describe_member {
  std::string node;
  std::chrono::milliseconds deadline{2000};
  std::uint32_t limit = 100;
};
MESSAGE_FIELDS(describe_member, node, deadline, limit)

// -- from the cluster actor -----------------------------------------------------------------------

/// To whoever knows the set of a kind ("teamdir" for teams): all that some node should own.
/// Replies: owned_ids.
struct list_owned_ids {
  std::string kind;
  std::uint64_t known_version = 0;
};
MESSAGE_FIELDS(list_owned_ids, kind, known_version)

struct owned_ids {
  std::string kind;
  std::uint64_t version = 0;     ///< counts changes of this set, on this node, from 1
  std::vector<std::string> ids;  ///< empty when |version| was known already
};
MESSAGE_FIELDS(owned_ids, kind, version, ids)

/// To "owned": do this work from now on, with this proof; a newer proof for what is being done
/// replaces the older one.
struct own_work {
  owner_proof proof;
};
MESSAGE_FIELDS(own_work, proof)

/// To "owned": stop it. Replies: done, once it has ended.
struct disown_work {
  work_key work;
};
MESSAGE_FIELDS(disown_work, work)

/// To "janitor": that process of that node is dead, or all it had is free because its lease ended.
struct node_gone {
  std::string node;
  std::string process;  ///< its run as the queues' keys name it; the same for all its memberships
};
MESSAGE_FIELDS(node_gone, node, process)

// -- between nodes: to the node_agent of a peer ---------------------------------------------------

/// First words over a new link. Replies: node_met.
struct meet_node {
  std::string node;
  std::string run;
};
MESSAGE_FIELDS(meet_node, node, run)

struct node_met {
  std::string node;
  std::string run;
  std::string build;
  std::uint32_t protocol = 1;  ///< agreed
};
MESSAGE_FIELDS(node_met, node, run, build, protocol)

/// Replies: caught_up, when every change up to |version| is live on that node.
struct catch_up_node {
  std::string to_run;
  std::uint64_t version = 0;
};
MESSAGE_FIELDS(catch_up_node, to_run, version)

struct down_server {
  std::string service;  ///< qualified name
  std::string url;
  friend auto operator<=>(const down_server&, const down_server&) = default;
};
MESSAGE_FIELDS(down_server, service, url)

/// Which servers of a team are down, as its owner sees it: replaces what was said before. Nobody
/// answers; it is said again when it changes and when a link comes up.
struct tell_health {
  std::string to_run;
  std::string slug;
  std::vector<down_server> down;
};
MESSAGE_FIELDS(tell_health, to_run, slug, down)

/// Replies: member_report.
struct report_member {
  std::string to_run;
};
MESSAGE_FIELDS(report_member, to_run)

struct member_report {
  std::uint64_t lease_age_ms = 0;  ///< since its renewal was carried out
  std::uint64_t cpu_percent = 0;   ///< of one core, since it was last asked
  std::vector<kind_count> owned;
};
MESSAGE_FIELDS(member_report, lease_age_ms, cpu_percent, owned)

/// Replies: tree_listing.
struct describe_node {
  std::string to_run;
  std::chrono::milliseconds deadline{2000};
  std::uint32_t limit = 100;
};
MESSAGE_FIELDS(describe_node, to_run, deadline, limit)

}  // namespace stagedoor::messages
