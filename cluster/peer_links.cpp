// SPDX-License-Identifier: Apache-2.0
#include "cluster/peer_links.hpp"

#include "configs/values.hpp"
#include "runtime/base/log.hpp"
#include "runtime/link/peer_probe.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <future>

namespace stagedoor::cluster {
peer_links::peer_links(loop& l, loop& blocking, net::resolver& names, peer_links_options options,
                       hooks to)
    : loop_(l),
      names_(names),
      options_(std::move(options)),
      hooks_(std::move(to)),
      watch_(blocking, options_.files,
             [this](const std::shared_ptr<const link::credentials>& with) {
               if (!loop_.post([this, with, alive = alive_] {
                     if (*alive) use(with);
                   }))
                 log::warning("cluster certificate not taken", {{"error", "the loop is busy"}});
             }),
      again_([this] { resolve_again(); }) {}

peer_links::~peer_links() { *alive_ = false; }

result<void> peer_links::start(std::uint16_t local_port) {
  auto first = watch_.start();
  if (!first) return std::move(first).error();
  with_ = *std::move(first);
  link::link_listener_options listening;
  listening.address = options_.listen;
  listening.setup = {options_.me, options_.limits,
                     *net::address::parse_ip("127.0.0.1", local_port)};
  link::link_listener::hooks to;
  to.allow = [this](const link::peer& who, const net::address&) { return judge(who); };
  to.up = [this](const link::peer& who, const net::address&) {
    hooks_.up(who.node, who.run.to_string(), 0);
  };
  to.down = [this](const link::peer& who, link::link_end end, const std::string& detail) {
    broke(who.node, end, detail);
    if (end == link::link_end::reset) probe(who.node);
  };
  listener_ =
      std::make_unique<link::link_listener>(loop_, std::move(listening), with_, std::move(to));
  auto listens = listener_->start();
  if (listens) return listens;
  auto f = listens.error();
  f.detail = "cluster.listen: " + f.detail;
  return f;
}

void peer_links::stop() {
  watch_.stop();
  if (listener_ == nullptr) return;
  auto done = std::make_shared<std::promise<void>>();
  auto ended = done->get_future();
  if (loop_.stopped() || !loop_.post([this, done, alive = alive_] {
        if (*alive) end();
        done->set_value();
      }))
    return;
  ended.wait_for(seconds(2));  // a loop that stops meanwhile says nothing
}

// Nobody is wanted any more first: what is still being looked up is not dialled then.
void peer_links::end() {
  ended_ = true;
  again_.cancel();
  peers_.clear();
  while (!dialers_.empty()) drop(dialers_.begin()->first);
  listener_->stop();
}

const wanted_peer* peer_links::find(const std::string& node) const {
  const auto it = peers_.find(node);
  return it == peers_.end() ? nullptr : &it->second;
}

std::optional<link::refused> peer_links::judge(const link::peer& who) const {
  const auto* wanted = find(who.node);
  if (wanted == nullptr)
    return link::refused{link::refusal::not_now, "you are not in this node's list of members"};
  if (wanted->process != who.run.to_string())
    return link::refused{link::refusal::not_now, "the list of members has another process"};
  return std::nullopt;
}

void peer_links::use(std::shared_ptr<const link::credentials> with) {
  with_ = std::move(with);
  listener_->use(with_);
  for (auto& [node, d] : dialers_)
    if (d.dialer != nullptr) d.dialer->use(with_);
}

// -- who is wanted ---------------------------------------------------------------------------------

void peer_links::want(std::vector<wanted_peer> peers) {
  if (!loop_.post([this, peers = std::move(peers), alive = alive_]() mutable {
        if (*alive) apply(std::move(peers));
      }))
    log::warning("list of members not taken", {{"error", "the loop is busy"}});
}

void peer_links::apply(std::vector<wanted_peer> peers) {
  if (ended_) return;
  std::map<std::string, wanted_peer> next;
  for (auto& p : peers) {
    if (p.node == options_.me.node) continue;
    std::string key = p.node;
    next.emplace(std::move(key), std::move(p));
  }
  const auto before = std::exchange(peers_, std::move(next));
  for (const auto& [node, was] : before) {
    const auto* now = find(node);
    if (now != nullptr && now->process == was.process) continue;
    drop(node);
  }
  for (const auto& [node, peer] : peers_) {
    if (options_.me.node > node) continue;  // it dials us
    const auto known = dialers_.find(node);
    if (known == dialers_.end())
      dial(peer);
    else if (known->second.address != peer.address)
      resolve(node, peer.address);
  }
}

void peer_links::report() {
  if (!loop_.post([this, alive = alive_] {
        if (!*alive) return;
        for (const auto& [node, peer] : peers_) {
          const auto d = dialers_.find(node);
          if (d != dialers_.end() && d->second.dialer != nullptr && d->second.dialer->up())
            hooks_.up(node, peer.process, d->second.dialer->local().port());
          else if (listener_->find(node) != nullptr)
            hooks_.up(node, peer.process, 0);
        }
      }))
    log::warning("links not reported", {{"error", "the loop is busy"}});
}

void peer_links::drop(const std::string& node) {
  auto entry = dialers_.extract(node);  // to the end: |node| may be its key
  if (entry && entry.mapped().dialer != nullptr) {
    entry.mapped().dialer->stop();
    loop_.dispose(std::move(entry.mapped().dialer));
  }
  listener_->close(node, "it is no member any more");
}

void peer_links::dial(const wanted_peer& peer) {
  dialers_.try_emplace(peer.node);
  resolve(peer.node, peer.address);
}

void peer_links::resolve(const std::string& node, const std::string& address) {
  dialers_[node].address = address;
  const auto parts = configs::parse_listen_address(address);
  if (!parts) {
    log::error("peer not dialled",
               {{"node", node}, {"address", address}, {"error", "expected host:port"}});
    return;
  }
  const auto port = parts->port;
  if (const auto numeric = net::address::parse_ip(parts->host, port)) {
    dial_at(node, *numeric);
    return;
  }
  names_.lookup(parts->host, loop_.now() + options_.resolve_deadline,
                [this, node, address, port, alive = alive_](result<net::addresses> found) {
                  if (!*alive) return;
                  const auto d = dialers_.find(node);
                  if (d == dialers_.end() || d->second.address != address) return;
                  if (!found || found->empty()) {
                    loop_.arm_after(again_, options_.resolve_pause);
                    return hooks_.down(node, fmt::format("{} is not known", address));
                  }
                  auto where = found->front();
                  where.set_port(port);
                  dial_at(node, where);
                });
}

// The list of members comes again only when it has changed.
void peer_links::resolve_again() {
  for (auto& [node, d] : dialers_)
    if (d.dialer == nullptr) resolve(node, d.address);
}

void peer_links::dial_at(const std::string& node, const net::address& where) {
  auto& d = dialers_[node];
  if (d.dialer != nullptr) return d.dialer->dial_at(where);
  link::link_dialer_options options;
  options.node = node;
  options.address = where;
  options.setup = {options_.me, options_.limits, {}};
  link::link_dialer::hooks to;
  to.allow = [this](const link::peer& who) { return judge(who); };
  to.up = [this, node](const link::peer& who) {
    const auto at = dialers_.find(node);
    if (at != dialers_.end())
      hooks_.up(node, who.run.to_string(), at->second.dialer->local().port());
  };
  to.down = [this, node](const link::peer&, link::link_end end, const std::string& detail) {
    broke(node, end, detail);
  };
  to.failed = [this, node](link::link_end end, const std::string& detail) {
    broke(node, end, detail);
    const auto* peer = find(node);
    if (peer == nullptr) return;
    if (end == link::link_end::gone) hooks_.gone(node, peer->process);
    const auto parts = configs::parse_listen_address(peer->address);
    if (parts && !net::address::parse_ip(parts->host, 0)) resolve(node, peer->address);
  };
  d.dialer = std::make_unique<link::link_dialer>(loop_, std::move(options), with_, std::move(to));
  if (const auto started = d.dialer->start(); !started)
    log::error("peer not dialled", {{"node", node}, {"error", to_string(started.error())}});
}

// -- what became of links --------------------------------------------------------------------------

void peer_links::broke(const std::string& node, link::link_end end, const std::string& detail) {
  hooks_.down(node, detail.empty() ? std::string(to_string(end))
                                   : fmt::format("{}: {}", to_string(end), detail));
}

// It dialled us, so we do not dial again: ask its host.
void peer_links::probe(const std::string& node) {
  const auto* peer = find(node);
  if (peer == nullptr) return;
  const auto parts = configs::parse_listen_address(peer->address);
  if (!parts) return;
  const auto numeric = net::address::parse_ip(parts->host, parts->port);
  if (!numeric) return;  // its lease decides
  link::probe_peer(
      loop_, *numeric, options_.probe_deadline,
      [this, node, process = peer->process, alive = alive_](std::optional<link::link_end> end) {
        if (*alive && end == link::link_end::gone) hooks_.gone(node, process);
      });
}

}  // namespace stagedoor::cluster
