// SPDX-License-Identifier: Apache-2.0
#include "tests/acme/fake_ca.hpp"

#include "runtime/acme/openssl.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/base/base64.hpp"
#include "runtime/client/json.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace stagedoor::test {

namespace {

using client::json;
using client::response;

response json_answer(unsigned status, const json& body) {
  response r;
  r.status = status;
  r.body = body.dump();
  return r;
}

std::string payload_of(const client::request& r) {
  if (r.body.empty()) return {};
  const auto outer = json::parse(r.body);
  return base64url_decode(outer.at("payload").get<std::string>()).value();
}

}  // namespace

fake_ca::fake_ca() : key_(*acme::private_key::create(acme::key_type::ec256)) {}

response fake_ca::problem(unsigned status, const std::string& type, const std::string& detail,
                          std::vector<client::header> headers) {
  auto r =
      json_answer(status, {{"type", "urn:ietf:params:acme:error:" + type}, {"detail", detail}});
  r.headers = std::move(headers);
  return r;
}

std::size_t fake_ca::count(const std::string& path) const { return times(path).size(); }

std::vector<mono_time> fake_ca::times(const std::string& path) const {
  std::vector<mono_time> all;
  for (const auto& s : log)
    if (s.path == path) all.push_back(s.at);
  return all;
}

result<response> fake_ca::answer(const client::request& r, mono_time now) {
  const auto path = r.url.substr(origin.size());
  log.push_back({r.method, path, payload_of(r), now});
  result<response> said = response{};
  if (auto& queue = canned_[path]; !queue.empty()) {
    said = std::move(queue.front());
    queue.pop_front();
  } else if (const auto at = fixed_.find(path); at != fixed_.end()) {
    said = at->second;
  } else {
    said = handle(path, log.back().payload);
  }
  // As RFC 8555 6.5 has it: with answers to POST, and where nonces are asked for.
  if (said && path != "/dir")
    said->headers.push_back({"Replay-Nonce", "nonce" + std::to_string(++nonce_)});
  return said;
}

response fake_ca::handle(const std::string& path, const std::string& payload) {
  if (path == "/dir")
    return json_answer(200, {{"newNonce", origin + "/nonce"},
                             {"newAccount", origin + "/account"},
                             {"newOrder", origin + "/order"}});
  if (path == "/nonce") return json_answer(200, {});
  if (path == "/account") {
    auto r = json_answer(201, {{"status", "valid"}});
    r.headers.push_back({"Location", origin + "/account/1"});
    return r;
  }
  if (path == "/order") {
    names_.clear();
    status_ = "pending";
    const auto wanted = json::parse(payload);
    for (const auto& one : wanted.at("identifiers")) names_.push_back(one.at("value"));
    return order_answer(201);
  }
  if (path == "/o/1") {
    if (triggered_.size() == names_.size() && status_ == "pending") status_ = "ready";
    if (status_ == "processing" && polled_[path]++ >= polls_before_issued) status_ = "valid";
    return order_answer(200);
  }
  if (path.starts_with("/a/")) {
    const auto index = std::stoul(path.substr(3));
    const bool tried = triggered_.contains("/c/" + path.substr(3));
    std::string status = "pending";
    if (tried && polled_[path]++ >= checks_before_valid)
      status = invalid_error.empty() ? "valid" : "invalid";
    json challenges = json::array();
    for (const auto& type : offered) {
      json one{{"type", type},
               {"url", origin + "/c/" + path.substr(3)},
               {"token", token + path.substr(3)},
               {"status", status}};
      if (status == "invalid") one["error"] = json::parse(invalid_error);
      challenges.push_back(one);
    }
    auto r = json_answer(200, {{"status", status},
                               {"identifier", {{"type", "dns"}, {"value", names_.at(index)}}},
                               {"challenges", challenges}});
    if (poll_header) r.headers.push_back({"Retry-After", *poll_header});
    return r;
  }
  if (path.starts_with("/c/")) {
    triggered_.insert(path);
    return json_answer(200, {{"status", "processing"}});
  }
  if (path == "/f/1") {
    chain_ = issue(*base64url_decode(json::parse(payload).at("csr").get<std::string>()));
    status_ = "processing";
    return order_answer(200);
  }
  if (path == "/cert/1") {
    response r;
    r.status = 200;
    r.body = chain_;
    return r;
  }
  return problem(404, "malformed", "no such thing");
}

response fake_ca::order_answer(unsigned status) {
  json body{{"status", status_}, {"finalize", origin + "/f/1"}, {"authorizations", json::array()}};
  for (std::size_t i = 0; i < names_.size(); ++i)
    body["authorizations"].push_back(origin + "/a/" + std::to_string(i));
  if (status_ == "valid") body["certificate"] = origin + "/cert/1";
  auto r = json_answer(status, body);
  if (status == 201) r.headers.push_back({"Location", origin + "/o/1"});
  if (poll_header && status_ == "processing") r.headers.push_back({"Retry-After", *poll_header});
  return r;
}

