// SPDX-License-Identifier: Apache-2.0
#include "actors/support/system_config.hpp"

#include "messages/all.hpp"

#include <caf/atom.hpp>

namespace stagedoor::actors {

system_config::system_config(const system_options& options) {
  const bool testing = options.policy == system_options::scheduling::testing;
  set("scheduler.policy", testing ? caf::atom("testing") : caf::atom("sharing"));
  set("scheduler.max-threads", options.threads);
  set("scheduler.max-throughput", options.throughput);
  add_message_types<caf::id_block::stagedoor>();
}

}  // namespace stagedoor::actors
