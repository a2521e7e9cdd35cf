// SPDX-License-Identifier: Apache-2.0
// Messages that never leave their node, because they carry what cannot: compiled routes, shared
// snapshots, callbacks.
//
// They are not inspected and not registered: CAF refuses to serialise them, so one that is sent to
// another node by mistake is an error, not garbage. Everything else belongs to messages/.
// To add one: the struct in the header of its actor, namespace stagedoor::actors, which includes
// this file; and its name in the list below.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>

#define LOCAL_MESSAGE(name)                                   \
  namespace stagedoor::actors {                               \
  struct name;                                                \
  }                                                           \
  CAF_ADD_TYPE_ID(stagedoor_local, (stagedoor::actors::name)) \
  CAF_ALLOW_UNSAFE_MESSAGE_TYPE(stagedoor::actors::name)

// Far behind the block of messages/type_ids.hpp, so that both can grow.
CAF_BEGIN_TYPE_ID_BLOCK(stagedoor_local, caf::first_custom_type_id + 1000)

// actors/publishers/changes.hpp, actors/loop_gateway.hpp
LOCAL_MESSAGE(change_sites)
LOCAL_MESSAGE(change_certificates)
LOCAL_MESSAGE(change_names)
LOCAL_MESSAGE(change_zones)
LOCAL_MESSAGE(change_challenges)
LOCAL_MESSAGE(table_live)

// actors/teams/routing_messages.hpp
LOCAL_MESSAGE(offer_routes)
LOCAL_MESSAGE(use_catalog)
LOCAL_MESSAGE(router_ready)
LOCAL_MESSAGE(name_resolved)
LOCAL_MESSAGE(servers_probed)
LOCAL_MESSAGE(round_probed)
LOCAL_MESSAGE(checker_ready)
LOCAL_MESSAGE(team_judged)
LOCAL_MESSAGE(report_down)
LOCAL_MESSAGE(health_found)
LOCAL_MESSAGE(step_over)
LOCAL_MESSAGE(store_connected)
LOCAL_MESSAGE(which_hosts)
LOCAL_MESSAGE(offered_hosts)
LOCAL_MESSAGE(hold_team)
LOCAL_MESSAGE(team_held)
LOCAL_MESSAGE(team_changed)
LOCAL_MESSAGE(release_team)
LOCAL_MESSAGE(read_gathered)
LOCAL_MESSAGE(follow_closely)

// actors/managed_redis.cpp
LOCAL_MESSAGE(managed_redis_changed)

// actors/providers/provider_messages.hpp, file_provider.hpp, docker_provider.hpp
LOCAL_MESSAGE(files_read)
LOCAL_MESSAGE(files_changed)
LOCAL_MESSAGE(containers_known)
LOCAL_MESSAGE(containers_live)
LOCAL_MESSAGE(engine_news)

// actors/certificates/certificate_messages.hpp
LOCAL_MESSAGE(watch_certificate_files)
LOCAL_MESSAGE(certificates_loaded)
LOCAL_MESSAGE(order_over)
LOCAL_MESSAGE(sign_request)
LOCAL_MESSAGE(request_signed)
LOCAL_MESSAGE(http_answered)
LOCAL_MESSAGE(lineage_written)

// actors/queue/queue_messages.hpp
LOCAL_MESSAGE(queue_event)

// actors/dns/zone_messages.hpp
LOCAL_MESSAGE(add_zone_records)
LOCAL_MESSAGE(remove_zone_records)
LOCAL_MESSAGE(zone_file_read)
LOCAL_MESSAGE(use_serial)

CAF_END_TYPE_ID_BLOCK(stagedoor_local)
