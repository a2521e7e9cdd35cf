// SPDX-License-Identifier: Apache-2.0
#include "actors/redis_bridge.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/support/actor_names.hpp"

#include <caf/actor_cast.hpp>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

messages::redis_value convert(redis::reply r) {
  using kind = redis::reply::type;
  messages::redis_value out;
  switch (r.kind) {
    case kind::nil: out.type = messages::redis_type::nil; break;
    case kind::status: out.type = messages::redis_type::status; break;
    case kind::error: out.type = messages::redis_type::error; break;
    case kind::integer: out.type = messages::redis_type::integer; break;
    case kind::string: out.type = messages::redis_type::text; break;
    case kind::array: out.type = messages::redis_type::list; break;
  }
  out.number = r.integer;
  out.text = std::move(r.text);
  out.items.reserve(r.items.size());
  for (auto& item : r.items) out.items.push_back(convert(std::move(item)));
  return out;
}

std::string yes_no(bool value) { return value ? "yes" : "no"; }

}  // namespace

result<messages::redis_value> to_message(result<redis::reply> reply) {
  if (!reply) return std::move(reply).error();
  if (reply->is_error()) return redis::to_fault(*reply);
  return convert(*std::move(reply));
}

const redis::script* script_library::find_or_add(const std::string& text) {
  if (const auto it = scripts_.find(text); it != scripts_.end()) return &it->second;
  if (scripts_.size() >= max_scripts) return nullptr;
  return &scripts_.emplace(text, redis::script(fmt::format("script {}", scripts_.size() + 1), text))
              .first->second;
}

redis_bridge::redis_bridge(caf::actor_config& cfg, std::shared_ptr<redis::client> client,
                           std::shared_ptr<script_library> scripts)
    : shell(cfg, "redis_bridge"), client_(std::move(client)), scripts_(std::move(scripts)) {}

caf::behavior redis_bridge::make_behavior() {
  // Only now: a managed server is up before its bridge.
  if (const auto started = client_->start(); !started) {
    quit(to_error(started.error()));
    return {};
  }
  publish_name(system(), "redis", caf::actor_cast<caf::actor>(this));
  return {
      [this](const messages::redis_command& m) { command(m); },
      [this](const messages::redis_script& m) { script(m); },
      [this](const messages::report_status&) { return report(); },
  };
}

void redis_bridge::command(const messages::redis_command& m) {
  client_->command(
      m.words, now() + m.deadline,
      loop_gateway::answer<redis::reply>(promise<messages::redis_value>(this), to_message));
}

void redis_bridge::script(const messages::redis_script& m) {
  promise<messages::redis_value> caller(this);
  const auto* known = scripts_->find_or_add(m.text);
  if (known == nullptr) {
    caller.fail(
        {fault_kind::overloaded, fault_side::self, retryable::no, "too many different scripts"});
    return;
  }
  client_->eval(*known, m.keys, m.arguments, now() + m.deadline,
                loop_gateway::answer<redis::reply>(std::move(caller), to_message));
}

messages::status_rows redis_bridge::report() const {
  const auto s = client_->status();
  messages::status_rows out;
  const auto row = [&](const char* key, std::string value) {
    out.rows.push_back({"redis", key, std::move(value)});
  };
  row("endpoint", s.endpoint);
  row("connected", yes_no(s.connected));
  row("subscribed", yes_no(s.subscribed));
  row("reconnects", fmt::format("{}", s.reconnects));
  row("in flight", fmt::format("{}", s.in_flight));
  row("commands", fmt::format("{}", s.counters.commands));
  if (!s.last_error.empty()) row("last error", s.last_error);
  return out;
}

}  // namespace stagedoor::actors
