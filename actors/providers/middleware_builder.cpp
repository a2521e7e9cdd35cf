// SPDX-License-Identifier: Apache-2.0
#include "actors/providers/middleware_builder.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/base/file.hpp"
#include "runtime/http/accept_encoding.hpp"
#include "runtime/http/basic_auth.hpp"
#include "runtime/http/compress.hpp"
#include "runtime/http/headers.hpp"
#include "runtime/http/htpasswd.hpp"
#include "runtime/http/ip_range.hpp"
#include "runtime/http/path_rewrite.hpp"
#include "runtime/http/rate_limit.hpp"
#include "runtime/http/redirect.hpp"
#include "runtime/http/regexp.hpp"

#include <fmt/format.h>
#include <set>

namespace stagedoor::actors {
namespace {

using http::middleware_ptr;

fault wrong(std::string detail) {
  return {fault_kind::invalid, fault_side::operator_input, retryable::no, std::move(detail)};
}

result<http::source_criterion> source_of(const configs::source_criterion& from) {
  http::source_criterion out;
  if (from.request_host) {
    out.by = http::source_criterion::kind::host;
  } else if (!from.request_header.empty()) {
    out.by = http::source_criterion::kind::header;
    out.header = from.request_header;
  }
  out.ip.depth = from.ip_depth;
  out.ip.ipv6_subnet = from.ipv6_subnet;
  for (const auto& text : from.excluded_ips) {
    auto range = http::ip_range::parse(text);
    if (!range) return range.error();
    out.ip.excluded.push_back(*std::move(range));
  }
  return out;
}

http::headers_options options_of(const configs::headers_middleware& from) {
  http::headers_options out;
  out.custom_request = from.custom_request_headers;
  out.custom_response = from.custom_response_headers;
  out.frame_deny = from.frame_deny;
  out.custom_frame_options = from.custom_frame_options;
  out.content_type_nosniff = from.content_type_nosniff;
  out.browser_xss_filter = from.browser_xss_filter;
  out.custom_browser_xss = from.custom_browser_xss;
  out.sts_seconds = from.sts_seconds;
  out.sts_include_subdomains = from.sts_include_subdomains;
  out.sts_preload = from.sts_preload;
  out.force_sts = from.force_sts_header;
  out.content_security_policy = from.content_security_policy;
  out.content_security_policy_report_only = from.content_security_policy_report_only;
  out.public_key = from.public_key;
  out.referrer_policy = from.referrer_policy;
  out.permissions_policy = from.permissions_policy;
  out.is_development = from.is_development;
  out.allowed_hosts = from.allowed_hosts;
  out.hosts_proxy_headers = from.hosts_proxy_headers;
  out.ssl_proxy_headers = from.ssl_proxy_headers;
  out.allow_credentials = from.cors.allow_credentials;
  out.allow_headers = from.cors.allow_headers;
  out.allow_methods = from.cors.allow_methods;
  out.allow_origins = from.cors.allow_origins;
  out.allow_origin_regexps = from.cors.allow_origin_regexes;
  out.expose_headers = from.cors.expose_headers;
  out.max_age = from.cors.max_age;
  out.add_vary = from.cors.add_vary_header;
  return out;
}

result<void> add_user(std::string_view line, http::basic_auth_options& into) {
  auto user = http::parse_htpasswd_line(line);
  if (!user) return user.error();
  into.users.push_back(*std::move(user));
  return {};
}

/// One middleware of each kind; the chain is not one of them.
struct builder {
  const std::string& name;

