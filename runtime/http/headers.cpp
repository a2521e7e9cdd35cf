// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/headers.hpp"

#include "runtime/base/base64.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <sys/random.h>

namespace stagedoor::http {
namespace {

constexpr std::string_view nonce_mark = "$NONCE";

bool is_token(std::string_view name) noexcept {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return ascii::is_alpha(c) || ascii::is_digit(c) || marks.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view value) noexcept {
  return std::none_of(value.begin(), value.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u < 0x20 && c != '\t') || u == 0x7f;
  });
}

fault cannot_send(std::string_view name, std::string_view value) {
  return {fault_kind::invalid, fault_side::operator_input, retryable::no,
          fmt::format("expected a header name and a value in one line, got '{}: {}'", name, value)};
}

std::string join(const std::vector<std::string>& items) {
  return fmt::format("{}", fmt::join(items, ","));
}

std::string sts_value(const headers_options& o) {
  std::string value = fmt::format("max-age={}", o.sts_seconds);
  if (o.sts_include_subdomains) value += "; includeSubDomains";
  if (o.sts_preload) value += "; preload";
  return value;
}

/// 16 random bytes as base64: what the source expression of a policy needs to be unguessable.
std::string make_nonce() {
  std::array<char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return {};
  return base64_encode({bytes.data(), bytes.size()});
}

std::string_view with_nonce(exchange& x, std::string_view policy) {
  if (policy.find(nonce_mark) == std::string_view::npos) return policy;
  const std::string source = "'nonce-" + make_nonce() + "'";
  std::string out;
  for (auto at = policy.find(nonce_mark); at != std::string_view::npos;
       at = policy.find(nonce_mark)) {
    out.append(policy.substr(0, at)).append(source);
    policy.remove_prefix(at + nonce_mark.size());
  }
  return x.memory.copy(out.append(policy));
}

}  // namespace

result<middleware_ptr> headers::make(std::string qualified_name, headers_options options) {
  std::vector<regexp> origins;
  for (const auto& pattern : options.allow_origin_regexps) {
    auto compiled = regexp::compile(pattern);
    if (!compiled) return std::move(compiled).error();
    origins.push_back(std::move(*compiled));
  }
  for (const auto* list : {&options.custom_request, &options.custom_response})
    for (const auto& [field_name, value] : *list)
      if (!is_token(field_name) || !is_field_value(value)) return cannot_send(field_name, value);
  std::shared_ptr<headers> made(
      new headers(std::move(qualified_name), std::move(options), std::move(origins)));
  made->compose();
  for (const auto* list : {&made->always_, &made->secure_})
    for (const auto& [field_name, value] : *list)
      if (!is_field_value(value)) return cannot_send(field_name, value);
  for (const auto* value : {&made->allow_headers_, &made->allow_methods_, &made->expose_headers_})
    if (!is_field_value(*value)) return cannot_send("Access-Control", *value);
  return middleware_ptr(std::move(made));
}

headers::headers(std::string qualified_name, headers_options options, std::vector<regexp> origins)
    : middleware(std::move(qualified_name)),
      options_(std::move(options)),
      origin_patterns_(std::move(origins)) {}

void headers::compose() {
  const auto& o = options_;
  const auto always = [this](std::string_view field_name, std::string_view value) {
    if (!value.empty()) always_.emplace_back(field_name, value);
  };
  always("X-Frame-Options", !o.custom_frame_options.empty() ? o.custom_frame_options
                            : o.frame_deny                  ? "DENY"
                                                            : "");
  always("X-Content-Type-Options", o.content_type_nosniff ? "nosniff" : "");
  always("X-XSS-Protection", !o.custom_browser_xss.empty() ? o.custom_browser_xss
                             : o.browser_xss_filter        ? "1; mode=block"
                                                           : "");
  always("Content-Security-Policy", o.content_security_policy);
  always("Content-Security-Policy-Report-Only", o.content_security_policy_report_only);
  always("Referrer-Policy", o.referrer_policy);
  always("Permissions-Policy", o.permissions_policy);
  if (!o.is_development) {
    if (o.sts_seconds != 0)
      (o.force_sts ? always_ : secure_).emplace_back("Strict-Transport-Security", sts_value(o));
    if (!o.public_key.empty()) secure_.emplace_back("Public-Key-Pins", o.public_key);
  }
  has_cors_ = o.allow_credentials || !o.allow_headers.empty() || !o.allow_methods.empty() ||
              !o.allow_origins.empty() || !o.allow_origin_regexps.empty() ||
              !o.expose_headers.empty() || o.max_age != 0 || o.add_vary;
  allow_headers_ = join(o.allow_headers);
  allow_methods_ = join(o.allow_methods);
  expose_headers_ = join(o.expose_headers);
  max_age_ = fmt::format("{}", o.max_age);
}

