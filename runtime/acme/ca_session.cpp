// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/ca_session.hpp"

#include "runtime/base/base64.hpp"
#include "runtime/client/json.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::acme {

namespace {

bool is_success(const client::response& answer) {
  return answer.status >= 200 && answer.status < 300;
}

bool is_trouble(const failure& f) { return f.what == failure_class::server; }

failure own_failure(fault_kind kind, failure_class what, std::string detail) {
  return {what,
          {kind, fault_side::self, retryable::yes, std::move(detail)},
          std::nullopt,
          std::nullopt};
}

}  // namespace

ca_session::ca_session(private_key account_key, ca_options options)
    : key_(std::move(account_key)),
      options_(std::move(options)),
      account_url_(options_.account_url) {}

// -- from the owner ------------------------------------------------------------------------------------

session_effects ca_session::start(mono_time now) {
  session_effects effects;
  if (phase_ == phase::idle) {
    phase_ = phase::directory;
    waiting_.push_front({kind::directory, 0, {}, 0, 0, {}});
  }
  pump(now, effects);
  return effects;
}

session_effects ca_session::post(std::uint64_t id, signed_post what, mono_time now) {
  if (waiting_.size() >= options_.max_waiting)
    return {post_answered{id, own_failure(fault_kind::overloaded, failure_class::server,
                                          "too many requests wait for the CA")}};
  if (options_.directory_url.starts_with("https:") && what.where == post_to::url &&
      !what.url.starts_with("https:"))
    return {post_answered{id, own_failure(fault_kind::malformed, failure_class::server,
                                          "the CA names a URL without TLS")}};
  waiting_.push_back({kind::post, id, std::move(what), 0, 0, {}});
  return start(now);
}

session_effects ca_session::tick(mono_time now) {
  session_effects effects;
  pump(now, effects);
  return effects;
}

session_effects ca_session::answered(std::uint64_t http_id, result<client::response> answer,
                                     mono_time now) {
  session_effects effects;
  auto entry = in_flight_.extract(http_id);
  if (entry.empty()) return effects;
  auto a = std::move(entry.mapped());
  if (a.what == kind::nonce) --nonces_coming_;
  if (answer) keep_nonce(*answer);
  if (answer && is_success(*answer)) {
    succeeded(std::move(a), std::move(*answer), now, effects);
  } else {
    const auto doing = fmt::format("ask {}", url_of(a));
    auto why = answer ? failure_from(*answer, doing) : failure_from(std::move(answer).error());
    if (is_trouble(why))
      trouble(std::move(a), std::move(why), now, effects);
    else
      refused(std::move(a), std::move(why), effects);
  }
  pump(now, effects);
  return effects;
}

// -- what an answer means ------------------------------------------------------------------------------

void ca_session::succeeded(attempt a, client::response answer, mono_time now,
                           session_effects& effects) {
  if (a.what == kind::post) {
    effects.emplace_back(post_answered{a.post, std::move(answer)});
  } else if (a.what == kind::directory) {
    auto parsed = parse_directory(answer.body);
    if (!parsed)
      return trouble(std::move(a), failure_from(std::move(parsed).error()), now, effects);
    directory_ = std::move(*parsed);
    phase_ = account_url_.empty() ? phase::account : phase::ready;
    if (phase_ == phase::account) waiting_.push_front({kind::account, 0, {}, 0, 0, {}});
  } else if (a.what == kind::account) {
    const auto* location = answer.find("Location");
    if (location == nullptr || location->empty())
      return trouble(
          std::move(a),
          own_failure(fault_kind::malformed, failure_class::server, "the CA names no account URL"),
          now, effects);
    account_url_ = *location;
    phase_ = phase::ready;
    effects.emplace_back(account_ready{account_url_});
  } else if (nonces_.empty()) {
    trouble(std::move(a),
            own_failure(fault_kind::malformed, failure_class::server, "the CA gives no nonce"), now,
            effects);
  }
}

// The same again, a little later, until the tries are used up.
void ca_session::trouble(attempt a, failure why, mono_time now, session_effects& effects) {
  if (why.said && why.said->type == "badNonce") {
    if (++a.nonce_failures >= options_.nonce_tries)
      return refused(std::move(a), std::move(why), effects);
    waiting_.push_front(std::move(a));
    return;
  }
  const auto pause = why.retry_after
                         ? std::chrono::duration_cast<milliseconds>(*why.retry_after)
                         : options_.first_pause * (1U << std::min(a.server_failures, 10U));
  if (++a.server_failures >= options_.server_tries || pause > options_.longest_pause)
    return refused(std::move(a), std::move(why), effects);
  a.not_before = now + pause;
  waiting_.push_front(std::move(a));
}

void ca_session::refused(attempt a, failure why, session_effects& effects) {
  if (a.what != kind::post) return fail_everything(why, effects);
  if (may_register_again(why)) {
    phase_ = phase::account;
    account_url_.clear();
    waiting_.push_front(std::move(a));
    waiting_.push_front({kind::account, 0, {}, 0, 0, {}});
    return;
  }
  // Several posts may have found the account gone; those that come later wait for the new one.
  if (phase_ == phase::account && why.said && why.said->type == "accountDoesNotExist") {
    waiting_.push_back(std::move(a));
    return;
  }
  effects.emplace_back(post_answered{a.post, std::move(why)});
}

