// SPDX-License-Identifier: Apache-2.0
// The admin API: what operators and the command line ask of a node, as JSON over HTTP.
//
//   GET    /api/version                       GET /ping
//   GET    /api/status                        rows of every subsystem
//   GET    /api/tree?limit=&node=             the supervision tree with restarts and mailbox
//                                             depths, of this node or another
//   GET    /api/nodes                         members of the cluster: links, leases, load, owners
//   GET    /api/owners?kind=&limit=           what is owned in the cluster, and by whom
//   POST   /api/drain                         owners move away, then this node ends
//   GET    /api/teams?after=&limit=           slugs, sorted
//   GET    /api/teams/{slug}                  spec, state, certificate, servers
//   PUT    /api/teams/{slug}                  body: the payload of team.provision without slug
//   DELETE /api/teams/{slug}
//   GET    /api/certificates?limit=
//
// Errors: {"message": "..."} with 400 (malformed, invalid, too_large), 404, 405, 409 (conflict),
// 503 (overloaded, unreachable, closed), 504 (timed_out), 500.
//
// | receives                | replies                  |
// |-------------------------|--------------------------|
// | messages::admin_request | messages::admin_response |
//
// Owner: the admin supervisor. Runs on: the scheduler. Bounded by: the connections of its server.
#pragma once

#include "actors/support/calls.hpp"
#include "actors/support/shell.hpp"
#include "messages/admin.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace stagedoor::actors {

struct admin_api_options {
  std::string version;
  std::string domain;  ///< of the platform, completes host names
  milliseconds deadline = seconds(5);
  milliseconds flow_deadline = seconds(25);  ///< of a team added or removed
};

class admin_api final : public shell {
 public:
  admin_api(caf::actor_config& cfg, admin_api_options options);
  caf::behavior make_behavior() override;

 private:
  using reply_to = std::shared_ptr<promise<messages::admin_response>>;

  void handle(const messages::admin_request& m);
  void teams(const messages::admin_request& m, const reply_to& to);
  void team(const messages::admin_request& m, const std::string& slug, const reply_to& to);
  void put_team(const std::string& slug, const std::string& body, const reply_to& to);
  void delete_team(const std::string& slug, const reply_to& to);
  void status(const reply_to& to);
  void tree(const messages::admin_request& m, const reply_to& to);
  void certificates(const messages::admin_request& m, const reply_to& to);
  void drain(const messages::admin_request& m, const reply_to& to);
  /// Asks |service| and delivers its answer as JSON.
  template <class Reply, class Question>
  void show(const char* service, Question question, milliseconds deadline, const reply_to& to);
  [[nodiscard]] static std::function<void(const fault&)> failed(const reply_to& to);

  const admin_api_options options_;
  std::uint64_t next_flow_ = 1;
  const std::string incarnation_;  ///< makes flow ids of this run unique
};

/// The HTTP status a fault is answered with.
[[nodiscard]] std::uint32_t status_of(const fault& f) noexcept;

}  // namespace stagedoor::actors
