// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/locator.hpp"

#include "runtime/base/ascii.hpp"

#include <fmt/format.h>

namespace stagedoor::redis {
namespace {

// A name that does not resolve now may in a moment: a container that starts, a DNS server that is
// back. So it is tried again like a server that does not answer.
fault lookup_fault(const fault& why) {
  if (why.side != fault_side::upstream) return why;
  return {fault_kind::unreachable, fault_side::store, retryable::yes, why.detail};
}

}  // namespace

locator::locator(loop& l, net::resolver& names, const endpoint& where, wire_options wires,
                 milliseconds step_timeout)
    : loop_(l),
      names_(names),
      endpoint_(where),
      wires_(wires),
      step_timeout_(step_timeout),
      timeout_([this] {
        if (const auto f = on_timeout_) f();
      }) {}

locator::~locator() = default;

void locator::locate(callback done) {
  done_ = std::move(done);
  asked_ = 0;
  if (endpoint_.by_sentinel())
    ask_sentinel();
  else
    resolve(endpoint_.hosts.front(),
            [this](result<net::address> found) { finish(std::move(found)); });
}

void locator::cancel() {
  ++step_;
  done_ = nullptr;
  timeout_.cancel();
  close_wire();
}

void locator::resolve(const host_port& host, callback then) {
  const auto step = ++step_;
  names_.lookup(host.host, loop_.now() + step_timeout_,
                [this, step, port = host.port, then = std::move(then),
                 alive = std::weak_ptr(alive_)](const result<net::addresses>& found) {
                  if (alive.expired() || step != step_) return;
                  if (!found) return then(lookup_fault(found.error()));
                  auto next = (*found)[lookups_++ % found->size()];
                  next.set_port(port);
                  then(next);
                });
}

void locator::ask_sentinel() {
  resolve(endpoint_.hosts[sentinel_], [this](result<net::address> found) {
    ++step_;
    if (!found) {
      sentinel_failed(found.error());
      return;
    }
    wire_ = std::make_unique<wire>(loop_, *this, wires_);
    on_timeout_ = [this] {
      sentinel_failed(
          {fault_kind::unreachable, fault_side::store, retryable::yes,
           fmt::format("Sentinel {}: no answer in time", endpoint_.hosts[sentinel_].to_string())});
    };
    loop_.arm_after(timeout_, step_timeout_);
    if (const auto opened = wire_->open(*found); !opened) sentinel_failed(opened.error());
  });
}

void locator::wire_opened() {
  replies_wanted_ = 1;
  if (!endpoint_.sentinel_password.empty()) {
    ++replies_wanted_;
    wire_->write(command{"AUTH", endpoint_.sentinel_password});
  }
  wire_->write(command{"SENTINEL", "get-master-addr-by-name", endpoint_.master});
}

void locator::wire_reply(reply&& r) {
  const auto& name = endpoint_.hosts[sentinel_];
  if (r.is_error()) {
    sentinel_failed({fault_kind::refused, fault_side::store, retryable::yes,
                     fmt::format("Sentinel {}: {}", name.to_string(), r.text)});
    return;
  }
  if (--replies_wanted_ > 0) return;
  const auto port = ascii::parse_number<std::uint16_t>(r.at(1).text);
  if (!r.is_array() || r.at(0).text.empty() || !port || *port == 0) {
    sentinel_failed(
        {fault_kind::not_found, fault_side::store, retryable::yes,
         fmt::format("Sentinel {} knows no master '{}'", name.to_string(), endpoint_.master)});
    return;
  }
  close_wire();
  resolve({r.at(0).text, *port}, [this](result<net::address> found) { finish(std::move(found)); });
}

void locator::wire_lost(const fault& why) { sentinel_failed(why); }

void locator::sentinel_failed(const fault& why) {
  ++step_;
  timeout_.cancel();
  close_wire();
  sentinel_ = (sentinel_ + 1) % endpoint_.hosts.size();
  if (++asked_ < endpoint_.hosts.size())
    ask_sentinel();
  else
    finish(why);
}

void locator::close_wire() {
  if (!wire_) return;
  wire_->close();
  loop_.dispose(std::move(wire_));
}

void locator::finish(result<net::address> found) {
  ++step_;
  timeout_.cancel();
  if (const auto done = std::exchange(done_, nullptr)) done(std::move(found));
}

}  // namespace stagedoor::redis
