// SPDX-License-Identifier: Apache-2.0
// Items that anybody may push: whatever the bytes, a task or one sentence, and a dead letter that
// is JSON in valid UTF-8.
#include "actors/queue/task.hpp"

#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stagedoor::actors;
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_task(raw, "queue:x");
  if (parsed) {
    if (parsed->id.empty() || parsed->type.empty() || parsed->raw != raw) std::abort();
    if (!nlohmann::json::accept(parsed->payload)) std::abort();
  } else if (parsed.error().detail.empty()) {
    std::abort();
  }
  if (!nlohmann::json::accept(dead_letter_prefix(raw, "why", "queue:x") + "\"at\":\"now\"}"))
    std::abort();
  return 0;
}
