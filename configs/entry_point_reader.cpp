// SPDX-License-Identifier: Apache-2.0
#include "configs/entry_point_reader.hpp"

#include <fmt/format.h>

namespace stagedoor::configs {
namespace {

void read_address(section& s, entry_point& out) {
  std::string text;
  s.text("address", text);
  const auto address = parse_listen_address(text);
  if (address) {
    out.address = *address;
  } else {
    s.error("address", address.error().detail);
  }
  if (out.address.protocol == listen_address::transport::udp)
    s.context().out.error(s.where("address"),
                          fmt::format("{}: UDP entry points are not implemented", s.path()));
}

void read_trusted(section& s, trusted_peers& out) {
  s.boolean("insecure", out.insecure);
  s.list("trustedIPs", out.trusted_ips);
  for (const auto& ip : out.trusted_ips)
    if (!is_ip_or_cidr(ip))
      s.context().out.expected(s.where("trustedIPs"), s.path("trustedIPs"),
                               "an IP address or CIDR block", shown(ip));
}

void read_redirections(section& s, entry_point& out) {
  s.block("entryPoint", [&](section& e) {
    entry_redirection to;
    to.where = e.where("to");
    e.text("to", to.to);
    e.text("scheme", to.scheme);
    e.boolean("permanent", to.permanent);
    e.number("priority", to.priority, std::numeric_limits<std::int64_t>::min() + 1);
    if (to.to.empty()) {
      e.error("to", "an entry point's name or :port");
      return;
    }
    out.redirection = std::move(to);
  });
}

void read_http(section& s, entry_point& out) {
  s.block("redirections", [&](section& r) { read_redirections(r, out); });
  s.list("middlewares", out.middlewares);
  out.middlewares_at = s.where("middlewares");
  s.presence("tls", [&](section& t) { out.tls = read_router_tls(t); });
  s.boolean("encodeQuerySemicolons", out.encode_query_semicolons);
  s.boolean("sanitizePath", out.sanitize_path);
  s.number("maxHeaderBytes", out.header_bytes, 1'024, 1 << 26);
  s.idle({"encodedCharacters", "underscoreHeadersStrategy"});
}

void read_transport(section& s, entry_point& out) {
  s.block("lifeCycle", [&](section& l) {
    l.duration("requestAcceptGraceTimeout", out.request_accept_grace);
    l.duration("graceTimeOut", out.grace_timeout);
  });
  s.block("respondingTimeouts", [&](section& t) {
    t.duration("readTimeout", out.read_timeout);
    t.duration("writeTimeout", out.write_timeout);
    t.duration("idleTimeout", out.idle_timeout);
  });
  s.number("keepAliveMaxRequests", out.keep_alive_max_requests, 0,
           std::numeric_limits<std::int32_t>::max());
  s.duration("keepAliveMaxTime", out.keep_alive_max_time);
}

}  // namespace

entry_point read_entry_point(const std::string& name, section& s) {
  entry_point out;
  out.name = name;
  out.where = s.where();
  read_address(s, out);
  s.boolean("asDefault", out.as_default);
  s.block("http", [&](section& h) { read_http(h, out); });
  s.block("transport", [&](section& t) { read_transport(t, out); });
  s.presence("forwardedHeaders", [&](section& f) {
    read_trusted(f, out.forwarded_headers);
    f.idle({"connection", "notAppendXForwardedFor"});
  });
  s.presence("proxyProtocol", [&](section& p) {
    out.proxy_protocol.emplace();
    read_trusted(p, *out.proxy_protocol);
  });
  s.block("http2", [&](section& h) {
    h.number("maxConcurrentStreams", out.http2_streams, 1, 1'000'000);
    h.idle({"maxDecoderHeaderTableSize", "maxEncoderHeaderTableSize"});
  });
  s.idle({"allowACMEByPass", "reusePort", "http3", "udp", "observability"});
  return out;
}

}  // namespace stagedoor::configs
