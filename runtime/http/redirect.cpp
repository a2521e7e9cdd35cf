// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/redirect.hpp"

#include "runtime/http/authority.hpp"
#include "runtime/http/forwarded.hpp"
#include "runtime/http/status.hpp"

#include <fmt/format.h>

namespace stagedoor::http {
namespace {

bool is_default_port(std::string_view scheme, std::string_view port) noexcept {
  return (scheme == "http" && port == "80") || (scheme == "https" && port == "443");
}

std::string_view uri_of(exchange& x) {
  if (x.edits.query.empty()) return x.edits.path;
  return x.memory.join({x.edits.path, "?", x.edits.query});
}

std::string_view url_of(exchange& x, std::string_view scheme) {
  const auto [host, port] = split_authority(x.request.head->authority);
  const bool with_port = !port.empty() && !is_default_port(scheme, port);
  return x.memory.join(
      {scheme, "://", host, with_port ? ":" : "", with_port ? port : "", uri_of(x)});
}

/// Nothing that could end the field or the URI may come out of a replacement.
std::string escaped(std::string_view url) {
  std::string out;
  for (const char c : url) {
    const auto u = static_cast<unsigned char>(c);
    if (u <= 0x20 || u >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\' || c == '^' ||
        c == '`' || c == '{' || c == '|' || c == '}') {
      out += fmt::format("%{:02X}", u);
    } else {
      out += c;
    }
  }
  return out;
}

verdict redirect(exchange& x, std::string_view location, bool permanent) {
  const bool get = x.request.head->method == "GET";
  x.answer.status = static_cast<std::uint16_t>(permanent ? (get ? 301 : 308) : (get ? 302 : 307));
  x.answer.fields.push_back({"Location", x.memory.copy(escaped(location))});
  x.answer.body = reason_phrase(x.answer.status);
  return verdict::respond;
}

}  // namespace

redirect_scheme::redirect_scheme(std::string qualified_name, redirect_scheme_options options)
    : middleware(std::move(qualified_name)), options_(std::move(options)) {
  if (!options_.port.empty() && !is_default_port(options_.scheme, options_.port))
    port_suffix_ = ":" + options_.port;
}

verdict redirect_scheme::on_request(exchange& x) const {
  std::string_view scheme = forwarded_proto(x.request);
  if (ascii::iequals(scheme, "ws")) scheme = "http";
  if (ascii::iequals(scheme, "wss")) scheme = "https";
  const auto [host, port] = split_authority(x.request.head->authority);
  if (host.empty()) return verdict::proceed;  // HTTP/1.0 without Host: there is no URL to send to
  const bool same_port = is_default_port(scheme, port) || port.empty()
                             ? port_suffix_.empty()
                             : !port_suffix_.empty() && port_suffix_.substr(1) == port;
  if (ascii::iequals(scheme, options_.scheme) && same_port) return verdict::proceed;
  return redirect(x, x.memory.join({options_.scheme, "://", host, port_suffix_, uri_of(x)}),
                  options_.permanent);
}

verdict redirect_regex::on_request(exchange& x) const {
  const std::string_view url = url_of(x, x.request.connection->tls ? "https" : "http");
  if (!pattern_.search(url)) return verdict::proceed;
  const std::string replaced = pattern_.replace_all(url, replacement_);
  if (replaced == url) return verdict::proceed;
  return redirect(x, replaced, permanent_);
}

}  // namespace stagedoor::http
