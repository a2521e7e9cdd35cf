// SPDX-License-Identifier: Apache-2.0
#include "actors/certificates/acme_account.hpp"

#include "actors/loop_gateway.hpp"
#include "messages/support.hpp"
#include "runtime/acme/files.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/log.hpp"

#include <caf/actor_cast.hpp>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

constexpr std::size_t max_key_bytes = 64U << 10U;
constexpr std::size_t max_url_bytes = 4096;
constexpr std::size_t max_authority_bytes = 1U << 20U;

acme::ca_options options_of(const configs::certificate_resolver& r, const configs::settings& node,
                            const std::string& folder) {
  acme::ca_options out;
  out.directory_url = r.ca_server;
  out.email = r.email;
  if (r.eab) out.external = acme::external_account{r.eab->kid, r.eab->hmac};
  // Read once, at the start of the actor; a few bytes each.
  for (const auto& file : r.ca_certificates) {
    if (const auto pem = stagedoor::read_file(node.edge_path(file), max_authority_bytes))
      out.tls.ca_pem += pem->bytes + '\n';
    else
      log::error("certificate authority's own certificate not read",
                 {{"resolver", r.name}, {"error", pem.error().detail}});
  }
  if (const auto url = stagedoor::read_file(folder + "/account.url", max_url_bytes))
    out.account_url = std::string(ascii::trim(url->bytes));
  return out;
}

}  // namespace

std::string account_folder(const configs::settings& node, const std::string& resolver) {
  return fmt::format("{}/acme/{}", node.node.data_dir, resolver);
}

result<acme::private_key> account_key(const std::string& folder) {
  const std::string path = folder + "/account.key";
  if (const auto stored = stagedoor::read_file(path, max_key_bytes))
    return acme::private_key::from_pem(stored->bytes);
  else if (stored.error().kind != fault_kind::not_found)
    return stored.error();  // a key that cannot be read is not replaced: the account hangs on it
  auto made = acme::private_key::create(acme::key_type::ec256);
  if (!made) return made;
  if (auto folder_made = acme::make_folder(folder, 0700); !folder_made) return folder_made.error();
  if (auto written = acme::write_file(path, made->pem(), 0600); !written) return written.error();
  return made;
}

acme_account::acme_account(caf::actor_config& cfg, const node_parts& parts,
                           const configs::certificate_resolver& resolver, acme::private_key key)
    : shell(cfg, "acme_account"),
      parts_(parts),
      folder_(account_folder(parts.config->node, resolver.name)),
      session_(std::move(key), options_of(resolver, parts.config->node, folder_)) {}

caf::behavior acme_account::make_behavior() {
  return {
      [this](const sign_request& m) {
        const auto post = ++last_post_;
        callers_.emplace(post, promise<request_signed>(this));
        run(session_.post(post, m.what, now()));
      },
      [this](const http_answered& m) { run(session_.answered(m.id, m.answer, now())); },
      [this](const messages::tick& t) {
        if (timer_.due(*this, t)) run(session_.tick(now()));
      },
  };
}

void acme_account::run(acme::session_effects effects) {
  for (auto& effect : effects) {
    if (auto* s = std::get_if<acme::send_http>(&effect)) {
      send(std::move(*s));
    } else if (const auto* w = std::get_if<acme::wake_at>(&effect)) {
      if (!timer_.when() || w->when < *timer_.when()) timer_.arm(*this, w->when);
    } else if (const auto* a = std::get_if<acme::account_ready>(&effect)) {
      keep_url(a->url);
    } else if (const auto* f = std::get_if<acme::session_failed>(&effect)) {
      log::warning("certificate authority is out of reach", {{"error", f->why.why.detail}});
    } else if (auto* p = std::get_if<acme::post_answered>(&effect)) {
      auto node = callers_.extract(p->post);
      if (!node.empty()) node.mapped().deliver({std::move(p->outcome)});
    }
  }
}

void acme_account::send(acme::send_http what) {
  const auto to = address();
  const auto id = what.id;
  const auto sent =
      parts_.http->send(std::move(what.what), [to, id](result<client::response> answer) {
        loop_gateway::send(to, http_answered{id, std::move(answer)});
      });
  if (!sent) loop_gateway::send(to, http_answered{id, sent.error()});
}

void acme_account::keep_url(const std::string& url) {
  // Lost, it is asked for again: the key is what counts.
  (void)parts_.files->post([path = folder_ + "/account.url", url] {
    if (const auto written = acme::write_file(path, url + "\n", 0600); !written)
      log::warning("account url not kept", {{"error", to_string(written.error())}});
  });
}

}  // namespace stagedoor::actors
