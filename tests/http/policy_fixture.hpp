// SPDX-License-Identifier: Apache-2.0
// A request and its exchange, made from a few strings; what a middleware did to them, read back.
#pragma once

#include "runtime/http/authority.hpp"
#include "runtime/http/middleware.hpp"
#include "runtime/http/middleware_state.hpp"

#include <deque>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stagedoor::http {

using header = std::pair<std::string, std::string>;

class fake_request {
 public:
  explicit fake_request(std::string_view url = "http://team-a.example/",
                        const std::vector<header>& headers = {}, std::string_view method = "GET",
                        std::string_view client = "192.0.2.7") {
    connection.tls = url.starts_with("https://");
    connection.client = net::address::parse_ip(client, 4711).value();
    connection.client_ip = keep(client);
    connection.local_port = connection.tls ? 443 : 80;
    url.remove_prefix(url.find("://") + 3);
    const auto slash = url.find('/');
    head.authority = keep(url.substr(0, slash));
    const auto host = split_authority(head.authority).host;
    head.host =
        keep(ascii::to_lower(host.starts_with('[') ? host.substr(1, host.size() - 2) : host));
    if (head.host.ends_with('.')) head.host.remove_suffix(1);
    head.has_host = !head.authority.empty();
    head.target = keep(slash == std::string_view::npos ? "/" : url.substr(slash));
    const auto question = head.target.find('?');
    head.path = head.target.substr(0, question);
    head.escaped_path = head.path;
    if (question != std::string_view::npos) head.query = head.target.substr(question + 1);
    head.method = keep(method);
    if (head.has_host) head.fields.add("Host", head.authority);
    for (const auto& [name, value] : headers) head.fields.add(keep(name), keep(value));
    head.wants_upgrade = head.fields.find("Upgrade").has_value();
  }
  fake_request(const fake_request&) = delete;
  fake_request& operator=(const fake_request&) = delete;

  [[nodiscard]] request_facts facts() const { return {&head, &connection}; }

  request_head head;
  connection_facts connection;

 private:
  std::string_view keep(std::string_view text) { return strings_.emplace_back(text); }
  std::deque<std::string> strings_;
};

/// One request through a chain, and its response.
class fake_exchange {
 public:
  fake_exchange(const fake_request& request, middleware_state& state,
                std::vector<middleware_ptr> chain, mono_time now = {})
      : x(request.facts(), state), chain_(std::move(chain)), walk(chain_), request_(request) {
    x.begin(request.head.escaped_path, request.head.query, now);
  }
  ~fake_exchange() { walk.on_end(x); }
  fake_exchange(const fake_exchange&) = delete;
  fake_exchange& operator=(const fake_exchange&) = delete;

  verdict run() { return walk.on_request(x); }

  /// Lets the upstream answer.
  void respond(std::uint16_t status, const std::vector<header>& headers = {},
               std::optional<std::uint64_t> length = {}) {
    response_.status = status;
    response_.framing = length ? body_framing::length : body_framing::chunked;
    response_.content_length = length.value_or(0);
    for (const auto& [name, value] : headers) {
      strings_.push_back(name);
      const std::string_view n = strings_.back();
      strings_.push_back(value);
      response_.fields.add(n, strings_.back());
    }
    walk.on_response(x, response_facts{&response_});
  }

  /// All values that are sent back under |name|, joined with '|'.
  [[nodiscard]] std::string sent_back(std::string_view name) const {
    return all(response_.fields, x.answer_edits.fields, name);
  }
  /// All values that are sent on under |name|, joined with '|'.
  [[nodiscard]] std::string sent_on(std::string_view name) const {
    return all(request_.head.fields, x.edits.fields, name);
  }
  [[nodiscard]] std::string answer_field(std::string_view name) const {
    std::string out;
    for (const auto& f : x.answer.fields)
      if (ascii::iequals(f.name, name)) out.append(out.empty() ? "" : "|").append(f.value);
    return out;
  }

  exchange x;

 private:
  static std::string all(const field_list& original, const field_edits& edits,
                         std::string_view name) {
    std::string out;
    const auto add = [&](std::string_view value) {
      out.append(out.empty() ? "" : "|").append(value);
    };
    for (const auto& f : original.all())
      if (ascii::iequals(f.name, name) && !edits.drops(f.name)) add(f.value);
    for (const auto& f : edits.additions())
      if (ascii::iequals(f.name, name)) add(f.value);
    return out;
  }

  std::vector<middleware_ptr> chain_;

 public:
  middleware_walk walk;

 private:
  const fake_request& request_;
  response_head response_;
  std::deque<std::string> strings_;
};

}  // namespace stagedoor::http
