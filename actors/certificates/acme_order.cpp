// SPDX-License-Identifier: Apache-2.0
#include "actors/certificates/acme_order.hpp"

#include "actors/loop_gateway.hpp"
#include "actors/publishers/changes.hpp"
#include "actors/support/actor_names.hpp"
#include "messages/publishing.hpp"
#include "messages/supervision.hpp"
#include "messages/support.hpp"
#include "runtime/acme/certbot_store.hpp"
#include "runtime/base/log.hpp"

#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

constexpr milliseconds post_deadline =
    seconds(55);  ///< the account has deadlines of its own, shorter
constexpr milliseconds publish_deadline = seconds(10);

acme::order_options order_options_of(const acme_order_options& o) {
  acme::order_options out;
  out.names = {o.host};
  out.profile = o.profile;
  return out;
}

acme::failure trouble(const fault& f) {
  return {acme::failure_class::server, f, std::nullopt, std::nullopt};
}

std::string challenge_key(const acme::challenge& c) {
  return fmt::format("{}/{}", c.domain, c.token);
}

}  // namespace

acme_order::acme_order(caf::actor_config& cfg, const node_parts& parts, acme_order_options options)
    : shell(cfg, "acme_order"),
      parts_(parts),
      options_(std::move(options)),
      state_(options_.key, options_.thumbprint, order_options_of(options_)) {}

caf::behavior acme_order::make_behavior() {
  ask<messages::child_location>(
      this, find_name(system(), "accounts"), messages::locate_child{options_.resolver}, seconds(5),
      [this](messages::child_location& found) {
        account_ = found.handle;
        run(state_.start(now()));
      },
      [this](const fault& f) {
        over({options_.host, options_.number, {}, trouble(f)});
      });
  return {
      [this](const lineage_written& m) { written(m); },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) run(state_.tick(now()));
      },
  };
}

void acme_order::stop_requested(const end_reason&) {
  for (auto& effect : state_.abandon())
    if (const auto* w = std::get_if<acme::withdraw_challenge>(&effect)) withdraw(w->what);
  quit();
}

void acme_order::run(acme::order_effects effects) {
  for (auto& effect : effects) {
    if (auto* p = std::get_if<acme::signed_post>(&effect)) {
      post(std::move(*p));
    } else if (const auto* w = std::get_if<acme::wake_at>(&effect)) {
      timer_.arm(*this, w->when);
    } else if (const auto* c = std::get_if<acme::publish_challenge>(&effect)) {
      publish(c->what);
    } else if (const auto* d = std::get_if<acme::withdraw_challenge>(&effect)) {
      withdraw(d->what);
    } else if (auto* o = std::get_if<acme::order_completed>(&effect)) {
      completed(std::move(*o));
    } else if (const auto* f = std::get_if<acme::order_failed>(&effect)) {
      over({options_.host, options_.number, {}, f->why});
    }
  }
}

void acme_order::post(acme::signed_post what) {
  ask<request_signed>(
      this, account_, sign_request{std::move(what)}, post_deadline,
      [this](request_signed& answer) { run(state_.answered(std::move(answer.outcome), now())); },
      [this](const fault& f) { run(state_.answered(trouble(f), now())); });
}

void acme_order::publish(const acme::challenge& c) {
  ask<messages::published>(
      this, find_name(system(), "challenges"),
      change_challenges{{[key = challenge_key(c), proof = c.key_authorization](auto& table) {
        table.put(key, proof);
      }}},
      publish_deadline,
      [this, token = c.token](messages::published&) {
        run(state_.challenge_published(token, now()));
      },
      [this, token = c.token](const fault& f) { run(state_.challenge_failed(token, f, now())); });
}

void acme_order::withdraw(const acme::challenge& c) {
  tell(find_name(system(), "challenges"),
       change_challenges{{[key = challenge_key(c)](auto& table) { table.erase(key); }}});
}

void acme_order::completed(acme::order_completed made) {
  made_ = std::move(made);
  const bool posted = parts_.files->post(
      [to = address(), folder = parts_.config->node.certificates.directory, host = options_.host,
       pair = acme::certificate_pair{made_.chain_pem, made_.key_pem}, server = options_.ca_server] {
        loop_gateway::send(to, lineage_written{acme::write_lineage(
                                   folder, acme::lineage_name({host}), pair, server)});
      });
  if (!posted)
    written({fault{fault_kind::overloaded, fault_side::self, retryable::yes,
                   "the files loop is busy"}});
}

void acme_order::written(const lineage_written& m) {
  // A full disk costs the file, not the certificate: it is served from memory, and said.
  if (!m.path)
    log::error("certificate not written",
               {{"host", options_.host}, {"error", m.path.error().detail}});
  auto made = tls::certificate::parse(made_.chain_pem, made_.key_pem, options_.host);
  if (made)
    over({options_.host, options_.number, *std::move(made), {}});
  else
    over({options_.host, options_.number, {}, trouble(made.error())});
}

void acme_order::over(order_over result) {
  tell(find_name(system(), "certs"), std::move(result));
  quit();
}

}  // namespace stagedoor::actors
