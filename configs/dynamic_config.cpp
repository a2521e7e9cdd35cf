// SPDX-License-Identifier: Apache-2.0
#include "configs/dynamic_config.hpp"

#include "configs/service_reader.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::configs {
namespace {

std::vector<reference> references(section& s, std::string_view key, std::string_view provider) {
  std::vector<std::string> names;
  s.list(key, names);
  std::vector<reference> out;
  for (auto& name : names)
    out.push_back({provider.empty() ? std::move(name) : qualified(name, provider),
                   s.item_at(key, out.size())});
  return out;
}

void read_router(section& s, std::string name, dynamic_config& out) {
  router r;
  r.name = std::move(name);
  r.where = s.where();
  s.text("rule", r.rule);
  r.rule_at = s.where("rule");
  std::string service;
  s.text("service", service);
  r.service = {service.empty() ? "" : qualified(service, out.provider), s.where("service")};
  r.entry_points = references(s, "entryPoints", "");
  r.middlewares = references(s, "middlewares", out.provider);
  constexpr std::int64_t most =
      std::numeric_limits<std::int64_t>::max() - 1'000;  // above: internal routers
  s.number("priority", r.priority, std::numeric_limits<std::int64_t>::min() + 1, most);
  s.presence("tls", [&](section& t) { r.tls = read_router_tls(t); });
  std::string syntax = "v3";
  s.one_of("ruleSyntax", syntax, {"v2", "v3"});
  r.v2_syntax = syntax == "v2";
  s.idle({"observability", "parentRefs"});
  out.routers.push_back(std::move(r));
}

/// Reads one element; when that made errors, its name goes to `broken` and it is left out.
template <class Container, class Read>
void guarded(section& s, std::string name, Container& elements, dynamic_config& out,
             const Read& read) {
  const auto errors = s.context().out.errors();
  const auto before = elements.size();
  read();
  s.finish();
  if (s.context().out.errors() == errors) return;
  elements.resize(before);
  out.broken.push_back(std::move(name));
}

void read_http(section& s, dynamic_config& out) {
  s.each("routers", [&](const std::string& name, section& e) {
    const auto full = qualified(name, out.provider);
    guarded(e, full, out.routers, out, [&] { read_router(e, full, out); });
  });
  s.each("services", [&](const std::string& name, section& e) {
    const auto full = qualified(name, out.provider);
    guarded(e, full, out.services, out, [&] {
      if (auto read = read_service(e, full, out.provider)) out.services.push_back(std::move(*read));
    });
  });
  s.each("middlewares", [&](const std::string& name, section& e) {
    const auto full = qualified(name, out.provider);
    guarded(e, full, out.middlewares, out, [&] {
      if (auto kind = read_middleware(e, out.provider))
        out.middlewares.push_back({full, e.where(), std::move(*kind)});
    });
  });
  s.each("serversTransports", [&](const std::string& name, section& e) {
    const auto full = qualified(name, out.provider);
    guarded(e, full, out.transports, out,
            [&] { out.transports.push_back(read_servers_transport(e, full)); });
  });
  s.idle({"models"});
}

tls_certificate read_certificate(section& s) {
  tls_certificate out;
  out.where = s.where();
  s.text("certFile", out.cert_file);
  s.text("keyFile", out.key_file);
  if (out.cert_file.empty()) s.error("certFile", "a path or a PEM text");
  if (out.key_file.empty()) s.error("keyFile", "a path or a PEM text");
  return out;
}

void read_options(section& s, tls_options& out) {
  s.one_of("minVersion", out.min_version,
           {"VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"});
  s.one_of("maxVersion", out.max_version,
           {"VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"});
  s.list("cipherSuites", out.cipher_suites);
  s.list("curvePreferences", out.curves);
  s.list("alpnProtocols", out.alpn);
  s.boolean("sniStrict", out.sni_strict);
  s.idle({"clientAuth", "disableSessionTickets"});
  s.removed("preferServerCipherSuites",
            "Go and OpenSSL choose the order of cipher suites themselves");
}

void read_tls(section& s, dynamic_config& out) {
  s.items("certificates", [&](section& e) {
    auto certificate = read_certificate(e);
    e.list("stores", certificate.stores);
    out.certificates.push_back(std::move(certificate));
  });
  s.each("options", [&](const std::string& name, section& e) {
    tls_options options;
    options.name = name == "default" ? name : qualified(name, out.provider);
    options.where = e.where();
    read_options(e, options);
    out.options.push_back(std::move(options));
  });
  s.each("stores", [&](const std::string& name, section& e) {
    tls_store store;
    store.name = name;
    store.where = e.where();
    e.block("defaultCertificate",
            [&](section& c) { store.default_certificate = read_certificate(c); });
    e.idle({"defaultGeneratedCert"});
    out.stores.push_back(std::move(store));
  });
}

}  // namespace

std::string qualified(std::string_view name, std::string_view provider) {
  if (name.find('@') != std::string_view::npos || provider.empty()) return std::string(name);
  return fmt::format("{}@{}", name, provider);
}

dynamic_config read_dynamic(reader& r, const node& root, std::string_view provider) {
  dynamic_config out;
  out.provider = provider;
  if (root.type == node::kind::scalar || root.type == node::kind::list) {
    r.out.expected({r.file, root.at.line, root.at.column}, "", "a mapping", described(root));
    return out;
  }
  section s(r, root, "");
  s.block("http", [&](section& h) { read_http(h, out); });
  s.block("tls", [&](section& t) { read_tls(t, out); });
  s.idle({"tcp", "udp"});
  s.finish();
  return out;
}

}  // namespace stagedoor::configs
