// SPDX-License-Identifier: Apache-2.0
#include "configs/label_tree.hpp"

#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::configs {
namespace {

constexpr std::string_view prefix = "traefik.";

bool starts_with_any_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && ascii::iequals(text.substr(0, start.size()), start);
}

bool is_routing(std::string_view key) {
  return starts_with_any_case(key, "http.") || starts_with_any_case(key, "tcp.") ||
         starts_with_any_case(key, "udp.") || starts_with_any_case(key, "tls.stores.default.");
}

node& child(node& parent, std::string_view name, position at) {
  parent.type = node::kind::map;
  if (node* found = find_any_case(parent, name)) return *found;
  node fresh;
  fresh.at = at;
  parent.entries.push_back({std::string(name), at, std::move(fresh)});
  return parent.entries.back().value;
}

class planter {
 public:
  planter(const container& c, diagnostics& out) : container_(c), out_(out) {}

  void plant(const label& l) {
    const auto parts = ascii::split(std::string_view(l.key).substr(prefix.size()), '.');
    if (parts.size() > defaults::label_depth)
      return refuse(l, fmt::format("expected at most {} dots", defaults::label_depth));
    node* at = &root_;
    for (const auto part : parts) {
      at = step(*at, part, l);
      if (at == nullptr) return;
    }
    at->text = l.value;
    at->at = l.at;
    if (at->type == node::kind::none) at->type = node::kind::scalar;
  }

  std::optional<node> take() {
    if (good_) finish(root_);
    return good_ ? std::optional(std::move(root_)) : std::nullopt;
  }

 private:
  /// One dotted part, `name` or `name[3]`. Items are kept as children "[0003]" until all are there.
  node* step(node& from, std::string_view part, const label& l) {
    const auto bracket = part.find('[');
    const auto name = part.substr(0, bracket);
    if (name.empty()) return refuse(l, "expected a name between the dots"), nullptr;
    node& named = child(from, name, l.at);
    if (bracket == std::string_view::npos) return &named;
    const auto index =
        part.back() == ']'
            ? ascii::parse_number<std::size_t>(part.substr(bracket + 1, part.size() - bracket - 2))
            : std::nullopt;
    if (!index || *index > defaults::label_list_items)
      return refuse(l, fmt::format("expected an index from 0 to {} in brackets",
                                   defaults::label_list_items)),
             nullptr;
    return &child(named, fmt::format("[{:06}]", *index), l.at);
  }

  void refuse(const label& l, std::string_view why) {
    good_ = false;
    out_.error({container_.file, l.at.line, l.at.column},
               fmt::format("label {}: {}", shown(l.key), why));
  }

  void finish(node& n) {
    const auto is_item = [](const entry& e) { return e.key.front() == '['; };
    const auto items = std::count_if(n.entries.begin(), n.entries.end(), is_item);
    for (auto& e : n.entries) finish(e.value);
    if (items == 0) return;
    if (static_cast<std::size_t>(items) != n.entries.size()) {
      good_ = false;
      out_.error({container_.file, n.at.line, n.at.column},
                 "labels: expected either items or fields below one name, got both");
      return;
    }
    std::sort(n.entries.begin(), n.entries.end(),
              [](const entry& a, const entry& b) { return a.key < b.key; });
    n.type = node::kind::list;
    for (auto& e : n.entries) n.items.push_back(std::move(e.value));
    n.entries.clear();
  }

  const container& container_;
  diagnostics& out_;
  node root_;
  bool good_ = true;
};

}  // namespace

node* find_any_case(node& map, std::string_view key) noexcept {
  for (auto& e : map.entries)
    if (ascii::iequals(e.key, key)) return &e.value;
  return nullptr;
}

std::optional<node> label_tree(const container& c, diagnostics& out) {
  std::vector<const label*> routing;
  for (const auto& l : c.labels)
    if (starts_with_any_case(l.key, prefix) &&
        is_routing(std::string_view(l.key).substr(prefix.size())))
      routing.push_back(&l);
  std::stable_sort(routing.begin(), routing.end(),
                   [](const label* a, const label* b) { return a->key < b->key; });
  planter tree(c, out);
  for (const label* l : routing) tree.plant(*l);
  return tree.take();
}

}  // namespace stagedoor::configs
