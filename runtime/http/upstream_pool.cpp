// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/upstream_pool.hpp"

#include "runtime/net/socket.hpp"

#include <algorithm>
#include <span>

namespace stagedoor::http {
namespace {

// A read that filled its block to the last byte leaves the transport readable: only asking tells.
bool has_more(transport& io) {
  if (!io.readable()) return false;
  char next = 0;
  const auto got = io.read(std::span<char>(&next, 1));
  return got.bytes != 0 || got.eof || got.error != 0;
}

}  // namespace

// -- upstream_connection ---------------------------------------------------------------------------

upstream_connection::upstream_connection(upstream_pool& pool, upstream_server& s, unique_fd fd)
    : server(s), io(std::move(fd)), in(pool.buffers_), out(pool.buffers_), pool_(pool) {}

void upstream_connection::on_io(std::uint32_t events) {
  if (!io.open()) return;
  io.note(events);
  if (connecting) {
    if (!io.writable()) return;
    connecting = false;
    if (io.broken()) connect_error = net::connect_error(io.fd());
  }
  // Nothing may follow: the user may have given this connection back, or closed it.
  if (user != nullptr)
    user->on_upstream();
  else
    pool_.idle_event(*this);
}

// -- upstream_pool -----------------------------------------------------------------------------------

upstream_pool::upstream_pool(loop& l, buffer_pool& buffers, upstream_options options)
    : loop_(l),
      buffers_(buffers),
      options_(options),
      expiry_([this] { expire(); }),
      surplus_([this] { trim(); }) {}

upstream_pool::~upstream_pool() { close_idle(); }

upstream_server& upstream_pool::server(const net::address& at) {
  std::string key(reinterpret_cast<const char*>(at.data()), at.size());
  auto& slot = servers_[std::move(key)];
  if (slot == nullptr) slot = std::make_unique<upstream_server>(at);
  return *slot;
}

std::unique_ptr<upstream_connection> upstream_pool::reuse(upstream_server& s) {
  if (s.idle_.empty()) return nullptr;
  auto c = std::move(s.idle_.back());
  s.idle_.pop_back();
  c->reused = true;
  return c;
}

result<std::unique_ptr<upstream_connection>> upstream_pool::connect(upstream_server& s) {
  if (options_.open_per_server != 0 && s.open >= options_.open_per_server)
    return fault{fault_kind::overloaded, fault_side::upstream, retryable::yes,
                 "connections to " + s.address.to_string() + " are at their limit"};
  auto fd = net::connect_tcp(s.address);
  if (!fd) {
    ++s.connect_failures;
    return std::move(fd).error();
  }
  auto c = std::make_unique<upstream_connection>(*this, s, std::move(*fd));
  if (auto watched = loop_.watch(c->io.fd(), all_edges, *c); !watched)
    return std::move(watched).error();
  ++s.open;
  return c;
}

void upstream_pool::keep(std::unique_ptr<upstream_connection> c) {
  auto& s = c->server;
  // Bytes beyond the response, or a server that is closing: nothing to build on.
  if (!c->in.empty() || !c->out.empty() || has_more(c->io) || c->io.peer_closed()) {
    drop(std::move(c));
    return;
  }
  c->user = nullptr;
  c->in.release();
  c->idle_since_ = loop_.now();
  s.idle_.push_back(std::move(c));
  if (options_.idle_timeout.count() > 0 && !expiry_.armed())
    loop_.arm_after(expiry_, options_.idle_timeout);
  if (s.idle_.size() > options_.idle_per_server && !surplus_.armed())
    loop_.arm_after(surplus_, options_.surplus_timeout);
}

void upstream_pool::drop(std::unique_ptr<upstream_connection> c) {
  // What lives until the end of the turn refers to nothing of the pool any more.
  --c->server.open;
  c->user = nullptr;
  c->in.release();
  c->out.release();
  c->io.close();
  loop_.dispose(std::move(c));
}

void upstream_pool::close_idle() {
  for (auto& [key, s] : servers_)
    for (auto& c : std::exchange(s->idle_, {})) drop(std::move(c));
}

// An idle connection has nothing to say: the server closed it, or broke the protocol.
void upstream_pool::idle_event(upstream_connection& c) {
  if (!c.io.readable()) return;
  auto& idle = c.server.idle_;
  const auto it =
      std::find_if(idle.begin(), idle.end(), [&](const auto& p) { return p.get() == &c; });
  if (it == idle.end()) return;
  auto owned = std::move(*it);
  idle.erase(it);
  drop(std::move(owned));
}

void upstream_pool::expire() {
  const auto limit = loop_.now() - options_.idle_timeout;
  bool kept = false;
  for (auto& [key, s] : servers_) {
    auto& idle = s->idle_;
    let_go(*s, std::find_if(idle.begin(), idle.end(),
                            [&](const auto& c) { return c->idle_since_ > limit; }));
    kept = kept || !idle.empty();
  }
  std::erase_if(servers_, [](const auto& entry) {
    return entry.second->users == 0 && entry.second->open == 0;
  });
  if (kept) loop_.arm_after(expiry_, std::max(options_.idle_timeout / 4, milliseconds(1)));
}

/// Those before |end|; at the front are those that have waited longest.
void upstream_pool::let_go(upstream_server& s,
                           std::vector<std::unique_ptr<upstream_connection>>::iterator end) {
  std::vector<std::unique_ptr<upstream_connection>> old(std::make_move_iterator(s.idle_.begin()),
                                                        std::make_move_iterator(end));
  s.idle_.erase(s.idle_.begin(), end);
  for (auto& c : old) drop(std::move(c));
}

void upstream_pool::trim() {
  const auto limit = loop_.now() - options_.surplus_timeout;
  bool more = false;
  for (auto& [key, s] : servers_) {
    auto& idle = s->idle_;
    if (idle.size() <= options_.idle_per_server) continue;
    const auto most = idle.end() - static_cast<std::ptrdiff_t>(options_.idle_per_server);
    const auto end =
        std::find_if(idle.begin(), most, [&](const auto& c) { return c->idle_since_ > limit; });
    let_go(*s, end);
    more = more || idle.size() > options_.idle_per_server;
  }
  if (more) loop_.arm_after(surplus_, std::max(options_.surplus_timeout / 4, milliseconds(1)));
}

}  // namespace stagedoor::http
