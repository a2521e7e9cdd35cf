// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/edge.hpp"

#include "runtime/http/connection.hpp"
#include "runtime/http/listener.hpp"
#include "runtime/http/middleware_state.hpp"
#include "runtime/http/transaction.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace stagedoor::http {
namespace {

constexpr seconds sweep_interval{60};
constexpr std::size_t max_spare_transactions = 256;

}  // namespace

edge::edge(loop& l, edge_options options, std::vector<entry_point> entry_points)
    : loop_(l),
      options_(std::move(options)),
      entry_points_(std::move(entry_points)),
      upstreams_(l, buffers_, options_.upstream),
      states_(upstreams_),
      middlewares_(std::make_unique<middleware_state>(options_.passwords)),
      sweep_([this] {
        middlewares_->sweep(loop_.now());
        loop_.arm_after(sweep_, sweep_interval);
      }),
      grace_([this] {
        if (patience_.count() == 0) return stop();
        close_idle();
        if (connections_ != nullptr) loop_.arm_after(grace_, std::exchange(patience_, {}));
      }) {
  for (const auto& point : entry_points_) {
    while (forwarded_.size() <= point.index) forwarded_.emplace_back(forwarded_options{});
    forwarded_[point.index] = forwarded(point.forwarded);
    tls_contexts_[point.index] = point.tls;
  }
  if (forwarded_.empty()) forwarded_.emplace_back(forwarded_options{});
}

edge::~edge() { stop(); }

// -- lifecycle ---------------------------------------------------------------------------------------

result<void> edge::start(std::vector<net::open_socket>& given) {
  for (const auto& point : entry_points_) {
    auto sockets = net::take_sockets(given, net::socket_kind::tcp, point.address);
    if (sockets.empty()) sockets.emplace_back();
    for (auto& socket : sockets) {
      auto l = std::make_unique<listener>(*this, point, std::move(socket));
      if (auto started = l->start(); !started) {
        listeners_.clear();
        return started;
      }
      listeners_.push_back(std::move(l));
    }
  }
  loop_.arm_after(sweep_, sweep_interval);
  return {};
}

void edge::drain(std::function<void()> drained) {
  draining_ = true;
  drained_ = std::move(drained);
  for (auto& l : listeners_) l->stop();
  close_idle();
  upstreams_.close_idle();
  loop_.arm_after(grace_, options_.grace);
  check_drained();
}

void edge::hand_over(milliseconds patience, std::function<void()> drained) {
  draining_ = true;
  drained_ = std::move(drained);
  for (auto& l : listeners_) l->stop();
  patience_ = std::max(patience, milliseconds(1));
  loop_.arm_after(grace_, options_.grace);
  check_drained();
}

void edge::close_idle() {
  for (auto* c = connections_; c != nullptr;) {
    auto* const next = c->next_;  // drain() may close, and so unlink, this one
    c->drain();
    c = next;
  }
}

void edge::copy_sockets(std::vector<net::open_socket>& to) const {
  for (const auto& l : listeners_) net::add_copy(to, net::socket_kind::tcp, l->fd());
}

void edge::stop() {
  draining_ = true;
  grace_.cancel();
  sweep_.cancel();
  for (auto& l : listeners_) l->stop();
  while (connections_ != nullptr) connections_->abort();
  upstreams_.close_idle();
  check_drained();
}

void edge::check_drained() {
  if (!draining_ || connections_ != nullptr || !drained_) return;
  grace_.cancel();
  std::exchange(drained_, nullptr)();
}

void edge::set_access_log(access_log log) {
  const bool first = !log_;
  log_.emplace(std::move(log));
  if (!first) return;
  loop_.at_turn_end([this, alive = std::weak_ptr<void>(alive_)] {
    if (!alive.expired()) log_->flush(loop_.now());
  });
}

std::vector<net::address> edge::addresses() const {
  std::vector<net::address> all;
  for (const auto& l : listeners_) all.push_back(l->address());
  return all;
}

std::optional<std::size_t> edge::choose_server(const std::shared_ptr<const service>& of) {
  if (of == nullptr || of->servers.empty()) return std::nullopt;
  // Most services have one server, and then there is nothing to remember.
  if (of->servers.size() == 1 && of->servers[0].weight != 0 && down_ == nullptr) return 0;
  return balancer_.choose(of, down_.get());
}

std::string_view edge::platform_label(std::string_view host) const noexcept {
  const auto& domain = options_.platform_domain;
  if (options_.missing_names == nullptr || domain.empty()) return {};
  if (host.size() < domain.size() + 2 || !host.ends_with(domain)) return {};
  const auto dot = host.size() - domain.size() - 1;
  const auto label = host.substr(0, dot);
  return host[dot] == '.' && snapshot::is_host_label(label) ? label : std::string_view{};
}

void edge::apply(const snapshot::delta<site>& change) {
  sites_.apply(change, [this](const snapshot::node_ptr<site>& old) { states_.retire(old); });
}

// -- connections -------------------------------------------------------------------------------------

void edge::accept(unique_fd fd, const connection_facts& facts) {
  if (draining_ || counters_.open_connections >= options_.connections) {
    ++counters_.refused;
    return;
  }
  auto c = std::make_unique<connection>(*this, std::move(fd), facts);
  c->facts.trusted = forwarded_fields(facts.entry_point).trusts(facts.client);
  if (!c->start(tls_contexts_[facts.entry_point])) {
    ++counters_.refused;
    loop_.dispose(std::move(c));
    return;
  }
  ++counters_.connections;
  ++counters_.open_connections;
  auto* const fresh = c.release();  // in the list until closed()
  fresh->next_ = connections_;
  if (connections_ != nullptr) connections_->previous_ = fresh;
  connections_ = fresh;
}

void edge::closed(connection& c) {
  if (c.previous_ != nullptr)
    c.previous_->next_ = c.next_;
  else
    connections_ = c.next_;
  if (c.next_ != nullptr) c.next_->previous_ = c.previous_;
  std::erase(yielded_, &c);
  std::replace(resuming_.begin(), resuming_.end(), &c, static_cast<connection*>(nullptr));
  --counters_.open_connections;
  loop_.dispose(std::unique_ptr<connection>(&c));
  check_drained();
}

void edge::yielded(connection& c) {
  if (yielded_.empty())
    loop_.defer([this, alive = std::weak_ptr<void>(alive_)] {
      if (!alive.expired()) resume_yielded();
    });
  yielded_.push_back(&c);
}

void edge::resume_yielded() {
  resuming_.swap(yielded_);
  for (auto*& c : resuming_) {
    if (c == nullptr) continue;
    c->yielding_ = false;
    std::exchange(c, nullptr)->go_on();
  }
  resuming_.clear();
}

std::unique_ptr<transaction> edge::take_transaction() {
  if (spare_transactions_.empty()) return std::make_unique<transaction>(*this);
  auto t = std::move(spare_transactions_.back());
  spare_transactions_.pop_back();
  return t;
}

// It may be on the stack, so it is never destroyed here.
void edge::give_transaction(std::unique_ptr<transaction> t) {
  if (spare_transactions_.size() < max_spare_transactions)
    spare_transactions_.push_back(std::move(t));
  else
    loop_.dispose(std::move(t));
}

std::string_view edge::date() {
  const auto second = wall_clock::to_time_t(loop_.wall_now());
  if (second != date_second_) {
    date_second_ = second;
    std::tm utc{};
    ::gmtime_r(&second, &utc);
    std::array<char, 32> text;
    const auto size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    date_.assign(text.data(), size);
  }
  return date_;
}

}  // namespace stagedoor::http
