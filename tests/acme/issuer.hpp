// SPDX-License-Identifier: Apache-2.0
// Carries out what ca_session and order_state ask for, with a real HTTP client and real time: what
// the account's and the orders' actors do in the program.
//
// Runs on: its loop's thread.
#pragma once

#include "runtime/acme/order_state.hpp"
#include "runtime/client/http_client.hpp"

#include <functional>
#include <map>
#include <memory>

namespace stagedoor::test {

/// Shows challenges to the CA.
struct challenge_board {
  std::function<void(const acme::challenge&, std::function<void()> published)> publish;
  std::function<void(const acme::challenge&)> withdraw;
};

struct order_outcome {
  std::optional<acme::order_completed> completed{};
  std::optional<acme::order_failed> failed{};
  std::string order_url{};
  unsigned published = 0;  ///< challenges shown
  unsigned withdrawn = 0;
};

class issuer {
 public:
  issuer(loop& where, client::http_client& http, acme::private_key account,
         acme::ca_options options, challenge_board board);

  using callback = std::function<void(order_outcome)>;
  void order(acme::private_key key, acme::order_options options, callback done);
  [[nodiscard]] const acme::ca_session& session() const noexcept { return session_; }
  /// Of an order under way, by the count of order() calls.
  [[nodiscard]] std::string order_url(std::uint64_t id) const {
    return orders_.at(id).state->order_url();
  }
  /// Requests for an account: how often polls are asked is chance, this is not.
  [[nodiscard]] unsigned account_requests() const noexcept { return account_requests_; }
  [[nodiscard]] const std::string& last_failure() const noexcept { return last_failure_; }

 private:
  struct running {
    std::unique_ptr<acme::order_state> state;
    std::unique_ptr<timer> wake;
    order_outcome outcome;
    callback done;
  };

  void apply(acme::session_effects effects);
  void apply(std::uint64_t id, acme::order_effects effects);
  void send(std::uint64_t id, client::request what);

  loop& loop_;
  client::http_client& http_;
  acme::ca_session session_;
  challenge_board board_;
  timer wake_;
  std::map<std::uint64_t, running> orders_;
  std::uint64_t last_id_ = 0;
  unsigned account_requests_ = 0;
  std::string last_failure_;
};

}  // namespace stagedoor::test
