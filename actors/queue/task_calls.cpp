// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/task_calls.hpp"

#include "actors/queue/queue_names.hpp"
#include "actors/queue/queue_scripts.hpp"

#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

constexpr std::size_t message_bytes = 512;  // of a message or error kept in a task's hash

/// Readable, and short enough for a hash field.
std::string shortened(std::string_view text) {
  return to_valid_utf8(text.substr(0, message_bytes));
}

/// What all scripts that announce want after their own arguments.
void append_channels(const held_task& t, redis_call& call) {
  call.arguments.push_back(std::to_string(t.ttl.count()));
  call.arguments.push_back(queue_names::user_channel(t.what.user_id));
  call.arguments.push_back(queue_names::status_channel(t.what.type));
  call.arguments.push_back(t.what.slug);
}

std::string delivery_key(const held_task& t) {
  return queue_names::delivery(t.what.queue, t.what.raw);
}

}  // namespace

redis_call begin_call(const held_task& t, const std::string& token, std::uint32_t max_deliveries) {
  redis_call call{
      .script = &queue_scripts::begin(),
      .keys = {t.processing, queue_names::task(t.what.id), delivery_key(t)},
      .arguments = {t.what.raw, token, std::to_string(max_deliveries), t.what.id, t.what.type}};
  append_channels(t, call);
  return call;
}

redis_call progress_call(const held_task& t, const task_progress& p, std::uint32_t percentage) {
  redis_call call{.script = &queue_scripts::progress(),
                  .keys = {t.processing, queue_names::task(t.what.id)},
                  .arguments = {t.what.raw, std::to_string(p.step), std::to_string(p.total_steps),
                                shortened(p.message), std::to_string(percentage)}};
  append_channels(t, call);
  return call;
}

redis_call finish_call(const held_task& t, final_status status, const task_outcome& outcome) {
  const bool ok = status == final_status::completed;
  const std::string name = ok ? "completed" : "failed";
  const std::string message =
      outcome.message.empty() ? (ok ? "Completed" : "Failed") : outcome.message;
  redis_call call{.script = &queue_scripts::finish(),
                  .keys = {t.processing, queue_names::task(t.what.id), delivery_key(t),
                           std::string(queue_names::statistics)},
                  .arguments = {t.what.raw, name, shortened(message), outcome.result,
                                outcome.error ? shortened(outcome.error->detail) : std::string()}};
  append_channels(t, call);
  call.arguments.push_back(fmt::format("{}:{}", t.what.queue, name));
  return call;
}

redis_call put_off_call(const held_task& t, std::string due, std::string status,
                        std::string_view message) {
  redis_call call{
      .script = &queue_scripts::put_off(),
      .keys = {t.processing, queue_names::retry(t.what.queue), queue_names::task(t.what.id)},
      .arguments = {t.what.raw, std::move(due), std::move(status), shortened(message)}};
  append_channels(t, call);
  return call;
}

redis_call give_back_call(const held_task& t, was_begun begun) {
  return {.script = &queue_scripts::give_back(),
          .keys = {t.processing, t.what.queue, delivery_key(t)},
          .arguments = {t.what.raw, begun == was_begun::yes ? "begun" : ""}};
}

redis_call bury_call(const held_task& t, std::string_view reason, std::size_t kept) {
  redis_call call{.script = &queue_scripts::bury(),
                  .keys = {t.processing, queue_names::dead(t.what.queue), delivery_key(t),
                           std::string(queue_names::statistics),
                           t.what.id.empty() ? std::string() : queue_names::task(t.what.id)},
                  .arguments = {t.what.raw, dead_letter_prefix(t.what.raw, reason, t.what.queue),
                                std::to_string(kept), shortened(reason)}};
  append_channels(t, call);
  call.arguments.push_back(fmt::format("{}:dead", t.what.queue));
  return call;
}

}  // namespace stagedoor::actors
