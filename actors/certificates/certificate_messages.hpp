// SPDX-License-Identifier: Apache-2.0
// What is said about certificates on one node.
#pragma once

#include "actors/support/local_messages.hpp"
#include "configs/dynamic_config.hpp"
#include "runtime/acme/ca_session.hpp"
#include "runtime/acme/problem.hpp"
#include "runtime/tls/certificate.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace stagedoor::actors {

/// To the certificate_keeper: the certificate files that the configuration names, all of them;
/// replaces what it named before.
struct watch_certificate_files {
  std::vector<configs::tls_certificate> files;
};

/// From the files loop to the keeper: what the sources hold now. A source in none of the lists is
/// not configured any more.
struct certificates_loaded {
  std::map<std::string, std::vector<tls::certificate>> by_source;
  std::set<std::string> unreadable;  ///< sources that keep what they had; "x/" = all below x
  std::vector<std::string> problems;
};

/// The name of an order among the supervisor's children; a host that is ordered again while the
/// last order is still stopping has two.
[[nodiscard]] inline std::string order_id(const std::string& host, std::uint64_t number) {
  return host + "#" + std::to_string(number);
}

/// From an acme_order to the keeper: the order is over.
struct order_over {
  std::string host;
  std::uint64_t number = 0;  ///< of begin_order
  tls::certificate made;     ///< empty when it failed
  acme::failure why;
};

/// From an acme_order to the acme_account of its CA. Replies: request_signed.
struct sign_request {
  acme::signed_post what;
};

struct request_signed {
  acme::post_outcome outcome;
};

/// An answer to the account's or an order's HTTP request; from the control loop.
struct http_answered {
  std::uint64_t id = 0;
  result<client::response> answer;
};

/// The new certificate is on disk, or could not be written; from the files loop to its order.
struct lineage_written {
  result<std::string> path;
};

}  // namespace stagedoor::actors
