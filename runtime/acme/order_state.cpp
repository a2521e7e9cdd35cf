// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/order_state.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/base/base64.hpp"
#include "runtime/client/json.hpp"
#include "runtime/net/address.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stagedoor::acme {

namespace {

constexpr std::chrono::minutes longest_obeyed_wait{5};

failure protocol_failure(fault why) {
  return {failure_class::server, std::move(why), std::nullopt, std::nullopt};
}

failure own_failure(fault_kind kind, failure_class what, std::string detail) {
  return {what,
          {kind, fault_side::upstream, retryable::yes, std::move(detail)},
          std::nullopt,
          std::nullopt};
}

std::vector<std::string> tidy(std::vector<std::string> names) {
  for (auto& name : names) {
    const auto ip = net::address::parse_ip(name, 0);
    name = ip ? ip->ip() : ascii::to_lower(name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

order_state::order_state(private_key certificate_key, std::string thumbprint, order_options options)
    : key_(std::move(certificate_key)),
      thumbprint_(std::move(thumbprint)),
      options_(std::move(options)) {
  options_.names = tidy(std::move(options_.names));
}

// -- from the owner ------------------------------------------------------------------------------------

order_effects order_state::start(mono_time now) {
  order_effects effects;
  give_up_at_ = now + options_.give_up_after;
  pause_ = options_.first_poll;
  if (options_.names.empty() || options_.names.size() > max_names) {
    fail(own_failure(
             fault_kind::invalid, failure_class::rejected,
             fmt::format("expected 1 to {} names, got {}", max_names, options_.names.size())),
         effects);
  } else if (!options_.order_url.empty()) {
    resumed_ = true;
    url_ = options_.order_url;
    step_ = step::reading_order;
    get(url_, effects);
  } else {
    order_anew(effects);
  }
  return effects;
}

order_effects order_state::answered(post_outcome outcome, mono_time now) {
  order_effects effects;
  if (!waits_for_answer_ || done()) return effects;
  waits_for_answer_ = false;
  if (auto* why = std::get_if<failure>(&outcome)) {
    refused(std::move(*why), now, effects);
    return effects;
  }
  const auto& answer = std::get<client::response>(outcome);
  switch (step_) {
    case step::ordering:
    case step::reading_order:
    case step::finalizing: on_order(answer, now, effects); break;
    case step::reading_authorizations: on_authorization(answer, now, effects); break;
    case step::triggering: trigger_next(now, effects); break;
    case step::checking: on_checked(answer, now, effects); break;
    case step::downloading: on_certificate(answer, effects); break;
    case step::idle:
    case step::publishing:
    case step::done: break;
  }
  return effects;
}

order_effects order_state::challenge_published(std::string_view token, mono_time now) {
  order_effects effects;
  auto* p = proof_of(token);
  if (step_ != step::publishing || p == nullptr) return effects;
  p->published = true;
  if (all(&proof::published)) trigger_next(now, effects);
  return effects;
}

order_effects order_state::challenge_failed(std::string_view token, fault why, mono_time) {
  order_effects effects;
  if (done() || proof_of(token) == nullptr) return effects;
  fail(protocol_failure(std::move(why)), effects);
  return effects;
}

order_effects order_state::tick(mono_time now) {
  order_effects effects;
  if (done() || step_ == step::idle) return effects;
  if (now >= give_up_at_) {
    fail(own_failure(fault_kind::timed_out, failure_class::server, "gave up: " + describe()),
         effects);
  } else if (step_ == step::publishing && now >= publish_by_) {
    fail(own_failure(fault_kind::timed_out, failure_class::server,
                     "a challenge was not published in time"),
         effects);
  } else if (!poll_url_.empty() && now >= poll_at_) {
    get(std::exchange(poll_url_, {}), effects);
  }
  return effects;
}

order_effects order_state::abandon() {
  order_effects effects;
  for (auto& p : proofs_) withdraw(p, effects);
  step_ = step::done;
  return effects;
}

std::string order_state::describe() const {
  auto names = fmt::format("{}", fmt::join(options_.names, ", "));
  switch (step_) {
    case step::idle: return "not started: " + names;
    case step::ordering: return "ordering " + names;
    case step::reading_order:
    case step::reading_authorizations: return "reading what the CA wants for " + names;
    case step::publishing: return "publishing the challenges for " + names;
    case step::triggering:
    case step::checking: return "waiting for the CA to check " + names;
    case step::finalizing: return "waiting for the CA to issue " + names;
    case step::downloading: return "downloading the certificate for " + names;
    case step::done: return "done: " + names;
  }
  return names;
}

// -- the order -----------------------------------------------------------------------------------------

void order_state::order_anew(order_effects& effects) {
  client::json wanted;
  for (const auto& name : options_.names) {
    const bool is_ip = net::address::parse_ip(name, 0).has_value();
    wanted["identifiers"].push_back({{"type", is_ip ? "ip" : "dns"}, {"value", name}});
  }
  if (!options_.profile.empty()) wanted["profile"] = options_.profile;
  if (!options_.replaces.empty()) wanted["replaces"] = options_.replaces;
  step_ = step::ordering;
  resumed_ = finalized_ = authorizations_read_ = false;
  url_.clear();
  waits_for_answer_ = true;
  effects.emplace_back(signed_post{
      post_to::new_order, {}, wanted.dump(-1, ' ', false, client::json::error_handler_t::replace)});
}

// An order from before a restart may have expired meanwhile: that is no failure yet.
void order_state::begin_again_or_fail(failure why, order_effects& effects) {
  if (!resumed_) return fail(std::move(why), effects);
  for (auto& p : proofs_) withdraw(p, effects);
  proofs_.clear();
  order_anew(effects);
}

void order_state::on_order(const client::response& answer, mono_time now, order_effects& effects) {
  auto order = parse_order(answer.body);
  if (!order) return fail(protocol_failure(std::move(order).error()), effects);
  if (step_ == step::ordering) {
    const auto* location = answer.find("Location");
    if (location == nullptr || location->empty())
      return fail(
          own_failure(fault_kind::malformed, failure_class::server, "the CA names no order URL"),
          effects);
    url_ = *location;
    effects.emplace_back(order_created{url_});
  }
  go_on_with(*order, answer, now, effects);
}

void order_state::go_on_with(const order_object& order, const client::response& answer,
                             mono_time now, order_effects& effects) {
  finalize_url_ = order.finalize;
  switch (order.status) {
    case object_status::pending:
      if (!authorizations_read_) {
        authorizations_ = order.authorizations;
        position_ = 0;
        return read_next_authorization(now, effects);
      }
      return poll_later(url_, &answer, now, effects);  // all proved, the CA has not noticed yet
    case object_status::ready:
      if (!finalized_) return finalize(effects);
      return poll_later(url_, &answer, now, effects);
    case object_status::processing:
      step_ = step::finalizing;
      return poll_later(url_, &answer, now, effects);
    case object_status::valid: step_ = step::downloading; return get(order.certificate, effects);
    case object_status::invalid:
    case object_status::gone: break;
  }
  begin_again_or_fail(
      order.error ? failure_from(*order.error, "order")
                  : own_failure(fault_kind::conflict, failure_class::order, "the order is invalid"),
      effects);
}

// -- authorizations ------------------------------------------------------------------------------------

void order_state::read_next_authorization(mono_time now, order_effects& effects) {
  step_ = step::reading_authorizations;
  authorizations_read_ = true;
  if (position_ < authorizations_.size()) return get(authorizations_[position_], effects);
  if (!proofs_.empty()) return publish_all(now, effects);
  step_ = step::reading_order;  // everything was proved earlier
  get(url_, effects);
}

void order_state::on_authorization(const client::response& answer, mono_time now,
                                   order_effects& effects) {
  auto a = parse_authorization(answer.body);
  if (!a) return fail(protocol_failure(std::move(a).error()), effects);
  if (a->status == object_status::pending) {
    choose_challenge(*a, effects);
    if (done()) return;
  } else if (a->status != object_status::valid) {
    return begin_again_or_fail(
        own_failure(fault_kind::conflict, failure_class::order,
                    fmt::format("the authorization of {} is no longer good", a->identifier)),
        effects);
  }
  ++position_;
  read_next_authorization(now, effects);
}

void order_state::choose_challenge(const authorization_object& a, order_effects& effects) {
  for (const auto type : options_.challenges)
    for (const auto& c : a.challenges)
      if (c.type == type) {
        proof p;
        p.what = {type, ascii::to_lower(a.identifier), c.token, c.token + "." + thumbprint_};
        p.challenge_url = c.url;
        p.authorization_url = authorizations_[position_];
        p.triggered = c.status != object_status::pending;  // by the owner before us
        proofs_.push_back(std::move(p));
        return;
      }
  fail(own_failure(
           fault_kind::unsupported, failure_class::rejected,
           fmt::format("for {} the CA offers only {}", a.identifier, fmt::join(a.offered, ", "))),
       effects);
}

// -- challenges ----------------------------------------------------------------------------------------

void order_state::publish_all(mono_time now, order_effects& effects) {
  step_ = step::publishing;
  publish_by_ = now + options_.publish_deadline;
  for (auto& p : proofs_) {
    p.shown = true;
    effects.emplace_back(publish_challenge{p.what});
  }
  effects.emplace_back(wake_at{std::min(publish_by_, give_up_at_)});
}

void order_state::trigger_next(mono_time now, order_effects& effects) {
  step_ = step::triggering;
  for (auto& p : proofs_)
    if (!p.triggered) {
      p.triggered = true;
      return post(p.challenge_url, "{}", effects);
    }
  step_ = step::checking;
  position_ = 0;
  pause_ = options_.first_poll;
  check_next(nullptr, now, effects);
}

// Asks for one authorization after the other; a round without news is followed by a pause.
void order_state::check_next(const client::response* last, mono_time now, order_effects& effects) {
  while (position_ < proofs_.size() && proofs_[position_].valid) ++position_;
  if (position_ < proofs_.size() && last == nullptr)
    return get(proofs_[position_].authorization_url, effects);
  if (all(&proof::valid)) {
    step_ = step::reading_order;
    pause_ = options_.first_poll;
    return get(url_, effects);
  }
  if (position_ >= proofs_.size()) {
    position_ = 0;
    while (proofs_[position_].valid) ++position_;
  }
  poll_later(proofs_[position_].authorization_url, last, now, effects);
}

void order_state::on_checked(const client::response& answer, mono_time now,
                             order_effects& effects) {
  auto a = parse_authorization(answer.body);
  if (!a) return fail(protocol_failure(std::move(a).error()), effects);
  auto& p = proofs_[position_];
  if (a->status == object_status::valid) {
    p.valid = true;
    withdraw(p, effects);
    return check_next(nullptr, now, effects);
  }
  if (a->status == object_status::pending) {
    // The others may have been checked meanwhile; wait only after the last of the round.
    const bool last_of_round = ++position_ >= proofs_.size();
    return check_next(last_of_round ? &answer : nullptr, now, effects);
  }
  for (const auto& c : a->challenges)
    if (c.error)
      return fail(failure_from(*c.error, fmt::format("{} of {}", to_string(c.type), a->identifier)),
                  effects);
  fail(own_failure(fault_kind::refused, failure_class::validation,
                   fmt::format("the CA could not check {}", a->identifier)),
       effects);
}

// -- the certificate -----------------------------------------------------------------------------------

void order_state::finalize(order_effects& effects) {
  auto csr = make_csr(key_, options_.names, options_.subject);
  if (!csr)
    return fail({failure_class::rejected, std::move(csr).error(), std::nullopt, std::nullopt},
                effects);
  step_ = step::finalizing;
  finalized_ = true;
  pause_ = options_.first_poll;
  post(finalize_url_, fmt::format(R"({{"csr":"{}"}})", base64url_encode(*csr)), effects);
}

void order_state::on_certificate(const client::response& answer, order_effects& effects) {
  auto info = inspect_chain(answer.body);
  if (!info) return fail(protocol_failure(std::move(info).error()), effects);
  const auto ours = belongs_to(answer.body, key_);
  if (!ours || !*ours)
    return begin_again_or_fail(own_failure(fault_kind::invalid, failure_class::order,
                                           "the certificate is for another key"),
                               effects);
  if (info->names != options_.names)
    return begin_again_or_fail(own_failure(fault_kind::invalid, failure_class::order,
                                           fmt::format("the certificate is for other names: {}",
                                                       fmt::join(info->names, ", "))),
                               effects);
  step_ = step::done;
  effects.emplace_back(order_completed{answer.body, key_.pem(), std::move(*info)});
}

// -- common --------------------------------------------------------------------------------------------

void order_state::refused(failure why, mono_time now, order_effects& effects) {
  const std::string_view said = why.said ? std::string_view(why.said->type) : std::string_view();
  // Asked too early: the order is still being looked at.
  if (step_ == step::finalizing && said == "orderNotReady") {
    finalized_ = false;
    step_ = step::reading_order;
    return poll_later(url_, nullptr, now, effects);
  }
  // The certificate to be replaced has been replaced already: then this is simply a new one.
  if (step_ == step::ordering && said == "alreadyReplaced" && !options_.replaces.empty()) {
    options_.replaces.clear();
    return order_anew(effects);
  }
  if (why.what == failure_class::order) return begin_again_or_fail(std::move(why), effects);
  fail(std::move(why), effects);
}

void order_state::post(std::string url, std::string payload, order_effects& effects) {
  waits_for_answer_ = true;
  effects.emplace_back(signed_post{post_to::url, std::move(url), std::move(payload)});
}

void order_state::poll_later(std::string url, const client::response* last, mono_time now,
                             order_effects& effects) {
  auto wait = std::exchange(pause_, std::min(pause_ + pause_ / 2, options_.longest_poll));
  if (const auto asked = last != nullptr ? retry_after(*last) : std::nullopt)
    wait = std::clamp<milliseconds>(*asked, options_.first_poll, longest_obeyed_wait);
  poll_url_ = std::move(url);
  poll_at_ = now + wait;
  effects.emplace_back(wake_at{std::min(poll_at_, give_up_at_)});
}

void order_state::withdraw(proof& p, order_effects& effects) {
  if (!std::exchange(p.shown, false)) return;
  effects.emplace_back(withdraw_challenge{p.what});
}

void order_state::fail(failure why, order_effects& effects) {
  for (auto& p : proofs_) withdraw(p, effects);
  const bool dead = why.what != failure_class::server && why.what != failure_class::rate_limited;
  step_ = step::done;
  effects.emplace_back(order_failed{std::move(why), dead});
}

order_state::proof* order_state::proof_of(std::string_view token) {
  const auto at = std::find_if(proofs_.begin(), proofs_.end(),
                               [&](const proof& p) { return p.what.token == token; });
  return at == proofs_.end() ? nullptr : &*at;
}

bool order_state::all(bool proof::*flag) const {
  return std::all_of(proofs_.begin(), proofs_.end(), [flag](const proof& p) { return p.*flag; });
}

}  // namespace stagedoor::acme
