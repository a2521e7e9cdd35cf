// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/acme_json.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/base/base64.hpp"
#include "runtime/base/file.hpp"
#include "runtime/client/json.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace stagedoor::acme {

namespace {

using client::json;

// Go reads member names in any case, and Traefik's own have changed over time.
const json* member(const json* from, std::string_view name) {
  if (from == nullptr || !from->is_object()) return nullptr;
  for (const auto& [key, value] : from->items())
    if (ascii::iequals(key, name)) return &value;
  return nullptr;
}

std::string text(const json* from, std::string_view name) {
  const auto* value = member(from, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::string decoded(const json* from, std::string_view name) {
  return base64_decode(text(from, name), base64_form::lenient).value_or(std::string());
}

stored_account account_of(const json* from, std::string_view where,
                          std::vector<std::string>& warnings) {
  stored_account account;
  account.email = text(from, "Email");
  account.url = text(member(from, "Registration"), "uri");
  const auto der = decoded(from, "PrivateKey");
  if (der.empty()) return account;
  if (const auto key = private_key::from_der(der))
    account.key_pem = key->pem();
  else
    warnings.push_back(
        fmt::format("{}: the account's key is left out: {}", where, key.error().detail));
  return account;
}

result<stored_certificate> certificate_of(const json& from) {
  stored_certificate c;
  c.chain_pem = decoded(&from, "certificate");
  c.key_pem = decoded(&from, "key");
  auto info = inspect_chain(c.chain_pem);
  if (!info) return std::move(info).error();
  const auto key = private_key::from_pem(c.key_pem);
  if (!key) return key.error();
  const auto belongs = belongs_to(c.chain_pem, *key);
  if (!belongs) return belongs.error();
  if (!*belongs)
    return fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
                 "the key is another one's"};
  c.info = std::move(*info);
  return c;
}

stored_resolver resolver_of(const json* from, std::string_view where,
                            std::vector<std::string>& warnings) {
  stored_resolver resolver;
  resolver.account = account_of(member(from, "Account"), where, warnings);
  const auto* list = member(from, "Certificates");
  if (list == nullptr || !list->is_array()) return resolver;
  std::map<std::vector<std::string>, stored_certificate> by_names;
  for (const auto& one : *list) {
    auto c = certificate_of(one);
    if (!c) {
      warnings.push_back(fmt::format("{}: the certificate of {} is left out: {}", where,
                                     text(member(&one, "domain"), "main"), c.error().detail));
      continue;
    }
    auto& kept = by_names[c->info.names];
    if (kept.chain_pem.empty() || kept.info.not_after < c->info.not_after) kept = std::move(*c);
  }
  for (auto& [names, c] : by_names) resolver.certificates.push_back(std::move(c));
  return resolver;
}

}  // namespace

result<acme_json> parse_acme_json(std::string_view bytes) {
  acme_json all;
  if (ascii::trim(bytes).empty()) return all;  // `touch acme.json` is how people begin
  const auto parsed = client::parse_json(bytes, "acme.json");
  if (!parsed)
    return fault{parsed.error().kind, fault_side::operator_input, retryable::no,
                 parsed.error().detail};
  const json* from = &*parsed;
  if (from->is_null()) return all;
  if (!from->is_object())
    return fault{fault_kind::malformed, fault_side::operator_input, retryable::no,
                 "acme.json: expected an object"};
  const auto* account = member(from, "Account");
  const auto* certificates = member(from, "Certificates");
  const bool flat = (certificates != nullptr && !certificates->is_object()) ||
                    (account != nullptr && member(account, "Registration") != nullptr);
  if (flat) {
    all.resolvers.emplace("", resolver_of(from, "acme.json", all.warnings));
    return all;
  }
  for (const auto& [name, value] : from->items())
    all.resolvers.emplace(name, resolver_of(&value, "acme.json: " + name, all.warnings));
  return all;
}

result<acme_json> load_acme_json(const std::string& path) {
  const auto content = read_file(path, max_acme_json, fault_side::self);
  if (!content) return content.error();
  auto all = parse_acme_json(content->bytes);
  if (all && (content->mode & 077U) != 0)
    all->warnings.push_back(fmt::format(
        "{}: holds private keys, but its mode is {:04o}; it should be 0600", path, content->mode));
  return all;
}

}  // namespace stagedoor::acme
