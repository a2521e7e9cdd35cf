// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/forwarded.hpp"

#include "runtime/http/authority.hpp"

#include <array>

namespace stagedoor::http {
namespace {

using enum forwarded_field;

struct spelling {
  std::string_view name;
  forwarded_field field;
};

constexpr std::array spellings{
    spelling{"X-Real-Ip", real_ip},
    spelling{"X-Forwarded-Proto", proto},
    spelling{"X-Forwarded-Scheme", scheme},
    spelling{"X-Forwarded-For", for_},
    spelling{"X-Forwarded-Host", host},
    spelling{"X-Forwarded-Port", port},
    spelling{"X-Forwarded-Server", server},
    spelling{"X-Forwarded-Uri", uri},
    spelling{"X-Forwarded-Method", method},
    spelling{"X-Forwarded-Prefix", prefix},
    spelling{"X-Forwarded-Tls-Client-Cert", tls_client_cert},
    spelling{"X-Forwarded-Tls-Client-Cert-Info", tls_client_cert_info},
    spelling{"X-Scheme", x_scheme},
};

bool same_name(std::string_view sent, std::string_view name) noexcept {
  for (std::size_t i = 0; i < name.size(); ++i)
    if (ascii::lower(sent[i] == '_' ? '-' : sent[i]) != ascii::lower(name[i])) return false;
  return true;
}

bool is_websocket(const request_head& head) noexcept {
  if (!head.wants_upgrade) return false;
  const auto protocol = head.fields.find("Upgrade");
  return protocol && ascii::iequals(*protocol, "websocket");
}

std::string_view own_proto(const request_facts& r) noexcept {
  if (is_websocket(*r.head)) return r.connection->tls ? "wss" : "ws";
  return r.connection->tls ? "https" : "http";
}

/// What a trusted peer sent.
struct received {
  bool has_real_ip = false;
  bool has_host = false;
  bool has_port = false;
  std::string_view proto;
  std::string_view for_list;
};

/// Looks at all fields once; those that may not pass are dropped.
received sift(exchange& x) {
  received got;
  const bool trusted = x.request.connection->trusted;
  for (const auto& f : x.request.head->fields.all()) {
    if (f.name.empty() || ascii::lower(f.name.front()) != 'x') continue;
    const forwarded_field what = classify_forwarded(f.name);
    if (what == none) continue;
    if (!trusted) {
      x.edits.fields.drop(f.name);
      continue;
    }
    if (x.edits.fields.drops(f.name) || f.name.find('_') != std::string_view::npos) continue;
    switch (what) {
      case real_ip: got.has_real_ip = true; break;
      case host: got.has_host = true; break;
      case port: got.has_port = true; break;
      case proto: got.proto = f.value; break;
      case for_:
        got.for_list =
            got.for_list.empty() ? f.value : x.memory.join({got.for_list, ", ", f.value});
        break;
      default: break;
    }
  }
  return got;
}

}  // namespace

forwarded_field classify_forwarded(std::string_view name) noexcept {
  if (name.size() < 8 || ascii::lower(name.front()) != 'x') return none;
  for (const auto& s : spellings)
    if (s.name.size() == name.size() && same_name(name, s.name)) return s.field;
  return none;
}

void forwarded::apply(exchange& x) const {
  auto& edits = x.edits.fields;
  const connection_facts& c = *x.request.connection;
  const request_head& head = *x.request.head;
  // A middleware that took a field away did so on purpose: it is not added again.
  const auto taken_away = [&](std::string_view name) {
    return edits.drops(name) && !edits.find_added(name);
  };
  const bool no_real_ip = taken_away("X-Real-Ip");
  const bool no_proto = taken_away("X-Forwarded-Proto");
  const bool no_port = taken_away("X-Forwarded-Port");
  const bool no_host = taken_away("X-Forwarded-Host");
  const received got = sift(x);
  const auto added = [&](std::string_view name) { return edits.find_added(name); };
  if (!no_real_ip && !got.has_real_ip && !added("X-Real-Ip")) edits.add("X-Real-Ip", c.client_ip);
  std::string_view scheme_sent = got.proto;
  if (const auto set = added("X-Forwarded-Proto")) {
    scheme_sent = *set;
  } else if (scheme_sent.empty()) {
    scheme_sent = own_proto(x.request);
    if (!no_proto) edits.add("X-Forwarded-Proto", scheme_sent);
  }
  if (!no_port && !got.has_port && !added("X-Forwarded-Port")) {
    const auto port_sent = split_authority(head.authority).port;
    const bool secure = scheme_sent == "https" || scheme_sent == "wss";
    edits.add("X-Forwarded-Port", !port_sent.empty() ? port_sent : secure ? "443" : "80");
  }
  if (!no_host && !got.has_host && !added("X-Forwarded-Host") && !head.authority.empty())
    edits.add("X-Forwarded-Host", head.authority);
  edits.set("X-Forwarded-Server", options_.server_name);
  if (!options_.append_for || !x.edits.append_forwarded_for) return;
  std::string_view list = got.for_list;
  if (const auto set = added("X-Forwarded-For")) list = *set;
  edits.set("X-Forwarded-For",
            list.empty() ? c.client_ip : x.memory.join({list, ", ", c.client_ip}));
}

std::string_view forwarded_proto(const request_facts& request) noexcept {
  if (request.connection->trusted)
    if (const auto sent = request.head->fields.find("X-Forwarded-Proto"); sent && !sent->empty())
      return *sent;
  return own_proto(request);
}

std::string_view forwarded_client(const request_facts& request) noexcept {
  if (request.connection->trusted)
    if (const auto sent = request.head->fields.find("X-Forwarded-For"); sent && !sent->empty())
      return *sent;
  return request.connection->client_ip;
}

}  // namespace stagedoor::http
