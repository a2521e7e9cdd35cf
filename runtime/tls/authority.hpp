// SPDX-License-Identifier: Apache-2.0
// The certificate authority of one cluster: nodes trust it and nobody else.
//
// Links between nodes need certificates that no public authority gives out, and a cluster should
// not need another program to make them. The authority signs nodes and nothing else (path length
// 0); a node certificate serves both ends of a link, since either node may be the one that dials.
// Runs on: any thread. On failure: invalid (the authority's files), internal.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/tls/certificate.hpp"
#include "runtime/tls/self_signed.hpp"

#include <string>

namespace stagedoor::tls {

inline constexpr std::chrono::hours authority_lifetime{10 * 365 * 24};
inline constexpr std::chrono::hours node_certificate_lifetime{2 * 365 * 24};

/// ECDSA P-256, valid for authority_lifetime from an hour before |now|: clocks differ.
[[nodiscard]] result<pem_pair> make_authority(const std::string& common_name, wall_time now);

struct node_certificate_options {
  std::string name;  ///< the one DNS name; must be one label, letters, digits, inner hyphens
  wall_time not_before{};
  std::chrono::hours lifetime = node_certificate_lifetime;
};

/// A fresh key and a certificate for it that |authority| signed. It ends with the authority at the
/// latest.
[[nodiscard]] result<pem_pair> issue_node_certificate(const pem_pair& authority,
                                                      const node_certificate_options& options);

/// Whether one of the authorities in |authority_pem| signed |node|, whenever. |name| stands for
/// them in the fault. On failure: malformed (|authority_pem|), refused (none of them did),
/// internal.
[[nodiscard]] result<void> check_issuer(const certificate& node, std::string_view authority_pem,
                                        std::string_view name);

/// What a node may be called: a DNS label.
[[nodiscard]] bool is_node_name(std::string_view name) noexcept;

}  // namespace stagedoor::tls
