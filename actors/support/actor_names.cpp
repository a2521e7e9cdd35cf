// SPDX-License-Identifier: Apache-2.0
#include "actors/support/actor_names.hpp"

#include "runtime/base/ascii.hpp"

#include <caf/actor.hpp>
#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>
#include <caf/atom.hpp>

#include <algorithm>
#include <cassert>
#include <mutex>

namespace stagedoor::actors {
namespace {

// "Erase if it is still mine" and "erase, then put" are two registry calls each.
std::mutex names_mutex;

caf::atom_value key_of(std::string_view name) {
  assert(!name.empty() && name.size() <= 10 && std::all_of(name.begin(), name.end(), [](char c) {
    return ascii::is_alpha(c) || ascii::is_digit(c) || c == '_';
  }));
  return caf::atom_from_string(caf::string_view{name.data(), name.size()});
}

}  // namespace

void publish_name(caf::actor_system& system, std::string_view name, const caf::actor& who) {
  const auto key = key_of(name);
  {
    const std::scoped_lock lock(names_mutex);
    system.registry().erase(key);
    system.registry().put(key, who);
  }
  who->attach_functor([&registry = system.registry(), key, id = who.id()] {
    const std::scoped_lock lock(names_mutex);
    if (const auto holder = registry.get<caf::actor>(key); holder && holder.id() == id)
      registry.erase(key);
  });
}

caf::actor find_name(caf::actor_system& system, std::string_view name) {
  return system.registry().get<caf::actor>(key_of(name));
}

}  // namespace stagedoor::actors
