// SPDX-License-Identifier: Apache-2.0
// Every figure an operator may ask about, by name: how much of something there may be, how long
// something may take. A limit that is not here does not exist.
//
// runtime/ may not include this file; its classes take the same figures as options, and the
// composition root hands them over.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace stagedoor::defaults {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// -- configuration files ---------------------------------------------------------------------------

inline constexpr std::size_t config_file_bytes = 16U << 20U;  ///< one file; larger ones are refused
inline constexpr std::size_t config_files = 10'000;           ///< files of one provider folder
inline constexpr std::size_t config_folder_depth = 32;        ///< folders below the provider folder
inline constexpr std::size_t yaml_nodes = 1'000'000;          ///< of one file, aliases expanded
inline constexpr std::size_t yaml_depth = 64;                 ///< nesting of one file
inline constexpr std::size_t label_depth = 16;                ///< dots in one label
inline constexpr std::size_t label_list_items = 1'000;        ///< highest index in `name[index]`
inline constexpr std::size_t diagnostics = 1'000;             ///< kept; the rest is only counted
inline constexpr std::size_t corefile_tokens = 1'000'000;     ///< after all imports
inline constexpr std::size_t corefile_imports = 10'000;       ///< expansions of one Corefile
inline constexpr std::size_t corefile_depth = 32;  ///< imports in imports, blocks in blocks

// -- entry points, where traefik.yml is silent -------------------------------------------------------

inline constexpr seconds read_timeout{60};              ///< a whole request; 0 = none
inline constexpr seconds write_timeout{0};              ///< a whole response; 0 = none
inline constexpr seconds idle_timeout{180};             ///< between requests of one connection
inline constexpr seconds grace_timeout{10};             ///< for open requests when stopping
inline constexpr std::size_t header_bytes = 1U << 20U;  ///< one request head
inline constexpr std::uint32_t http2_streams = 250;     ///< open at once on one connection

// -- the edge, whatever traefik.yml says --------------------------------------------------------------

