// SPDX-License-Identifier: Apache-2.0
// One account at one CA: finds the CA's resources, keeps its nonces, registers, and signs.
//
// All orders of an account share it, so the directory is read once, the account asked for once,
// and a nonce that one answer brought serves any other request. What can be repeated without harm
// (a used nonce, a server in trouble, a broken connection) is repeated here, so that an order sees
// only answers that mean something.
// A plain state machine: methods take what happened and return what to do.
// Owner: the account's actor. Runs on: one thread at a time.
// Bounded by: |max_in_flight| requests, |max_waiting| posts, |max_nonces|, the tries of a post.
#pragma once

#include "runtime/acme/jws.hpp"
#include "runtime/acme/objects.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/client/message.hpp"

#include <deque>
#include <map>
#include <variant>
#include <vector>

namespace stagedoor::acme {

enum class account_policy : std::uint8_t { existing_or_new, existing_only };

struct ca_options {
  std::string directory_url;
  std::string email;        ///< empty = no contact
  std::string account_url;  ///< as account_ready told it earlier; empty = ask the CA
  account_policy policy = account_policy::existing_or_new;
  std::optional<external_account> external{};
  client::tls_options tls{};
  milliseconds request_deadline{30'000};
  std::size_t max_body = 1U << 20U;
  std::size_t max_in_flight = 16;
  std::size_t max_waiting = 4096;
  std::size_t max_nonces = 64;
  unsigned nonce_tries = 20;      ///< of one post, each with a fresh nonce
  unsigned server_tries = 3;      ///< of one post, when the CA has trouble
  milliseconds first_pause{250};  ///< before the second of them, doubled each time
  seconds longest_pause{10};      ///< a longer Retry-After is the order's business
};

// -- what to do --------------------------------------------------------------------------------------

/// Send it, and call answered() with the same id.
struct send_http {
  std::uint64_t id;
  client::request what;
};
/// Call tick() then.
struct wake_at {
  mono_time when;
};
/// Keep the URL beside the key.
struct account_ready {
  std::string url;
};
/// Nothing works with this CA at present; every waiting post has failed with it. The next post
/// begins anew.
struct session_failed {
  failure why;
};
using post_outcome = std::variant<client::response, failure>;
struct post_answered {
  std::uint64_t post;
  post_outcome outcome;
};
using session_effect =
    std::variant<send_http, wake_at, account_ready, session_failed, post_answered>;
using session_effects = std::vector<session_effect>;

// -- what an order wants -----------------------------------------------------------------------------

enum class post_to : std::uint8_t { url, new_order };

struct signed_post {
  post_to where = post_to::url;
  std::string url;      ///< of post_to::url
  std::string payload;  ///< empty = POST-as-GET
};

class ca_session {
 public:
  ca_session(private_key account_key, ca_options options);

  /// Reads the directory and finds the account, unless that is done or under way.
  [[nodiscard]] session_effects start(mono_time now);
  /// |id| comes back in post_answered.
  [[nodiscard]] session_effects post(std::uint64_t id, signed_post what, mono_time now);
  [[nodiscard]] session_effects answered(std::uint64_t http_id, result<client::response> answer,
                                         mono_time now);
  [[nodiscard]] session_effects tick(mono_time now);

  [[nodiscard]] const private_key& key() const noexcept { return key_; }
  [[nodiscard]] bool ready() const noexcept { return phase_ == phase::ready; }
  [[nodiscard]] const std::string& account_url() const noexcept { return account_url_; }
  /// Empty until the directory was read.
  [[nodiscard]] const directory& resources() const noexcept { return directory_; }

 private:
  enum class phase : std::uint8_t { idle, directory, account, ready };
  enum class kind : std::uint8_t { directory, nonce, account, post };

  struct attempt {
    kind what = kind::post;
    std::uint64_t post = 0;
    signed_post wanted;
    unsigned nonce_failures = 0;
    unsigned server_failures = 0;
    mono_time not_before{};
  };

  void pump(mono_time now, session_effects& effects);
  [[nodiscard]] bool may_go(const attempt& a, mono_time now) const;
  [[nodiscard]] std::optional<failure> send_signed(const attempt& a, session_effects& effects);
  void send_plain(attempt a, std::string method, std::string url, session_effects& effects);
  void send(attempt a, client::request r, session_effects& effects);
  [[nodiscard]] result<std::string> payload_of(const attempt& a) const;
  [[nodiscard]] std::string url_of(const attempt& a) const;

  void succeeded(attempt a, client::response answer, mono_time now, session_effects& effects);
  void trouble(attempt a, failure why, mono_time now, session_effects& effects);
  void refused(attempt a, failure why, session_effects& effects);
  void fail_everything(const failure& why, session_effects& effects);
  void keep_nonce(const client::response& answer);
  [[nodiscard]] bool may_register_again(const failure& why);

  const private_key key_;
  const ca_options options_;
  phase phase_ = phase::idle;
  directory directory_;
  std::string account_url_;
  bool registered_again_ = false;
  std::deque<attempt> waiting_;
  std::map<std::uint64_t, attempt> in_flight_;
  std::vector<std::string> nonces_;
  std::size_t nonces_coming_ = 0;
  std::uint64_t last_http_id_ = 0;
};

}  // namespace stagedoor::acme
