// SPDX-License-Identifier: Apache-2.0
#include "tests/acme/issuer.hpp"

namespace stagedoor::test {

namespace {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

}  // namespace

issuer::issuer(loop& where, client::http_client& http, acme::private_key account,
               acme::ca_options options, challenge_board board)
    : loop_(where),
      http_(http),
      session_(std::move(account), std::move(options)),
      board_(std::move(board)),
      wake_([this] { apply(session_.tick(loop_.now())); }) {}

void issuer::order(acme::private_key key, acme::order_options options, callback done) {
  const auto id = ++last_id_;
  running r;
  r.state = std::make_unique<acme::order_state>(std::move(key), session_.key().thumbprint(),
                                                std::move(options));
  r.wake =
      std::make_unique<timer>([this, id] { apply(id, orders_.at(id).state->tick(loop_.now())); });
  r.done = std::move(done);
  auto& kept = orders_[id] = std::move(r);
  apply(id, kept.state->start(loop_.now()));
}

void issuer::apply(acme::session_effects effects) {
  for (auto& effect : effects)
    std::visit(overloaded{
                   [&](acme::send_http& e) { send(e.id, std::move(e.what)); },
                   [&](acme::wake_at& e) { loop_.arm(wake_, e.when); },
                   [&](acme::account_ready&) {},
                   [&](acme::session_failed& e) { last_failure_ = to_string(e.why.why); },
                   [&](acme::post_answered& e) {
                     const auto at = orders_.find(e.post);
                     if (at != orders_.end())
                       apply(e.post, at->second.state->answered(std::move(e.outcome), loop_.now()));
                   },
               },
               effect);
}

void issuer::send(std::uint64_t id, client::request what) {
  if (what.url == session_.resources().new_account) ++account_requests_;
  const auto sent = http_.send(std::move(what), [this, id](result<client::response> answer) {
    apply(session_.answered(id, std::move(answer), loop_.now()));
  });
  if (!sent)
    loop_.defer([this, id, why = sent.error()] { apply(session_.answered(id, why, loop_.now())); });
}

void issuer::apply(std::uint64_t id, acme::order_effects effects) {
  auto& r = orders_.at(id);
  bool ended = false;
  for (auto& effect : effects)
    std::visit(
        overloaded{
            [&](acme::signed_post& e) { apply(session_.post(id, std::move(e), loop_.now())); },
            [&](acme::wake_at& e) { loop_.arm(*r.wake, e.when); },
            [&](acme::order_created& e) { r.outcome.order_url = e.url; },
            [&](acme::publish_challenge& e) {
              ++r.outcome.published;
              board_.publish(e.what, [this, id, token = e.what.token] {
                const auto at = orders_.find(id);
                if (at != orders_.end())
                  apply(id, at->second.state->challenge_published(token, loop_.now()));
              });
            },
            [&](acme::withdraw_challenge& e) {
              ++r.outcome.withdrawn;
              board_.withdraw(e.what);
            },
            [&](acme::order_completed& e) {
              r.outcome.completed = std::move(e);
              ended = true;
            },
            [&](acme::order_failed& e) {
              r.outcome.failed = std::move(e);
              ended = true;
            },
        },
        effect);
  if (!ended) return;
  auto entry = orders_.extract(id);
  loop_.dispose(std::move(entry.mapped().wake));  // may be the timer that brought us here
  entry.mapped().done(std::move(entry.mapped().outcome));
}

}  // namespace stagedoor::test
