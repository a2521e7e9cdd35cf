// SPDX-License-Identifier: Apache-2.0
// Reads the certificates that a node finds on its disk: files of the configuration, certbot's
// folder, Traefik's acme.json.
//
// Runs on: any thread that may block. On failure: the source is unreadable, with the reason; one
// bad certificate of a folder is left out alone.
#pragma once

#include "actors/certificates/certificate_messages.hpp"
#include "configs/check.hpp"

#include <memory>
#include <vector>

namespace stagedoor::actors {

[[nodiscard]] certificates_loaded read_certificate_sources(
    const configs::loaded& config, const std::vector<configs::tls_certificate>& files);

}  // namespace stagedoor::actors