inline constexpr std::size_t edge_connections = 100'000;      ///< of clients; of one loop
inline constexpr std::size_t edge_head_bytes = 64U << 10U;    ///< start line and fields; then 431
inline constexpr std::size_t edge_target_bytes = 16U << 10U;  ///< request-target; then 414
inline constexpr seconds edge_handshake{10};       ///< from accept to the end of the TLS handshake
inline constexpr seconds edge_stall{60};           ///< without progress in a body
inline constexpr seconds edge_tunnel_idle{3'600};  ///< without a byte after an upgrade
inline constexpr seconds edge_lingering{2};        ///< for a client to take an early answer
inline constexpr std::size_t edge_lingering_bytes = 256U << 10U;  ///< thrown away after it
inline constexpr std::size_t edge_open_upstreams_per_server = 0;  ///< of one loop; 0 = no limit

// -- upstreams, where traefik.yml is silent ----------------------------------------------------------

inline constexpr seconds dial_timeout{30};
inline constexpr seconds response_header_timeout{0};  ///< 0 = none
inline constexpr seconds idle_upstream_timeout{90};
inline constexpr std::uint32_t idle_upstreams_per_host = 200;
inline constexpr milliseconds surplus_upstream_timeout{1000};  ///< for those beyond it
inline constexpr milliseconds flush_interval{100};             ///< of a response that trickles in
inline constexpr seconds health_interval{30};
inline constexpr seconds health_timeout{5};

// -- providers -------------------------------------------------------------------------------------

inline constexpr seconds provider_throttle{2};   ///< at most one reload of a provider in this time
inline constexpr seconds docker_first_pause{1};  ///< before the engine is tried again; doubles
inline constexpr seconds docker_longest_pause{30};  ///< up to this
inline constexpr seconds docker_patience{15};  ///< for its event stream to open, and for its list
inline constexpr seconds docker_resync{300};   ///< all containers are listed again, events or not

// -- certificates ----------------------------------------------------------------------------------

inline constexpr hours certificate_lifetime{2160};  ///< assumed when choosing when to renew

// -- DNS, where the Corefile is silent ---------------------------------------------------------------

inline constexpr std::uint16_t dns_port = 53;
inline constexpr minutes zone_reload{1};  ///< 0 = never
inline constexpr seconds corefile_reload{30};
inline constexpr seconds corefile_reload_jitter{15};
inline constexpr std::size_t forward_upstreams = 15;
inline constexpr seconds forward_expire{10};           ///< an idle upstream connection
inline constexpr std::uint32_t forward_max_fails = 2;  ///< health checks; 0 = never taken out
inline constexpr milliseconds forward_health_check{500};

// -- DNS, whatever the Corefile says; each for one loop ---------------------------------------------

inline constexpr std::size_t dns_chain = 12;            ///< CNAME and DNAME steps in one answer
inline constexpr std::size_t dns_query_bytes = 2'048;   ///< longest query over UDP
inline constexpr std::size_t dns_answer_bytes = 4'096;  ///< longest answer over UDP
inline constexpr std::size_t dns_tcp_connections = 4'096;
inline constexpr std::size_t dns_tcp_connections_per_client = 512;  ///< of one address
inline constexpr std::size_t dns_tcp_in_flight = 64;  ///< queries of one connection at an upstream
inline constexpr std::size_t dns_tcp_unsent_bytes = 256U << 10U;  ///< then no query is read
inline constexpr milliseconds dns_tcp_idle{10'000};
inline constexpr std::size_t dns_forwards = 8'192;       ///< queries at upstreams; then REFUSED
inline constexpr std::size_t dns_forward_sockets = 16;   ///< UDP, of one upstream
inline constexpr std::size_t dns_forward_idle_tcp = 16;  ///< kept connections of one upstream
inline constexpr std::size_t dns_log_buffer_bytes = 256U << 10U;  ///< gathered in one turn

// -- names that no table has, though they may exist; each for one loop ------------------------------

inline constexpr seconds missing_name_deadline{2};            ///< of a question; then 503, SERVFAIL
inline constexpr milliseconds look_up_pause{20};              ///< while the directory is away
inline constexpr seconds missing_name_remembered{5};          ///< a name that does not exist
inline constexpr std::size_t missing_names_unknown = 65'536;  ///< of those; the oldest makes room
inline constexpr std::size_t missing_name_waiters = 4'096;    ///< requests and queries; then 503
inline constexpr std::size_t missing_name_questions = 256;    ///< in flight; then 503, SERVFAIL

// -- Redis -----------------------------------------------------------------------------------------

inline constexpr std::uint16_t redis_port = 6379;
inline constexpr milliseconds redis_connect_timeout{5'000};  ///< connect and greeting together
inline constexpr milliseconds redis_backoff_base{50};        ///< before the next try; doubles
inline constexpr milliseconds redis_backoff_cap{2'000};      ///< up to this
inline constexpr milliseconds redis_steady{2'000};  ///< a connection as old resets the backoff
inline constexpr seconds redis_keepalive_idle{
    10};  ///< until the first probe of a silent connection
inline constexpr seconds redis_keepalive_interval{3};           ///< between probes; three end it
inline constexpr milliseconds redis_unacknowledged{10'000};     ///< sent bytes Redis never took
inline constexpr std::size_t redis_reply_bytes = 64U << 20U;    ///< of one reply
inline constexpr std::size_t redis_reply_elements = 1'000'000;  ///< values in one reply
inline constexpr std::size_t redis_in_flight = 1'024;           ///< commands not yet answered
inline constexpr std::size_t redis_queued = 16'384;             ///< commands waiting to be sent
inline constexpr std::size_t redis_queued_bytes = 64U << 20U;   ///< of those
inline constexpr milliseconds redis_heartbeat_interval{2'000};
inline constexpr milliseconds redis_heartbeat_grace{4'000};  ///< then the connection is given up
inline constexpr std::size_t redis_topics = 10'000;          ///< subscribed to
inline constexpr std::size_t redis_poppers = 256;            ///< blocking connections
inline constexpr std::size_t redis_scripts = 256;
inline constexpr milliseconds redis_housekeeping_deadline{5'000};  ///< script load, heartbeat

// -- the managed Redis -------------------------------------------------------------------------------

inline constexpr const char* managed_redis_memory = "256mb";      ///< its maxmemory
inline constexpr milliseconds managed_redis_predecessor{10'000};  ///< for an old server to end
inline constexpr milliseconds managed_redis_answer{10'000};       ///< until it answers at all
inline constexpr milliseconds managed_redis_load{600'000};        ///< until its data is loaded
inline constexpr milliseconds managed_redis_stop{10'000};         ///< from SIGTERM to SIGKILL
inline constexpr std::uintmax_t managed_redis_log_bytes = 16U << 20U;

// -- our own requests: certificate authorities, Docker, health checks --------------------------------

inline constexpr std::size_t outgoing_transfers = 32;  ///< at once
inline constexpr std::size_t outgoing_queued = 256;    ///< behind them
inline constexpr unsigned outgoing_idle_connections = 16;
inline constexpr unsigned resolver_threads = 4;         ///< getaddrinfo() calls at once
inline constexpr std::size_t resolver_lookups = 256;    ///< names in flight
inline constexpr std::size_t resolver_waiters = 4'096;  ///< who wait for them
inline constexpr std::size_t resolver_cached = 1'024;   ///< answers kept ...
inline constexpr seconds resolver_cache_for{30};        ///< ... for so long; 0 = none

// -- the admin socket --------------------------------------------------------------------------------

inline constexpr std::size_t admin_connections = 64;        ///< at once
inline constexpr std::size_t admin_body_bytes = 1U << 20U;  ///< of a request
inline constexpr seconds admin_read_deadline{10};           ///< for a whole request
inline constexpr seconds admin_answer_deadline{30};         ///< for the handler; then 504

// -- a node that starts and stops --------------------------------------------------------------------

inline constexpr seconds start_content{
    10};  ///< for teams and zones; then sockets open without them
inline constexpr milliseconds drain_answer{1000};  ///< to whoever had the node drained
inline constexpr milliseconds tree_stop{60'000};   ///< beyond the supervisors' own deadlines
inline constexpr milliseconds lanes_stop{60'000};  ///< beyond the graces of the lanes

// -- a node that is replaced by another process ------------------------------------------------------

inline constexpr seconds handover_step{10};     ///< for one message of the other process
inline constexpr seconds handover_prepare{60};  ///< for the successor to read its configuration
inline constexpr std::size_t handover_knocking = 4;  ///< that want to take over, one after another
inline constexpr seconds handover_stop{60};          ///< for each part that owns to end
inline constexpr seconds handover_content{120};   ///< for it to have teams, zones and routes live
inline constexpr seconds handover_serve{150};     ///< for it to serve, once it may own
inline constexpr seconds handover_patience{300};  ///< for exchanges that were open when it did

// -- links between nodes -----------------------------------------------------------------------------

inline constexpr std::uint16_t cluster_port = 7443;
inline constexpr seconds link_handshake_deadline{5};  ///< from the connection to the end of hellos
inline constexpr seconds link_ping_interval{1};
inline constexpr seconds link_silence_deadline{4};  ///< nothing came: the link is down
inline constexpr std::size_t link_frame_bytes = 64U << 10U;
inline constexpr std::size_t link_window_bytes = 256U << 10U;   ///< kept for a slow local side
inline constexpr std::size_t link_out_bytes = 64U << 10U;       ///< waiting for a slow connection
inline constexpr std::uint32_t basp_payload_bytes = 1U << 20U;  ///< one actor message
inline constexpr seconds link_drain_deadline{5};  ///< for the local side to take what the peer left
inline constexpr milliseconds link_first_pause{100};  ///< before a peer is dialled again; grows
inline constexpr seconds link_longest_pause{5};       ///< up to this, and is drawn at random
inline constexpr std::size_t links = 256;             ///< that are up on one cluster port
inline constexpr std::size_t link_strangers = 64;     ///< handshakes at once ...
inline constexpr std::size_t link_strangers_per_source = 8;   ///< ... and of one address
inline constexpr std::size_t link_sources = 1024;             ///< addresses of strangers remembered
inline constexpr std::uint32_t link_accepts_per_second = 50;  ///< of all strangers together ...
inline constexpr std::uint32_t link_accepts_burst = 100;      ///< ... after a quiet time
inline constexpr std::uint32_t link_failures_per_second = 1;  ///< handshakes of one source ...
inline constexpr std::uint32_t link_failures_burst = 5;       ///< ... after a quiet time
inline constexpr seconds link_log_interval{60};     ///< one line about the same source and reason
inline constexpr seconds link_certificate_look{2};  ///< whether the files were replaced
inline constexpr hours cluster_authority_lifetime{10 * 365 * 24};
inline constexpr hours node_certificate_lifetime{2 * 365 * 24};

// -- task queues ---------------------------------------------------------------------------------------

inline constexpr std::size_t queue_credit = 8;               ///< tasks at once, of one lane
inline constexpr std::uint32_t queue_deliveries = 5;         ///< then a task is a dead letter
inline constexpr seconds queue_task_ttl{86'400};             ///< of task:{id} after its end
inline constexpr milliseconds queue_progress_interval{100};  ///< between two saves of one task
inline constexpr milliseconds queue_retry_base{1'000};       ///< doubled with each delivery
inline constexpr milliseconds queue_retry_cap{300'000};
inline constexpr milliseconds queue_store_retry{500};       ///< when Redis did not answer
inline constexpr milliseconds queue_silence{900'000};       ///< of a run; then it is given up
inline constexpr milliseconds queue_scan_interval{30'000};  ///< of our own processing lists
inline constexpr milliseconds queue_stop_grace{10'000};     ///< for runs to end when stopping
inline constexpr milliseconds queue_stop_patience{3'000};   ///< then, for Redis to take things back
inline constexpr milliseconds queue_store_deadline{5'000};  ///< of one script
inline constexpr std::size_t queue_dead_letters = 10'000;   ///< kept for each queue
inline constexpr std::size_t task_bytes = 256U << 10U;      ///< of the raw item
inline constexpr std::size_t task_depth = 32;               ///< objects and arrays in each other
inline constexpr std::size_t task_id_bytes = 128;
inline constexpr std::size_t task_type_bytes = 64;
inline constexpr std::size_t task_user_id_bytes = 128;
inline constexpr milliseconds liveness_ttl{15'000};  ///< then a silent node's tasks are recovered
inline constexpr milliseconds liveness_interval{5'000};
inline constexpr milliseconds janitor_scan_interval{5'000};     ///< for the lists of dead runs
inline constexpr milliseconds janitor_promote_interval{1'000};  ///< of put-off tasks, at most
inline constexpr milliseconds janitor_store_deadline{4'000};    ///< below the liveness interval
/// That a dead run's list must have been empty before it is forgotten: longer than Redis may hold
/// one of its BLMOVEs, which can fill the list of a process that is frozen or out of reach.
inline constexpr milliseconds janitor_forget_after{15'000};
inline constexpr std::size_t janitor_deaths = 256;  ///< known deaths that wait for Redis
inline constexpr std::size_t janitor_recover_batch = 1'000;
inline constexpr std::size_t janitor_promote_batch = 100;

// -- teams -------------------------------------------------------------------------------------------

inline constexpr std::uint32_t teams_active =
    100'000;                                         ///< of one node, with site and name in memory
inline constexpr seconds teams_idle{1'800};          ///< without a request; then passivated
inline constexpr seconds teams_idle_least{60};       ///< that may be set
inline constexpr std::size_t team_changes = 10'000;  ///< remembered; who is behind reads all
inline constexpr std::size_t team_changes_page = 200;  ///< read from the log at once
/// Changes that a node is behind; more, and it refreshes only the teams that are active.
inline constexpr std::size_t team_changes_followed = 1'000;
inline constexpr milliseconds team_log_interval{2'000};     ///< between two looks at the log
inline constexpr milliseconds team_log_close_interval{50};  ///< by a process that was replaced
inline constexpr milliseconds team_log_retry{1'000};        ///< after one that failed
inline constexpr std::size_t team_look_ups = 256;           ///< teams looked up at once
inline constexpr std::size_t team_look_up_callers = 4'096;  ///< who wait for them
inline constexpr std::size_t team_catch_ups = 1'024;        ///< callers that wait for a version
inline constexpr std::size_t team_index_page = 200;         ///< teams indexed in one script

// -- actors and their supervisors --------------------------------------------------------------------

inline constexpr std::uint32_t actor_threads = 2;       ///< of the scheduler; loops have their own
inline constexpr std::uint32_t actor_throughput = 200;  ///< messages before another actor's turn
inline constexpr seconds ask_deadline{2};               ///< a question to an actor of this node
inline constexpr seconds longest_actor_wait{60};   ///< one sleep of an actor; longer ones are split
inline constexpr seconds child_start_deadline{5};  ///< then it is killed and tried again
inline constexpr seconds child_stop_deadline{5};   ///< then it is killed
inline constexpr seconds child_kill_grace{1};      ///< then it is left behind as stuck
inline constexpr std::uint32_t child_restarts = 5;  ///< of a supervisor's listed children ...
inline constexpr seconds child_restart_period{30};  ///< ... in this time; more and it gives up
inline constexpr std::uint32_t dynamic_restarts = 1'000;  ///< the same for its dynamic children
inline constexpr milliseconds restart_wait_min{100};      ///< doubles while a child keeps failing
inline constexpr seconds restart_wait_max{30};
inline constexpr std::uint32_t restart_jitter_percent = 20;
inline constexpr seconds restart_healthy_after{60};  ///< the wait starts from its minimum again
inline constexpr std::size_t dynamic_children = 200'000;  ///< of one supervisor
inline constexpr seconds tree_deadline{2};                ///< to describe the whole tree

// -- members and owners ------------------------------------------------------------------------------
// How these fit together, and why a frozen node is replaced within 6 s, is worked out in
// cluster/membership/membership_state.hpp. All nodes of a cluster need the same lease.

inline constexpr seconds lease{4};        ///< of a member, by the store's clock
inline constexpr seconds lease_renew{1};  ///< from one renewal to the next
inline constexpr seconds self_fence{3};   ///< since the last renewal that was answered was sent
inline constexpr milliseconds lease_check{250};          ///< how late the fence may be noticed
inline constexpr seconds lease_patience{1};              ///< for the store's answer to a renewal
inline constexpr seconds owner_patience{2};              ///< for its answer to claims and releases
inline constexpr seconds owner_moves_interval{1};        ///< in which a node gives away ...
inline constexpr std::size_t owner_moves_percent = 10;   ///< ... this much of what it owns ...
inline constexpr std::size_t owner_moves_at_least = 20;  ///< ... or so many
inline constexpr milliseconds owner_rounds_apart{50};    ///< at the least
inline constexpr seconds desired_read{2};       ///< the desired set is compared, hints or not
inline constexpr std::size_t owner_batch = 64;  ///< claims or releases in one script
inline constexpr std::size_t owner_claims_in_flight = 2'048;  ///< of one node
inline constexpr std::size_t owned_ids = 2'000'000;    ///< of all kinds, in the whole cluster
inline constexpr milliseconds owner_first_pause{250};  ///< after a claim that was refused; doubles
inline constexpr seconds owner_longest_pause{4};       ///< up to this
inline constexpr seconds owner_stop_patience{5};       ///< then it is released, stopped or not
inline constexpr milliseconds claim_pause{50};         ///< between two tries to own a flow
inline constexpr std::size_t open_claims = 8'192;      ///< flows that wait to be owned
inline constexpr seconds leave_patience{1};            ///< for the store to hear that a node leaves
inline constexpr seconds serial_interval{2};           ///< between two looks at zones' serials
inline constexpr seconds peer_answer{2};               ///< of one node to another
inline constexpr milliseconds peer_again{500};  ///< before a peer that did not answer is tried
inline constexpr seconds basp_heartbeat{1};     ///< of CAF's connections inside the links
inline constexpr seconds basp_silence{4};       ///< then such a connection is given up
inline constexpr seconds catch_up{5};           ///< of a node that is told of a change
inline constexpr std::size_t owners_listed = 10'000;   ///< in one answer to an operator
inline constexpr std::size_t told_down_servers = 500;  ///< of one team, to other nodes

}  // namespace stagedoor::defaults
