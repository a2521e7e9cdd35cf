// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/queue_names.hpp"

#include "runtime/redis/sha1.hpp"

#include <array>
#include <fmt/format.h>

namespace stagedoor::actors::queue_names {
namespace {

constexpr std::string_view processing_mark = "}:proc:";

}  // namespace

std::string processing(std::string_view queue, const node_identity& who) {
  return fmt::format("{{{}{}{}:{}", queue, processing_mark, who.node, who.incarnation);
}

std::string retry(std::string_view queue) { return fmt::format("{{{}}}:retry", queue); }

std::string dead(std::string_view queue) { return fmt::format("{}:dead", queue); }

std::string delivery(std::string_view queue, std::string_view raw) {
  return fmt::format("{{{}}}:delivery:{}", queue, redis::sha1_hex(raw));
}

std::string liveness(const node_identity& who) {
  return fmt::format("stagedoor:node:{}:{}", who.node, who.incarnation);
}

std::string task(std::string_view id) { return fmt::format("task:{}", id); }

std::string user_channel(std::string_view user_id) {
  return user_id.empty() ? std::string() : fmt::format("tasks:{}", user_id);
}

std::string status_channel(std::string_view task_type) {
  const auto subject = task_type.substr(0, task_type.find('.'));
  for (const std::string_view known : {"team", "workspace", "sandbox"})
    if (subject == known) return fmt::format("{}:status", known);
  return {};
}

std::optional<processing_list> parse_processing(std::string_view key) {
  const auto mark = key.rfind(processing_mark);
  if (!key.starts_with('{') || mark == std::string_view::npos) return std::nullopt;
  const auto queue = key.substr(1, mark - 1);
  const auto owner = key.substr(mark + processing_mark.size());
  const auto colon = owner.find(':');
  if (queue.empty() || colon == 0 || colon == std::string_view::npos || colon + 1 == owner.size() ||
      owner.find(':', colon + 1) != std::string_view::npos)
    return std::nullopt;
  return processing_list{
      std::string(key),
      std::string(queue),
      {std::string(owner.substr(0, colon)), std::string(owner.substr(colon + 1))}};
}

}  // namespace stagedoor::actors::queue_names
