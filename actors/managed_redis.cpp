// SPDX-License-Identifier: Apache-2.0
#include "actors/managed_redis.hpp"

#include "actors/loop_gateway.hpp"
#include "runtime/base/log.hpp"

namespace stagedoor::actors {

/// Redis is up, or has ended; from the control loop.
struct managed_redis_changed {
  bool ready = false;
  fault why;
};

/// Touched by the control loop only.
struct managed_redis::holder {
  std::unique_ptr<redis::managed_server> server;
};

managed_redis::managed_redis(caf::actor_config& cfg, managed_redis_options options,
                             supervision::child_context self)
    : shell(cfg, "managed_redis"),
      options_(std::move(options)),
      self_(std::move(self)),
      holder_(std::make_shared<holder>()) {}

caf::behavior managed_redis::make_behavior() {
  const bool posted = options_.control->post([h = holder_, to = address(), o = options_] {
    redis::managed_server::handlers events;
    events.on_ready = [to] { loop_gateway::send(to, managed_redis_changed{true, {}}); };
    events.on_end = [to](const fault& why) {
      loop_gateway::send(to, managed_redis_changed{false, why});
    };
    h->server = std::make_unique<redis::managed_server>(*o.control, o.server, std::move(events));
    h->server->start();
  });
  if (!posted)
    quit(to_error(
        fault{fault_kind::overloaded, fault_side::self, retryable::yes, "control loop is full"}));
  return {
      [this](const managed_redis_changed& m) {
        if (m.ready) {
          log::info("managed redis is up", {{"port", options_.server.port}});
          supervision::report_started(self_);
        } else {
          quit(to_error(m.why));
        }
      },
  };
}

void managed_redis::stop_requested(const end_reason&) {
  const bool posted = options_.control->post([h = holder_] {
    if (h->server) h->server->stop();  // on_end follows, and ends this actor
  });
  if (!posted) quit();
}

void managed_redis::on_exit() {
  // The server is destroyed where it lives; an actor that was killed leaves it a SIGTERM.
  (void)options_.control->post([h = holder_] { h->server.reset(); });
  shell::on_exit();
}

}  // namespace stagedoor::actors
