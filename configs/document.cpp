// SPDX-License-Identifier: Apache-2.0
#include "configs/document.hpp"

#include "configs/diagnostic.hpp"

namespace stagedoor::configs {

const node* find(const node& map, std::string_view key) noexcept {
  for (const auto& e : map.entries)
    if (e.key == key) return &e.value;
  return nullptr;
}

std::string described(const node& n) {
  switch (n.type) {
    case node::kind::none: return "nothing";
    case node::kind::scalar: return shown(n.text);
    case node::kind::list: return "a list";
    case node::kind::map: return "a mapping";
  }
  return {};
}

}  // namespace stagedoor::configs
