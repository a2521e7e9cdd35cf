// SPDX-License-Identifier: Apache-2.0
#include "runtime/client/docker_engine.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/client/json.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::client {

namespace {

// {"type":["container","network"],"event":[…]}, percent-encoded. Without the list of events every
// health check of every container would send three exec_* events each time it runs.
constexpr std::string_view filters =
    "%7B%22type%22%3A%5B%22container%22%2C%22network%22%5D%2C%22event%22%3A%5B%22create%22%2C"
    "%22start%22%2C%22restart%22%2C%22stop%22%2C%22kill%22%2C%22die%22%2C%22pause%22%2C"
    "%22unpause%22%2C%22rename%22%2C%22update%22%2C%22destroy%22%2C%22health_status%22%2C"
    "%22connect%22%2C%22disconnect%22%5D%7D";

constexpr std::size_t max_message = 4096;  // of the engine's own errors

bool is_container_reference(std::string_view id) {
  return !id.empty() && id.size() <= 256 && (ascii::is_alpha(id[0]) || ascii::is_digit(id[0])) &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return ascii::is_alpha(c) || ascii::is_digit(c) || c == '_' || c == '.' || c == '-';
         });
}

fault status_fault(const response& answer) {
  const auto body = parse_json(answer.body, "Docker answer");
  const auto said = body ? text_of(&*body, "message") : std::string();
  const auto detail = fmt::format("Docker engine: status {}{}{}", answer.status,
                                  said.empty() ? "" : ": ", said.substr(0, 512));
  if (answer.status == 404)
    return {fault_kind::not_found, fault_side::upstream, retryable::no, detail};
  if (answer.status >= 500)
    return {fault_kind::unreachable, fault_side::upstream, retryable::yes, detail};
  return {fault_kind::refused, fault_side::upstream, retryable::no, detail};
}

// Parses a 200, turns anything else into a fault.
template <class T>
response_callback parsed(result<T> (*parse)(std::string_view),
                         std::function<void(result<T>)> done) {
  return [parse, done = std::move(done)](result<response> answer) {
    if (!answer) return done(std::move(answer).error());
    if (answer->status != 200) return done(status_fault(*answer));
    done(parse(answer->body));
  };
}

}  // namespace

result<docker_options> docker_endpoint(std::string_view endpoint) {
  docker_options options;
  const auto mark = endpoint.find("://");
  const auto scheme = ascii::to_lower(endpoint.substr(0, mark));
  std::string_view rest =
      mark == std::string_view::npos ? std::string_view() : endpoint.substr(mark + 3);
  while (rest.size() > 1 && rest.ends_with('/')) rest.remove_suffix(1);
  const auto refuse = [&](fault_kind kind, std::string_view why) -> result<docker_options> {
    return fault{kind, fault_side::operator_input, retryable::no,
                 fmt::format("Docker endpoint {}: {}", endpoint.substr(0, 128), why)};
  };
  if (scheme == "ssh" || scheme == "npipe" || scheme == "fd")
    return refuse(fault_kind::unsupported, scheme + " is not supported");
  if (scheme == "unix") {
    if (!rest.starts_with('/')) return refuse(fault_kind::invalid, "expected an absolute path");
    options.unix_socket = rest;
    return options;
  }
  if (scheme != "tcp" && scheme != "http" && scheme != "https")
    return refuse(fault_kind::invalid, "expected unix://, tcp://, http:// or https://");
  if (rest.empty() || rest == "/") return refuse(fault_kind::invalid, "expected a host");
  options.unix_socket.clear();
  options.url = fmt::format("{}://{}", scheme == "https" ? "https" : "http", rest);
  return options;
}

docker_engine::docker_engine(http_client& http, docker_options options)
    : http_(http), options_(std::move(options)) {}

request docker_engine::to(const std::string& path) const {
  request r;
  r.url = options_.url + path;
  r.unix_socket = options_.unix_socket;
  r.tls = options_.tls;
  r.deadline = options_.deadline;
  return r;
}

result<transfer_handle> docker_engine::list(
    std::function<void(result<std::vector<container>>)> done) {
  auto r = to("/containers/json?all=1");
  r.max_body = options_.max_list;
  return http_.send(std::move(r),
                    parsed<std::vector<container>>(parse_container_list, std::move(done)));
}

result<transfer_handle> docker_engine::inspect(const std::string& id,
                                               std::function<void(result<container>)> done) {
  if (!is_container_reference(id))
    return fault{fault_kind::invalid, fault_side::upstream, retryable::no, "not a container's id"};
  auto r = to(fmt::format("/containers/{}/json", id));
  r.max_body = options_.max_inspect;
  return http_.send(std::move(r), parsed<container>(parse_container, std::move(done)));
}

result<transfer_handle> docker_engine::events(event_callbacks callbacks,
                                              std::optional<std::int64_t> since_ns) {
  std::string since;
  if (since_ns)
    since = fmt::format("since={}.{:09}&", *since_ns / 1'000'000'000, *since_ns % 1'000'000'000);
  auto r = to(fmt::format("/events?{}filters={}", since, filters));
  r.deadline = milliseconds(0);

  struct session {
    event_callbacks told;
    docker_event_reader reader;
    response head;
  };
  const auto s = std::make_shared<session>();
  s->told = std::move(callbacks);
  stream_callbacks stream;
  stream.on_head = [s](const response& head) {
    s->head = head;
    if (head.status == 200 && s->told.on_open) s->told.on_open();
  };
  stream.on_chunk = [s](std::string_view chunk) -> result<void> {
    if (s->head.status == 200) return s->reader.feed(chunk, s->told.on_event);
    s->head.body.append(chunk);
    if (s->head.body.size() < max_message) return {};
    return status_fault(s->head);
  };
  stream.on_end = [s](result<void> end) {
    if (end && s->head.status != 200) return s->told.on_end(status_fault(s->head));
    s->told.on_end(std::move(end));
  };
  return http_.stream(std::move(r), std::move(stream));
}

}  // namespace stagedoor::client
