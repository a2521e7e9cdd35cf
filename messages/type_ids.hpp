// SPDX-License-Identifier: Apache-2.0
// The one list of everything that actors say to each other.
//
// To add a message:
//   1. write the struct in messages/<noun>.hpp, namespace stagedoor::messages: an order is an
//      imperative (start_child), a fact is past tense (zone_published); no bool fields where an
//      enum says it better; include this file, close with MESSAGE_FIELDS(name, its, fields);
//   2. add MESSAGE_TYPE(name) here, in the group of its header;
//   3. a new header is also included in messages/all.hpp.
// A struct sent without step 2 does not compile (CAF_ENABLE_TYPE_ID_CHECKS); a listed struct whose
// header is not in all.hpp does not either. The name is what travels between nodes, so a message is
// never renamed or given other fields once released: add start_child_v2 beside it.
// Structs that only appear as fields of others, and enums, are not listed.
#pragma once

#include "messages/compat.hpp"

MESSAGE_TYPES_BEGIN()

// messages/support.hpp
MESSAGE_TYPE(done)
MESSAGE_TYPE(tick)
MESSAGE_TYPE(report_actor)
MESSAGE_TYPE(actor_report)

// messages/supervision.hpp
MESSAGE_TYPE(start_child)
MESSAGE_TYPE(stop_child)
MESSAGE_TYPE(restart_child)
MESSAGE_TYPE(locate_child)
MESSAGE_TYPE(child_location)
MESSAGE_TYPE(child_started)
MESSAGE_TYPE(child_stopped)
MESSAGE_TYPE(which_children)
MESSAGE_TYPE(children_listing)
MESSAGE_TYPE(describe_tree)
MESSAGE_TYPE(tree_listing)

// messages/team.hpp
MESSAGE_TYPE(provision_team)
MESSAGE_TYPE(deprovision_team)
MESSAGE_TYPE(team_flow_progressed)
MESSAGE_TYPE(team_flow_finished)
MESSAGE_TYPE(list_teams)
MESSAGE_TYPE(team_listing)
MESSAGE_TYPE(show_team)
MESSAGE_TYPE(team_description)

// messages/publishing.hpp
MESSAGE_TYPE(published)
MESSAGE_TYPE(count_entries)
MESSAGE_TYPE(entry_count)

// messages/admin.hpp
MESSAGE_TYPE(admin_request)
MESSAGE_TYPE(admin_response)
MESSAGE_TYPE(report_status)
MESSAGE_TYPE(status_rows)

// messages/redis.hpp
MESSAGE_TYPE(redis_command)
MESSAGE_TYPE(redis_script)
MESSAGE_TYPE(redis_value)

// messages/dns.hpp
MESSAGE_TYPE(publish_host_names)
MESSAGE_TYPE(withdraw_host_names)
MESSAGE_TYPE(report_zone)
MESSAGE_TYPE(zone_report)

// messages/certificates.hpp
MESSAGE_TYPE(want_certificate)
MESSAGE_TYPE(release_certificate)
MESSAGE_TYPE(certificate_status)
MESSAGE_TYPE(list_certificates)
MESSAGE_TYPE(certificate_listing)

// messages/health.hpp
MESSAGE_TYPE(check_servers)
MESSAGE_TYPE(server_judged)
MESSAGE_TYPE(forget_servers)
MESSAGE_TYPE(report_servers)
MESSAGE_TYPE(server_states)

// messages/cluster.hpp
MESSAGE_TYPE(owner_proof)
MESSAGE_TYPE(write_owned)
MESSAGE_TYPE(claim_work)
MESSAGE_TYPE(release_work)
MESSAGE_TYPE(spread_change)
MESSAGE_TYPE(change_spread)
MESSAGE_TYPE(owned_ids_changed)
MESSAGE_TYPE(list_owned_ids)
MESSAGE_TYPE(owned_ids)
MESSAGE_TYPE(own_work)
MESSAGE_TYPE(disown_work)
MESSAGE_TYPE(node_gone)
MESSAGE_TYPE(janitor_ready)
MESSAGE_TYPE(meet_node)
MESSAGE_TYPE(node_met)
MESSAGE_TYPE(catch_up_node)
MESSAGE_TYPE(tell_health)
MESSAGE_TYPE(describe_node)
MESSAGE_TYPE(work_ready)
MESSAGE_TYPE(drain_node)
MESSAGE_TYPE(list_nodes)
MESSAGE_TYPE(node_listing)
MESSAGE_TYPE(list_owners)
MESSAGE_TYPE(owner_listing)
MESSAGE_TYPE(describe_member)
MESSAGE_TYPE(report_member)
MESSAGE_TYPE(member_report)

// messages/team.hpp, virtual teams
MESSAGE_TYPE(look_up_team)
MESSAGE_TYPE(team_presence)
MESSAGE_TYPE(catch_up_to)
MESSAGE_TYPE(caught_up)

MESSAGE_TYPES_END()
