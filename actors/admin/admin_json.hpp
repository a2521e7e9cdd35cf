// SPDX-License-Identifier: Apache-2.0
// Answers of the admin API as JSON.
// Runs on: any thread.
#pragma once

#include "messages/admin.hpp"
#include "messages/certificates.hpp"
#include "messages/cluster.hpp"
#include "messages/supervision.hpp"
#include "messages/team.hpp"
#include "runtime/base/fault.hpp"

#include <string>

namespace stagedoor::actors {

[[nodiscard]] std::string to_json(const messages::team_listing& m);
[[nodiscard]] std::string to_json(const messages::team_description& m);
[[nodiscard]] std::string to_json(const messages::team_flow_finished& m);
[[nodiscard]] std::string to_json(const messages::tree_listing& m);
[[nodiscard]] std::string to_json(const messages::status_rows& m);
[[nodiscard]] std::string to_json(const messages::certificate_listing& m);
[[nodiscard]] std::string to_json(const messages::node_listing& m);
[[nodiscard]] std::string to_json(const messages::owner_listing& m);
/// {"message": detail, "kind": "not found"}
[[nodiscard]] std::string to_json(const fault& f);

}  // namespace stagedoor::actors
