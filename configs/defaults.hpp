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

// -- upstreams, where traefik.yml is silent ----------------------------------------------------------

inline constexpr seconds dial_timeout{30};
inline constexpr seconds response_header_timeout{0};  ///< 0 = none
inline constexpr seconds idle_upstream_timeout{90};
inline constexpr std::uint32_t idle_upstreams_per_host = 200;
inline constexpr milliseconds flush_interval{100};  ///< of a response that trickles in
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

// -- Redis -----------------------------------------------------------------------------------------

inline constexpr std::uint16_t redis_port = 6379;

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

}  // namespace stagedoor::defaults