bool ca_session::may_register_again(const failure& why) {
  if (!why.said || why.said->type != "accountDoesNotExist") return false;
  if (registered_again_ || options_.policy == account_policy::existing_only) return false;
  registered_again_ = true;
  return true;
}

void ca_session::fail_everything(const failure& why, session_effects& effects) {
  phase_ = phase::idle;
  nonces_.clear();
  for (const auto& a : waiting_)
    if (a.what == kind::post) effects.emplace_back(post_answered{a.post, why});
  waiting_.clear();
  effects.emplace_back(session_failed{why});
}

// RFC 8555 6.5.1: base64url, anything else is ignored. The newest are the likeliest to be good.
void ca_session::keep_nonce(const client::response& answer) {
  const auto* nonce = answer.find("Replay-Nonce");
  if (nonce == nullptr || nonce->empty() || nonce->size() > 512 || !base64url_decode(*nonce))
    return;
  if (nonces_.size() >= options_.max_nonces) nonces_.erase(nonces_.begin());
  nonces_.push_back(*nonce);
}

// -- what goes out -------------------------------------------------------------------------------------

bool ca_session::may_go(const attempt& a, mono_time now) const {
  if (a.not_before > now) return false;
  switch (a.what) {
    case kind::directory:
    case kind::nonce: return true;
    case kind::account: return phase_ == phase::account;
    case kind::post: return phase_ == phase::ready;
  }
  return false;
}

void ca_session::pump(mono_time now, session_effects& effects) {
  std::size_t nonces_wanted = 0;
  std::size_t nonces_paused = 0;
  std::vector<std::pair<attempt, failure>> unsignable;
  std::optional<mono_time> wake;
  std::deque<attempt> later;
  auto going = std::exchange(waiting_, {});
  for (auto& a : going) {
    const bool plain = a.what == kind::directory || a.what == kind::nonce;
    if (!may_go(a, now) || in_flight_.size() >= options_.max_in_flight) {
      if (a.not_before > now) wake = std::min(wake.value_or(a.not_before), a.not_before);
      if (a.what == kind::nonce) ++nonces_paused;
      later.push_back(std::move(a));
    } else if (plain) {
      const char* method = a.what == kind::nonce ? "HEAD" : "GET";
      auto url = url_of(a);
      send_plain(std::move(a), method, std::move(url), effects);
    } else if (!nonces_.empty()) {
      if (auto why = send_signed(a, effects))
        unsignable.emplace_back(std::move(a), std::move(*why));
    } else {
      ++nonces_wanted;
      later.push_back(std::move(a));
    }
  }
  waiting_ = std::move(later);
  for (auto& [a, why] : unsignable) refused(std::move(a), std::move(why), effects);
  if (phase_ == phase::idle) return;
  while (nonces_coming_ + nonces_paused < nonces_wanted &&
         in_flight_.size() < options_.max_in_flight)
    send_plain({kind::nonce, 0, {}, 0, 0, {}}, "HEAD", directory_.new_nonce, effects);
  if (wake) effects.emplace_back(wake_at{*wake});
}

void ca_session::send_plain(attempt a, std::string method, std::string url,
                            session_effects& effects) {
  client::request r;
  r.method = std::move(method);
  r.url = std::move(url);
  send(std::move(a), std::move(r), effects);
}

std::optional<failure> ca_session::send_signed(const attempt& a, session_effects& effects) {
  const auto nonce = std::move(nonces_.back());
  nonces_.pop_back();
  const auto payload = payload_of(a);
  const auto url = url_of(a);
  auto body =
      payload
          ? sign_request(key_, {url, nonce, a.what == kind::account ? "" : account_url_}, *payload)
          : payload;
  if (!body)
    return failure{failure_class::account, std::move(body).error(), std::nullopt, std::nullopt};
  client::request r;
  r.method = "POST";
  r.url = url;
  r.headers = {{"Content-Type", "application/jose+json"}};
  r.body = std::move(*body);
  send(a, std::move(r), effects);
  return std::nullopt;
}

void ca_session::send(attempt a, client::request r, session_effects& effects) {
  r.deadline = options_.request_deadline;
  r.max_body = options_.max_body;
  r.tls = options_.tls;
  if (a.what == kind::nonce) ++nonces_coming_;
  const auto id = ++last_http_id_;
  in_flight_.emplace(id, std::move(a));
  effects.emplace_back(send_http{id, std::move(r)});
}

std::string ca_session::url_of(const attempt& a) const {
  switch (a.what) {
    case kind::directory: return options_.directory_url;
    case kind::nonce: return directory_.new_nonce;
    case kind::account: return directory_.new_account;
    case kind::post:
      return a.wanted.where == post_to::new_order ? directory_.new_order : a.wanted.url;
  }
  return {};
}

result<std::string> ca_session::payload_of(const attempt& a) const {
  if (a.what == kind::post) return a.wanted.payload;
  client::json account;
  if (options_.policy == account_policy::existing_only) {
    account["onlyReturnExisting"] = true;
    return account.dump();
  }
  account["termsOfServiceAgreed"] = true;
  if (!options_.email.empty()) account["contact"] = {"mailto:" + options_.email};
  if (options_.external) {
    const auto binding = bind_external_account(key_, *options_.external, directory_.new_account);
    if (!binding) return binding.error();
    account["externalAccountBinding"] = client::json::parse(*binding);
  }
  return account.dump(-1, ' ', false, client::json::error_handler_t::replace);
}

}  // namespace stagedoor::acme
