// SPDX-License-Identifier: Apache-2.0
// One certificate, from its names to its chain (RFC 8555 7.4).
//
// new order -> authorizations -> challenges published (and acknowledged by every loop that may be
// asked) -> challenges triggered -> polled -> finalized -> polled -> downloaded and checked. An
// order that was begun elsewhere goes on from its URL.
// A plain state machine: methods take what happened and return what to do; one request at a time.
// Owner: the order's actor. Runs on: one thread at a time.
// Bounded by: |max_names| names, |give_up_after| for the whole.
#pragma once

#include "runtime/acme/ca_session.hpp"
#include "runtime/acme/certificate_info.hpp"
#include "runtime/acme/csr.hpp"

namespace stagedoor::acme {

struct order_options {
  std::vector<std::string> names;  ///< DNS names, wildcards, IP addresses; at least one
  std::vector<challenge_type> challenges{
      challenge_type::http_01};  ///< the first the CA offers is taken
  std::string order_url;         ///< goes on with this one; empty = a new order
  std::string profile;           ///< empty = the CA's choice
  std::string replaces;  ///< certificate_info::ari_id of the one to be renewed; empty = none
  common_name subject = common_name::none;
  milliseconds first_poll{50};  ///< grows by half each time, unless the CA says when
  milliseconds longest_poll{5'000};
  milliseconds publish_deadline{120'000};
  milliseconds give_up_after{900'000};
};

// -- what to do --------------------------------------------------------------------------------------

/// Show it everywhere the CA may look, then call challenge_published() with its token.
struct publish_challenge {
  challenge what;
};
/// The CA has seen it, or never will.
struct withdraw_challenge {
  challenge what;
};
/// Keep the URL (and the key): a restart goes on from there.
struct order_created {
  std::string url;
};
struct order_completed {
  std::string chain_pem;
  std::string key_pem;
  certificate_info info;
};
/// Every challenge has been withdrawn. |url_is_dead|: forget order_created's URL.
struct order_failed {
  failure why;
  bool url_is_dead = false;
};
using order_effect = std::variant<signed_post, wake_at, publish_challenge, withdraw_challenge,
                                  order_created, order_completed, order_failed>;
using order_effects = std::vector<order_effect>;

class order_state {
 public:
  /// |thumbprint|: of the account's key. |certificate_key|: another key than the account's.
  order_state(private_key certificate_key, std::string thumbprint, order_options options);

  [[nodiscard]] order_effects start(mono_time now);
  /// The outcome of the signed_post that was returned last.
  [[nodiscard]] order_effects answered(post_outcome outcome, mono_time now);
  [[nodiscard]] order_effects challenge_published(std::string_view token, mono_time now);
  [[nodiscard]] order_effects challenge_failed(std::string_view token, fault why, mono_time now);
  [[nodiscard]] order_effects tick(mono_time now);
  /// The certificate is no longer wanted: withdraws what is published and says nothing more.
  [[nodiscard]] order_effects abandon();

  [[nodiscard]] bool done() const noexcept { return step_ == step::done; }
  [[nodiscard]] const std::string& order_url() const noexcept { return url_; }
  /// For people: "waiting for the CA to check team-a.example".
  [[nodiscard]] std::string describe() const;

 private:
  enum class step : std::uint8_t {
    idle,
    ordering,
    reading_order,
    reading_authorizations,
    publishing,
    triggering,
    checking,
    finalizing,
    downloading,
    done,
  };

  /// One authorization that is still to be proved.
  struct proof {
    challenge what;
    std::string challenge_url;
    std::string authorization_url;
    bool shown = false;      ///< publish_challenge was returned, withdraw_challenge not yet
    bool published = false;  ///< the owner confirmed
    bool triggered = false;
    bool valid = false;
  };

  void order_anew(order_effects& effects);
  void begin_again_or_fail(failure why, order_effects& effects);
  void on_order(const client::response& answer, mono_time now, order_effects& effects);
  void go_on_with(const order_object& order, const client::response& answer, mono_time now,
                  order_effects& effects);
  void read_next_authorization(mono_time now, order_effects& effects);
  void on_authorization(const client::response& answer, mono_time now, order_effects& effects);
  void choose_challenge(const authorization_object& a, order_effects& effects);
  void publish_all(mono_time now, order_effects& effects);
  void trigger_next(mono_time now, order_effects& effects);
  void check_next(const client::response* last, mono_time now, order_effects& effects);
  void on_checked(const client::response& answer, mono_time now, order_effects& effects);
  void finalize(order_effects& effects);
  void on_certificate(const client::response& answer, order_effects& effects);
  void refused(failure why, mono_time now, order_effects& effects);

  void get(std::string url, order_effects& effects) { post(std::move(url), {}, effects); }
  void post(std::string url, std::string payload, order_effects& effects);
  void poll_later(std::string url, const client::response* last, mono_time now,
                  order_effects& effects);
  void withdraw(proof& p, order_effects& effects);
  void fail(failure why, order_effects& effects);
  [[nodiscard]] proof* proof_of(std::string_view token);
  [[nodiscard]] bool all(bool proof::*flag) const;

  const private_key key_;
  const std::string thumbprint_;
  order_options options_;
  step step_ = step::idle;
  std::string url_;
  bool resumed_ = false;
  bool authorizations_read_ = false;
  bool finalized_ = false;
  bool waits_for_answer_ = false;
  std::string finalize_url_;
  std::vector<std::string> authorizations_;
  std::size_t position_ = 0;  ///< in authorizations_ or proofs_, by step_
  std::vector<proof> proofs_;
  std::string poll_url_;  ///< what the next tick asks for; empty = nothing
  milliseconds pause_{0};
  mono_time poll_at_{};
  mono_time publish_by_{};
  mono_time give_up_at_{};
};

}  // namespace stagedoor::acme