std::string fake_ca::issue(std::string_view csr_der) {
  const auto* at = reinterpret_cast<const unsigned char*>(csr_der.data());
  const std::unique_ptr<X509_REQ, acme::freed_by<X509_REQ_free>> csr(
      d2i_X509_REQ(nullptr, &at, static_cast<long>(csr_der.size())));
  const std::unique_ptr<X509, acme::freed_by<X509_free>> made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 4711);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 90L * 24 * 3600);
  X509_set_pubkey(made.get(),
                  issue_for_another_key ? key_.native() : X509_REQ_get0_pubkey(csr.get()));
  const auto names = acme::subject_alternative_names(
      issue_for_another_name ? std::vector<std::string>{"other.test"} : names_);
  const std::unique_ptr<X509_EXTENSION, acme::freed_by<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()));
  X509_add_ext(made.get(), extension.get(), -1);
  X509_sign(made.get(), key_.native(), EVP_sha256());
  const auto out = acme::new_memory();
  PEM_write_bio_X509(out.get(), made.get());
  return acme::text_in(out);
}

// -- fake_run ------------------------------------------------------------------------------------------

namespace {

acme::ca_options pointed_at(const fake_ca& ca, acme::ca_options options) {
  options.directory_url = ca.origin + "/dir";
  return options;
}

}  // namespace

fake_run::fake_run(fake_ca& with, acme::ca_options options)
    : ca(with),
      account(*acme::private_key::create(acme::key_type::ec256)),
      certificate_key(*acme::private_key::create(acme::key_type::ec256)),
      session(account, pointed_at(with, std::move(options))) {}

void fake_run::run(acme::order_options options) {
  order_.emplace(certificate_key, account.thumbprint(), std::move(options));
  completed.reset();
  failed.reset();
  apply(order_->start(now));
  for (int steps = 0; steps < 100'000 && step(); ++steps) {
  }
}

// One thing that happens: an answer, or the next moment at which something was to be done.
bool fake_run::step() {
  if (!next_.empty()) {
    const auto happens = std::move(next_.front());
    next_.pop_front();
    happens();
    return true;
  }
  if (order_->done() || (!session_wake_ && !order_wake_)) return false;
  const bool session_first = session_wake_ && (!order_wake_ || *session_wake_ <= *order_wake_);
  auto& wake = session_first ? session_wake_ : order_wake_;
  now = std::max(now, *wake);
  wake.reset();
  if (session_first)
    apply(session.tick(now));
  else
    apply(order_->tick(now));
  return true;
}

void fake_run::apply(acme::session_effects effects) {
  for (auto& effect : effects) {
    if (auto* http = std::get_if<acme::send_http>(&effect)) {
      auto said = ca.answer(http->what, now);
      next_.emplace_back([this, id = http->id, said = std::move(said)] {
        apply(session.answered(id, said, now));
      });
    } else if (auto* wake = std::get_if<acme::wake_at>(&effect)) {
      session_wake_ = wake->when;
    } else if (auto* answered = std::get_if<acme::post_answered>(&effect)) {
      next_.emplace_back([this, outcome = std::move(answered->outcome)] {
        apply(order_->answered(outcome, now));
      });
    }
  }
}

void fake_run::apply(acme::order_effects effects) {
  for (auto& effect : effects) {
    if (auto* post = std::get_if<acme::signed_post>(&effect)) {
      apply(session.post(1, std::move(*post), now));
    } else if (auto* wake = std::get_if<acme::wake_at>(&effect)) {
      order_wake_ = wake->when;
    } else if (auto* publish = std::get_if<acme::publish_challenge>(&effect)) {
      published.push_back(publish->what);
      const auto token = publish->what.token;
      if (publish_fault)
        next_.emplace_back(
            [this, token] { apply(order_->challenge_failed(token, *publish_fault, now)); });
      else if (confirm)
        next_.emplace_back([this, token] { apply(order_->challenge_published(token, now)); });
    } else if (auto* withdraw = std::get_if<acme::withdraw_challenge>(&effect)) {
      withdrawn.push_back(withdraw->what);
    } else if (auto* order = std::get_if<acme::order_created>(&effect)) {
      created.push_back(order->url);
    } else if (auto* good = std::get_if<acme::order_completed>(&effect)) {
      completed = std::move(*good);
    } else if (auto* bad = std::get_if<acme::order_failed>(&effect)) {
      failed = std::move(*bad);
    }
  }
}

}  // namespace stagedoor::test
