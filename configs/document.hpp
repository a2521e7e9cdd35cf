// SPDX-License-Identifier: Apache-2.0
// The tree that every structured source is turned into before it is understood: a YAML file, the
// labels of a container. Each part knows where it was written.
//
// Bounded by: defaults::yaml_nodes and yaml_depth, or label_depth and label_list_items.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

/// Counted from 1; 0 = not known.
struct position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  friend bool operator==(const position&, const position&) = default;
};

struct entry;

struct node {
  enum class kind : std::uint8_t { none, scalar, list, map };

  kind type = kind::none;
  position at;
  std::string text;            ///< scalar; beside a map also what a label of the same name said
  std::vector<node> items;     ///< list
  std::vector<entry> entries;  ///< map, in the order written, keys unique
};

struct entry {
  std::string key;
  position at;  ///< of the key
  node value;
};

/// The value behind exactly this key; nullptr when there is none.
[[nodiscard]] const node* find(const node& map, std::string_view key) noexcept;

/// "a mapping", "a list", "nothing", or the scalar itself in quotes: the "got" of an error message.
[[nodiscard]] std::string described(const node& n);

struct document {
  std::string file;
  node root;
};

}  // namespace stagedoor::configs
