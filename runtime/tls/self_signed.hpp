// SPDX-License-Identifier: Apache-2.0
// A certificate of our own making, for names that have none yet.
//
// A host whose certificate is still being ordered must answer all the same; browsers warn, curl -k
// and monitors work.
// Runs on: any thread.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/tls/certificate.hpp"

#include <string>
#include <vector>

namespace stagedoor::tls {

struct self_signed_options {
  std::string common_name = "STAGEDOOR DEFAULT CERT";
  std::vector<std::string> names{"stagedoor.invalid"};               ///< DNS names and addresses
  wall_time not_before = wall_clock::now() - std::chrono::hours(1);  ///< clocks of clients differ
  std::chrono::hours lifetime{365 * 24};
  bool authority = false;  ///< may sign others: only for tests and private clusters
};

struct pem_pair {
  std::string chain;
  std::string key;
};

/// ECDSA P-256, fresh at each call. On failure: internal.
[[nodiscard]] result<pem_pair> make_self_signed(const self_signed_options& options = {});

/// The same, loaded.
[[nodiscard]] result<certificate> make_default_certificate();

}  // namespace stagedoor::tls
