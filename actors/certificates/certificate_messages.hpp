// SPDX-License-Identifier: Apache-2.0
// What is said about certificates on one node.
#pragma once

#include "actors/support/local_messages.hpp"
#include "configs/dynamic_config.hpp"
#include "runtime/acme/ca_session.hpp"
#include "runtime/acme/problem.hpp"
#include "runtime/tls/certificate.hpp"

#include <map>
#include <string>
#include <vector>

namespace stagedoor::actors {

/// To the certificate_keeper: the certificate files that the configuration names, all of them;
/// replaces what it named before.
struct watch_certificate_files {
  std::vector<configs::tls_certificate> files;
};

/// From the files loop to the keeper: what the sources hold now. A source that could not be read is
/// not in |by_source|, and keeps what it had.
struct certificates_loaded {
  std::map<std::string, std::vector<tls::certificate>> by_source;
  std::vector<std::string> problems;
};

/// From an acme_order to the keeper: the order is over.
struct order_over {
  std::string host;
  tls::certificate made;  ///< empty when it failed
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
