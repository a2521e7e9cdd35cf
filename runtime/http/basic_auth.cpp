// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/basic_auth.hpp"

#include "runtime/base/base64.hpp"
#include "runtime/http/middleware_state.hpp"
#include "runtime/http/password_checker.hpp"
#include "runtime/tls/digest.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::http {
namespace {

/// What exchange_notes::pending points to meanwhile.
struct pending_check {
  std::shared_ptr<const password_check> check;
  mono_time since;
};

struct credentials {
  std::string user;
  std::string password;
};

std::optional<credentials> read_credentials(const field_list& fields) {
  const auto sent = fields.find("Authorization").value_or("");
  constexpr std::string_view scheme = "Basic ";
  if (sent.size() < scheme.size() || !ascii::iequals(sent.substr(0, scheme.size()), scheme))
    return std::nullopt;
  const auto pair = base64_decode(ascii::trim(sent.substr(scheme.size())));
  if (!pair) return std::nullopt;
  const auto colon = pair->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return credentials{pair->substr(0, colon), pair->substr(colon + 1)};
}

verdict unavailable(exchange& x) {
  x.answer.status = 503;
  x.answer.body = "Service Unavailable";
  return verdict::respond;
}

}  // namespace

result<middleware_ptr> basic_auth::make(std::string qualified_name, basic_auth_options options) {
  const auto bad = [](std::string_view expected) {
    return fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
                 std::string(expected)};
  };
  if (options.users.empty()) return bad("expected at least one user");
  if (options.realm.find_first_of("\"\\\r\n") != std::string::npos)
    return bad("expected a realm without quotes, backslashes and line ends");
  if (options.header_field.find_first_of(" :\r\n") != std::string::npos)
    return bad("expected a header name in headerField");
  return middleware_ptr(new basic_auth(std::move(qualified_name), std::move(options)));
}

basic_auth::basic_auth(std::string qualified_name, basic_auth_options options)
    : middleware(std::move(qualified_name)), options_(std::move(options)) {
  challenge_ = fmt::format("Basic realm=\"{}\"", options_.realm);
}

verdict basic_auth::on_request(exchange& x) const {
  const auto sent = read_credentials(x.request.head->fields);
  if (!sent) return decide(x, false, {});
  return check(x, sent->user, sent->password);
}

verdict basic_auth::check(exchange& x, const std::string& user, const std::string& password) const {
  const auto found = std::find_if(options_.users.begin(), options_.users.end(),
                                  [&](const htpasswd_user& u) { return u.name == user; });
  const bool is_known = found != options_.users.end();
  const std::string& hash = is_known ? found->hash : options_.users.front().hash;
  if (is_cheap_hash(hash)) return decide(x, verify_password(hash, password) && is_known, user);
  const auto remembered = x.state->known_passwords().key_of(hash, password);
  if (is_known && x.state->known_passwords().contains(remembered)) return decide(x, true, user);

  if (x.notes.pending == nullptr) {
    auto* const checker = x.state->passwords();
    auto submitted = checker != nullptr ? checker->submit(hash, password) : nullptr;
    if (submitted == nullptr) return unavailable(x);
    x.notes.pending = std::make_shared<pending_check>(pending_check{std::move(submitted), x.now});
  }
  const auto& pending = *static_cast<const pending_check*>(x.notes.pending.get());
  const check_state state = pending.check->state.load(std::memory_order_acquire);
  if (state == check_state::waiting) {
    if (x.now - pending.since > longest_check) {
      x.notes.pending.reset();
      return unavailable(x);
    }
    x.hold_until = x.now + look_again;
    return verdict::wait;
  }
  x.notes.pending.reset();
  const bool let_in = state == check_state::right && is_known;
  if (let_in) x.state->known_passwords().remember(remembered);
  return decide(x, let_in, user);
}

verdict basic_auth::decide(exchange& x, bool let_in, std::string_view user) const {
  if (!let_in) {
    x.answer.status = 401;
    x.answer.fields.push_back({"Content-Type", "text/plain"});
    x.answer.fields.push_back({"WWW-Authenticate", challenge_});
    x.answer.body = "401 Unauthorized\n";
    return verdict::respond;
  }
  x.edits.user = x.memory.copy(user);
  if (!options_.header_field.empty()) x.edits.fields.set(options_.header_field, x.edits.user);
  if (options_.remove_header) x.edits.fields.remove("Authorization");
  return verdict::proceed;
}

}  // namespace stagedoor::http