verdict headers::on_request(exchange& x) const {
  const field_list& fields = x.request.head->fields;
  if (!is_allowed_host(x)) {
    x.answer.status = 500;
    x.answer.fields.push_back({"Content-Type", "text/plain; charset=utf-8"});
    x.answer.fields.push_back({"X-Content-Type-Options", "nosniff"});
    x.answer.body = "Bad Host\n";
    return verdict::respond;
  }
  x.notes.secure = is_secure(x);
  if (has_cors_) {
    const auto origin = fields.find("Origin").value_or("");
    x.notes.cors_origin = origin.empty() ? origin : allowed_origin(origin);
    if (x.request.head->method == "OPTIONS" && !origin.empty() &&
        !fields.find("Access-Control-Request-Method").value_or("").empty())
      return answer_preflight(x);
  }
  edit_request(x);
  return verdict::proceed;
}

void headers::edit_request(exchange& x) const {
  for (const auto& [field_name, value] : options_.custom_request) {
    if (ascii::iequals(field_name, "Host")) {
      x.edits.authority = value;
    } else if (!value.empty()) {
      x.edits.fields.set(field_name, value);
    } else {
      x.edits.fields.remove(field_name);
      if (ascii::iequals(field_name, "X-Forwarded-For")) x.edits.append_forwarded_for = false;
    }
  }
}

void headers::on_response(exchange& x, const response_facts& response) const {
  auto& out = x.answer_edits.fields;
  for (const auto& [field_name, value] : always_) out.set(field_name, with_nonce(x, value));
  if (x.notes.secure)
    for (const auto& [field_name, value] : secure_) out.set(field_name, value);
  for (const auto& [field_name, value] : options_.custom_response) {
    if (value.empty()) {
      out.remove(field_name);
    } else {
      out.set(field_name, value);
    }
  }
  if (!has_cors_) return;
  if (!x.notes.cors_origin.empty()) out.set("Access-Control-Allow-Origin", x.notes.cors_origin);
  if (options_.allow_credentials) out.set("Access-Control-Allow-Credentials", "true");
  if (!expose_headers_.empty()) out.set("Access-Control-Expose-Headers", expose_headers_);
  if (options_.add_vary) add_vary_origin(x, response);
}

void headers::add_vary_origin(exchange& x, const response_facts& response) const {
  auto& out = x.answer_edits.fields;
  const auto now_sent = out.find(response.head->fields, "Vary").value_or("");
  if (now_sent == "Origin") return;
  out.set("Vary", now_sent.empty() ? "Origin" : x.memory.join({now_sent, ",Origin"}));
}

bool headers::is_secure(const exchange& x) const noexcept {
  if (x.request.connection->tls) return true;
  return std::any_of(options_.ssl_proxy_headers.begin(), options_.ssl_proxy_headers.end(),
                     [&](const auto& wanted) {
                       return x.request.head->fields.find(wanted.first) == wanted.second;
                     });
}

bool headers::is_allowed_host(const exchange& x) const noexcept {
  if (options_.allowed_hosts.empty() || options_.is_development) return true;
  std::string_view host = x.request.head->authority;
  for (const auto& name_of_host : options_.hosts_proxy_headers)
    if (const auto sent = x.request.head->fields.find(name_of_host); sent && !sent->empty()) {
      host = *sent;
      break;
    }
  return std::any_of(options_.allowed_hosts.begin(), options_.allowed_hosts.end(),
                     [&](const std::string& allowed) { return ascii::iequals(allowed, host); });
}

std::string_view headers::allowed_origin(std::string_view origin) const {
  for (const auto& item : options_.allow_origins) {
    if (item == "*") return options_.allow_credentials ? origin : std::string_view(item);
    if (item == origin) return item;
  }
  for (const auto& pattern : origin_patterns_)
    if (pattern.search(origin)) return origin;
  return {};
}

verdict headers::answer_preflight(exchange& x) const {
  x.answer.status = 200;
  const auto say = [&](std::string_view field_name, std::string_view value) {
    if (!value.empty()) x.answer.fields.push_back({field_name, value});
  };
  say("Access-Control-Allow-Credentials", options_.allow_credentials ? "true" : "");
  say("Access-Control-Allow-Headers", allow_headers_);
  say("Access-Control-Allow-Methods", allow_methods_);
  say("Access-Control-Allow-Origin", x.notes.cors_origin);
  say("Access-Control-Max-Age", max_age_);
  if (options_.add_vary) say("Vary", "Origin");
  return verdict::respond;
}

}  // namespace stagedoor::http
