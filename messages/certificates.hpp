// SPDX-License-Identifier: Apache-2.0
// Certificates: who wants one, and how far it is.
#pragma once

#include "messages/type_ids.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace stagedoor::messages {

/// A host is served over TLS. Never waits for a CA. Replies: certificate_status.
struct want_certificate {
  std::string host;
  std::string resolver;  ///< of the static configuration; empty = certificates at hand are enough
};
MESSAGE_FIELDS(want_certificate, host, resolver)

/// Nobody serves the host any more: no more orders for it. Replies: done.
struct release_certificate {
  std::string host;
};
MESSAGE_FIELDS(release_certificate, host)

struct certificate_status {
  std::string host;
  std::string state;  ///< "valid until 2027-01-31", "pending: why", "default"
};
MESSAGE_FIELDS(certificate_status, host, state)

/// Replies: certificate_listing.
struct list_certificates {
  std::uint32_t limit = 1000;
};
MESSAGE_FIELDS(list_certificates, limit)

struct certificate_row {
  std::string host;
  std::string state;
  std::string source;      ///< where the certificate came from: a path or a resolver
  std::string last_error;  ///< of the last order
  std::string next_try;    ///< ISO 8601; empty = none is planned
  std::uint32_t attempts = 0;
};
MESSAGE_FIELDS(certificate_row, host, state, source, last_error, next_try, attempts)

struct certificate_listing {
  std::vector<certificate_row> rows;  ///< those that are pending first
  std::uint64_t total = 0;
};
MESSAGE_FIELDS(certificate_listing, rows, total)

}  // namespace stagedoor::messages
