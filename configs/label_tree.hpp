// SPDX-License-Identifier: Apache-2.0
// Dotted labels to the tree that a YAML file of the same meaning would give:
// `traefik.http.routers.r.tls.domains[0].main=a` is http: routers: r: tls: domains: [main: a].
//
// Names are matched in any case; the spelling of the first in sorted order stays.
//
// Bounded by: defaults::label_depth, label_list_items. On failure: errors in `out`, and nothing.
#pragma once

#include "configs/container.hpp"
#include "configs/diagnostic.hpp"

#include <optional>
#include <vector>

namespace stagedoor::configs {

/// Of `labels` those below traefik.http, traefik.tcp, traefik.udp and traefik.tls.stores.default,
/// the prefix removed.
[[nodiscard]] std::optional<node> label_tree(const container& c, diagnostics& out);

/// The child of a map by its name in any case; nullptr when there is none.
[[nodiscard]] node* find_any_case(node& map, std::string_view key) noexcept;

}  // namespace stagedoor::configs