  result<middleware_ptr> operator()(const configs::unsupported_middleware& m) const {
    return wrong(fmt::format("middleware kind \"{}\" is not supported yet", m.kind));
  }
  result<middleware_ptr> operator()(const configs::headers_middleware& m) const {
    return http::headers::make(name, options_of(m));
  }
  result<middleware_ptr> operator()(const configs::rate_limit_middleware& m) const {
    auto source = source_of(m.source);
    if (!source) return source.error();
    return middleware_ptr(std::make_shared<http::rate_limit>(
        name, http::rate_limit_options{m.average, m.period, m.burst, *std::move(source)}));
  }
  result<middleware_ptr> operator()(const configs::compress_middleware& m) const {
    http::compress_options options;
    options.encodings.clear();
    for (const auto& text : m.encodings) {
      const auto coding = http::parse_coding(text);
      if (!coding)
        return wrong(fmt::format("encodings: expected gzip, br or zstd, got \"{}\"", text));
      options.encodings.push_back(*coding);
    }
    if (!m.default_encoding.empty()) {
      options.default_encoding = http::parse_coding(m.default_encoding);
      if (!options.default_encoding)
        return wrong(fmt::format("defaultEncoding: expected gzip, br or zstd, got \"{}\"",
                                 m.default_encoding));
    }
    options.min_response_body_bytes = m.min_response_body_bytes;
    options.excluded_types = m.excluded_content_types;
    options.included_types = m.included_content_types;
    return middleware_ptr(std::make_shared<http::compress>(name, std::move(options)));
  }
  result<middleware_ptr> operator()(const configs::redirect_scheme_middleware& m) const {
    return middleware_ptr(std::make_shared<http::redirect_scheme>(
        name, http::redirect_scheme_options{m.scheme, m.port, m.permanent}));
  }
  result<middleware_ptr> operator()(const configs::redirect_regex_middleware& m) const {
    auto pattern = http::regexp::compile(m.regex);
    if (!pattern) return pattern.error();
    return middleware_ptr(std::make_shared<http::redirect_regex>(name, *std::move(pattern),
                                                                 m.replacement, m.permanent));
  }
  result<middleware_ptr> operator()(const configs::strip_prefix_middleware& m) const {
    return middleware_ptr(std::make_shared<http::strip_prefix>(name, m.prefixes));
  }
  result<middleware_ptr> operator()(const configs::add_prefix_middleware& m) const {
    return middleware_ptr(std::make_shared<http::add_prefix>(name, m.prefix));
  }
  result<middleware_ptr> operator()(const configs::replace_path_middleware& m) const {
    return middleware_ptr(std::make_shared<http::replace_path>(name, m.path));
  }
  result<middleware_ptr> operator()(const configs::basic_auth_middleware& m) const {
    http::basic_auth_options options;
    for (const auto& line : m.users)
      if (auto added = add_user(line, options); !added) return added.error();
    if (!m.users_file.empty()) {
      const auto file = read_file(m.users_file, max_users_file);
      if (!file)
        return wrong(fmt::format("usersFile: {} cannot be read{}", m.users_file,
                                 file.error().detail.substr(m.users_file.size())));
      for (const auto line : ascii::split(file->bytes, '\n')) {
        const auto text = ascii::trim(line);
        if (text.empty() || text.front() == '#') continue;
        if (options.users.size() == max_users)
          return wrong(fmt::format("usersFile: more than {} users", max_users));
        if (auto added = add_user(text, options); !added) return added.error();
      }
    }
    options.realm = m.realm;
    options.header_field = m.header_field;
    options.remove_header = m.remove_header;
    return http::basic_auth::make(name, std::move(options));
  }
  result<middleware_ptr> operator()(const configs::chain_middleware&) const {
    return wrong("a chain is no middleware of its own");
  }
};

/// Replaces the names in a chain by what they stand for. False when one is missing, or too deep.
bool flatten(const std::map<std::string, const configs::middleware*>& chains,
             const std::string& name, const middleware_map& plain, std::size_t depth,
             std::vector<middleware_ptr>& out, std::string& missing) {
  if (const auto found = plain.find(name); found != plain.end()) {
    out.insert(out.end(), found->second.begin(), found->second.end());
    if (out.size() <= max_chain_parts) return true;
    missing = name;
    return false;
  }
  const auto chain = chains.find(name);
  if (chain == chains.end() || depth == max_chain_depth) {
    missing = name;
    return false;
  }
  for (const auto& part : std::get<configs::chain_middleware>(chain->second->kind).middlewares)
    if (!flatten(chains, part, plain, depth + 1, out, missing)) return false;
  return true;
}

}  // namespace

void build_middlewares(const std::vector<const configs::dynamic_config*>& from,
                       middleware_map& into, configs::diagnostics& out) {
  std::set<std::string_view> seen;
  std::map<std::string, const configs::middleware*> chains;
  for (const auto* provider : from)
    for (const auto& m : provider->middlewares) {
      if (!seen.insert(m.name).second) continue;
      if (std::holds_alternative<configs::chain_middleware>(m.kind)) {
        chains.emplace(m.name, &m);
        continue;
      }
      auto built = std::visit(builder{m.name}, m.kind);
      if (built)
        into[m.name] = {*std::move(built)};
      else
        out.error(m.where, fmt::format("middleware \"{}\": {}", m.name, built.error().detail));
    }
  middleware_map flat;
  for (const auto& [name, chain] : chains) {
    std::vector<middleware_ptr> parts;
    std::string missing;
    if (flatten(chains, name, into, 0, parts, missing))
      flat[name] = std::move(parts);
    else
      out.error(chain->where, fmt::format("chain \"{}\": \"{}\" does not exist, could not be "
                                          "built, or makes the chain too long",
                                          name, missing));
  }
  for (auto& [name, parts] : flat) into[name] = std::move(parts);
}

}  // namespace stagedoor::actors
