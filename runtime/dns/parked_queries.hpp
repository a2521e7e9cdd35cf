// SPDX-License-Identifier: Apache-2.0
// Queries that wait until it is known whether their name exists.
//
// A query lives in the buffer of its batch or connection, so it is copied here, with its client's
// address; the answer goes the way of all answers that are late (reply_port).
// Owner: the server of a loop. Runs on: that loop. Bounded by: missing_names_options::waiters
// queries of max_parked_bytes. On failure: SERVFAIL.
#pragma once

#include "runtime/dns/pipeline.hpp"
#include "runtime/snapshot/missing_names.hpp"

#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <vector>

namespace stagedoor::dns {

/// A query is a name and a few options; what pads more around them is not kept.
inline constexpr std::size_t max_parked_bytes = 1024;

class parked_queries final : public parking_port {
 public:
  /// Answers |packet| now that |asked| is known.
  using resume_function = std::function<void(std::span<const std::uint8_t> packet,
                                             client_ref& client, snapshot::activation asked)>;

  parked_queries(snapshot::missing_names* names, resume_function resume)
      : names_(names), resume_(std::move(resume)) {}

  std::optional<snapshot::activation> park(std::string_view label, const query& q,
                                           const client_ref& client) override;
  /// Forgets all; nobody is answered.
  void stop() noexcept { parked_.clear(); }

  [[nodiscard]] std::size_t size() const noexcept { return parked_.size(); }

 private:
  struct parked_query final : snapshot::name_waiter {
    parked_query(parked_queries& o, client_ref c) : owner(o), client(c) {}
    void name_answered(snapshot::activation outcome) override { owner.go_on(*this, outcome); }

    parked_queries& owner;
    client_ref client;
    std::vector<std::uint8_t> packet;
    std::list<parked_query>::iterator self;
  };
  void go_on(parked_query& q, snapshot::activation outcome);

  snapshot::missing_names* const names_;  ///< null = nothing is ever parked
  const resume_function resume_;
  std::list<parked_query> parked_;
};

}  // namespace stagedoor::dns
