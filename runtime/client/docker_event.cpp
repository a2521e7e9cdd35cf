// SPDX-License-Identifier: Apache-2.0
#include "runtime/client/docker_event.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/client/json.hpp"

#include <fmt/format.h>

namespace stagedoor::client {

namespace {

docker_action container_action(std::string_view name) {
  static constexpr std::pair<std::string_view, docker_action> names[] = {
      {"create", docker_action::create},   {"start", docker_action::start},
      {"restart", docker_action::restart}, {"stop", docker_action::stop},
      {"kill", docker_action::kill},       {"die", docker_action::die},
      {"pause", docker_action::pause},     {"unpause", docker_action::unpause},
      {"rename", docker_action::rename},   {"update", docker_action::update},
      {"destroy", docker_action::destroy}, {"health_status", docker_action::health_status},
  };
  for (const auto& [known, action] : names)
    if (name == known) return action;
  return docker_action::other;
}

}  // namespace

result<docker_event> parse_docker_event(std::string_view line) {
  const auto parsed = parse_json(line, "Docker event");
  if (!parsed) return parsed.error();
  if (!parsed->is_object())
    return fault{fault_kind::malformed, fault_side::upstream, retryable::no,
                 "Docker event: expected an object"};
  const json* one = &*parsed;
  const auto* actor = member(one, "Actor");
  const auto* attributes = member(actor, "Attributes");
  const auto type = text_of(one, "Type");
  const auto action = text_of(one, "Action");
  const auto colon = action.find(':');
  docker_event event;
  if (type == "container") {
    event.action = container_action(std::string_view(action).substr(0, colon));
    event.container = text_of(actor, "ID");
    event.name = text_of(attributes, "name");
    if (colon != std::string::npos)
      event.detail = ascii::trim(std::string_view(action).substr(colon + 1));
  } else if (type == "network") {
    if (action == "connect") event.action = docker_action::network_connect;
    if (action == "disconnect") event.action = docker_action::network_disconnect;
    event.container = text_of(attributes, "container");
    event.detail = text_of(attributes, "name");
  }
  event.time_ns = number_of(one, "timeNano").value_or(0);
  return event;
}

result<void> docker_event_reader::feed(std::string_view chunk, const callback& on_event) {
  while (!chunk.empty()) {
    const auto end = chunk.find('\n');
    const auto part = chunk.substr(0, end);
    if (part.size() > max_line_ - begun_.size())
      return fault{fault_kind::too_large, fault_side::upstream, retryable::no,
                   fmt::format("Docker event: a line exceeds {} bytes", max_line_)};
    begun_.append(part);
    if (end == std::string_view::npos) return {};
    chunk.remove_prefix(end + 1);
    const std::string line = std::exchange(begun_, {});
    if (ascii::trim(line).empty()) continue;
    auto event = parse_docker_event(line);
    if (!event) return event.error();
    on_event(std::move(*event));
  }
  return {};
}

}  // namespace stagedoor::client
