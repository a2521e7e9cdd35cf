// SPDX-License-Identifier: Apache-2.0
// What a loop remembers about a site while it is in the table or a request still uses it.
//
// A request must keep its version of the site alive, but a shared counter touched by every request
// on every core would cost more than the rest of the lookup. So the loop holds one reference of its
// own for each version in use, and counts its requests without atomics.
// Owner: an edge. Runs on: its loop. Bounded by: the sites that were asked for, plus retired ones
// with open requests.
#pragma once

#include "runtime/http/site.hpp"
#include "runtime/http/upstream_pool.hpp"
#include "runtime/snapshot/table.hpp"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace stagedoor::http {

/// One version of a site, as this loop uses it.
struct site_state {
  snapshot::node_ptr<site> version;
  std::uint32_t requests = 0;  ///< open ones
  bool retired = false;        ///< no longer in the table
  /// Parallel to the routes of the site and the servers of their services.
  std::vector<std::vector<upstream_server*>> servers;
};

class site_states {
 public:
  explicit site_states(upstream_pool& pool) noexcept : pool_(pool) {}

  /// The state of |version|, made at first use. Call release() once for each call.
  [[nodiscard]] site_state& acquire(const snapshot::node_ptr<site>& version);
  void release(site_state& s) noexcept;
  /// |version| left the table.
  void retire(const snapshot::node_ptr<site>& version) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return states_.size(); }

 private:
  using map = std::unordered_map<const snapshot::node<site>*, std::unique_ptr<site_state>>;
  void forget(map::iterator it) noexcept;

  upstream_pool& pool_;
  map states_;
};

}  // namespace stagedoor::http
