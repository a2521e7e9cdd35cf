// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/objects.hpp"

#include "runtime/client/json.hpp"

#include <fmt/format.h>

namespace stagedoor::acme {

namespace {

using client::json;
using client::member;
using client::text_of;

constexpr std::size_t max_url = 4096;

fault malformed(std::string detail) {
  return {fault_kind::malformed, fault_side::upstream, retryable::yes, std::move(detail)};
}

bool is_url(std::string_view text) {
  return text.size() <= max_url && (text.starts_with("https://") || text.starts_with("http://"));
}

object_status status_of(const json* from) {
  static constexpr std::pair<std::string_view, object_status> words[] = {
      {"pending", object_status::pending},       {"ready", object_status::ready},
      {"processing", object_status::processing}, {"valid", object_status::valid},
      {"invalid", object_status::invalid},
  };
  const auto text = text_of(from, "status");
  for (const auto& [word, status] : words)
    if (text == word) return status;
  return object_status::gone;
}

std::optional<problem> error_of(const json* from) {
  const auto* error = member(from, "error");
  if (error == nullptr || !error->is_object()) return std::nullopt;
  auto parsed = parse_problem(error->dump(-1, ' ', false, json::error_handler_t::replace));
  return parsed ? std::optional(std::move(*parsed)) : std::nullopt;
}

challenge_object challenge_from(const json& one, challenge_type type) {
  challenge_object c;
  c.type = type;
  c.status = status_of(&one);
  c.url = text_of(&one, "url");
  c.token = text_of(&one, "token");
  c.error = error_of(&one);
  return c;
}

}  // namespace

result<directory> parse_directory(std::string_view text) {
  const auto parsed = client::parse_json(text, "ACME directory");
  if (!parsed) return parsed.error();
  const json* from = &*parsed;
  const auto* meta = member(from, "meta");
  directory d;
  d.new_nonce = text_of(from, "newNonce");
  d.new_account = text_of(from, "newAccount");
  d.new_order = text_of(from, "newOrder");
  d.revoke_cert = text_of(from, "revokeCert");
  d.key_change = text_of(from, "keyChange");
  d.renewal_info = text_of(from, "renewalInfo");
  const auto* external = member(meta, "externalAccountRequired");
  d.external_account_required =
      external != nullptr && external->is_boolean() && external->get<bool>();
  if (const auto* profiles = member(meta, "profiles"); profiles != nullptr && profiles->is_object())
    for (const auto& [name, description] : profiles->items()) d.profiles.push_back(name);
  for (const auto* url : {&d.new_nonce, &d.new_account, &d.new_order})
    if (!is_url(*url))
      return malformed("ACME directory: newNonce, newAccount or newOrder is missing");
  return d;
}

result<order_object> parse_order(std::string_view text) {
  const auto parsed = client::parse_json(text, "order");
  if (!parsed) return parsed.error();
  const json* from = &*parsed;
  order_object o;
  o.status = status_of(from);
  o.authorizations = client::texts_of(from, "authorizations");
  o.finalize = text_of(from, "finalize");
  o.certificate = text_of(from, "certificate");
  o.error = error_of(from);
  if (text_of(from, "status").empty()) return malformed("order: no status");
  if (o.authorizations.size() > max_names) return malformed("order: too many authorizations");
  for (const auto& url : o.authorizations)
    if (!is_url(url)) return malformed("order: an authorization is not a URL");
  if (!is_url(o.finalize)) return malformed("order: finalize is not a URL");
  if (o.status == object_status::valid && !is_url(o.certificate))
    return malformed("order: valid, but without a certificate");
  return o;
}

result<authorization_object> parse_authorization(std::string_view text) {
  const auto parsed = client::parse_json(text, "authorization");
  if (!parsed) return parsed.error();
  const json* from = &*parsed;
  authorization_object a;
  a.status = status_of(from);
  a.identifier = text_of(member(from, "identifier"), "value");
  if (text_of(from, "status").empty() || a.identifier.empty())
    return malformed("authorization: no status or no identifier");
  const auto* challenges = member(from, "challenges");
  if (challenges == nullptr || !challenges->is_array() || challenges->size() > max_names)
    return malformed("authorization: no challenges, or too many");
  for (const auto& one : *challenges) {
    const auto word = text_of(&one, "type").substr(0, 64);
    a.offered.push_back(word);
    const auto type = challenge_type_of(word);
    if (!type) continue;
    auto c = challenge_from(one, *type);
    if (is_url(c.url) && is_token(c.token)) a.challenges.push_back(std::move(c));
  }
  return a;
}

}  // namespace stagedoor::acme
