// SPDX-License-Identifier: Apache-2.0
// The labels of containers to routers, services and middlewares, by the rules of Traefik's Docker
// provider: default rule and service, the lowest exposed port, replicas merged into one service.
//
// On failure: a container with a wrong label is left out whole, with an error; the others stay.
// Where Traefik picks a network at random, the first by name is taken.
#pragma once

#include "configs/container.hpp"
#include "configs/dynamic_config.hpp"
#include "configs/static_config.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::configs {

/// Letters and digits stay, everything between them becomes one hyphen: "my_app.1" → "my-app-1".
[[nodiscard]] std::string normalized(std::string_view name);

/// `<service>_<project>` of a compose container, else its name; normalised.
[[nodiscard]] std::string service_name(const container& c);

/// A default rule for one container. Of Go's templates these are known: .Name, .ContainerName,
/// index .Labels "key", each alone or behind normalize.
[[nodiscard]] result<std::string> default_rule(std::string_view pattern, const container& c);

/// Whether the container wants to be routed to: label traefik.enable, else exposedByDefault.
[[nodiscard]] bool is_exposed(const container& c, const docker_provider& options) noexcept;

/// One container. Nothing when it is not exposed, or when a label was wrong.
[[nodiscard]] std::optional<dynamic_config> read_labels(const container& c,
                                                        const docker_provider& options,
                                                        std::string_view provider,
                                                        diagnostics& out);

/// All containers of a provider. Services of the same name and settings become one with all
/// servers; other elements of the same name must be equal, or none of them stays.
[[nodiscard]] dynamic_config read_containers(std::vector<container> containers,
                                             const docker_provider& options,
                                             std::string_view provider, diagnostics& out);

}  // namespace stagedoor::configs
