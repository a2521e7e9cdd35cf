// SPDX-License-Identifier: Apache-2.0
#include "actors/admin/status_collector.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/support/actor_names.hpp"

#include <caf/actor_cast.hpp>
#include <iterator>

namespace stagedoor::actors {

status_collector::status_collector(caf::actor_config& cfg, std::vector<loop_report> loops)
    : shell(cfg, "status_collector"), loops_(std::move(loops)) {}

caf::behavior status_collector::make_behavior() {
  publish_name(system(), "loops", caf::actor_cast<caf::actor>(this));
  return {[this](const messages::report_status&) { report(); }};
}

void status_collector::report() {
  using rows = std::vector<messages::status_row>;
  const auto collect = loop_gateway::gather<messages::status_rows, rows>(
      promise<messages::status_rows>(this), loops_.size(),
      [](messages::status_rows& all, rows part) {
        all.rows.insert(all.rows.end(), std::make_move_iterator(part.begin()),
                        std::make_move_iterator(part.end()));
      });
  for (const auto& ask_loop : loops_)
    if (!ask_loop(collect)) collect({});
}

}  // namespace stagedoor::actors
