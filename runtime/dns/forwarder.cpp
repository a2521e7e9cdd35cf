// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/forwarder.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::dns {

forwarder::forwarder(loop& owner, forwarder_options options, reply_port& replies, query_log& log,
                     counters& count)
    : loop_(owner),
      options_(options),
      replies_(replies),
      log_(log),
      count_(count),
      scratch_(max_message_bytes) {}

forwarder::~forwarder() { stop(); }

void forwarder::stop() {
  for (auto& e : exchanges_) {
    e->clock.cancel();
    e->port = nullptr;
  }
  groups_.clear();
  for (auto& e : exchanges_) loop_.dispose(std::move(e));
  exchanges_.clear();
  free_.clear();
  used_ = 0;
}

// -- exchanges -------------------------------------------------------------------------------------

exchange* forwarder::acquire() {
  if (free_.empty()) {
    if (exchanges_.size() >= options_.outstanding) return nullptr;
    exchanges_.push_back(std::make_unique<exchange>([this](exchange& e) { timed_out(e); }));
    free_.push_back(exchanges_.back().get());
  }
  auto* e = free_.back();
  free_.pop_back();
  ++used_;
  return e;
}

void forwarder::release(exchange& e) {
  e.clock.cancel();
  if (e.port != nullptr) std::exchange(e.port, nullptr)->forget(e);
  if (e.chain != nullptr) --e.group->active;
  e.chain.reset();
  e.group = nullptr;
  e.to = nullptr;
  --used_;
  free_.push_back(&e);
}

forward_group& forwarder::group_of(const std::shared_ptr<const plugin_chain>& chain,
                                   const forward_options& rule) {
  auto& group = groups_[&rule];
  if (group != nullptr) return *group;
  group = std::make_unique<forward_group>();
  group->owner = chain;
  group->rule = *std::find_if(chain->forwards.begin(), chain->forwards.end(),
                              [&](const auto& r) { return r.get() == &rule; });
  exchange_events& events = *this;
  for (const auto& at : rule.upstreams)
    group->upstreams.push_back(
        std::make_unique<upstream>(loop_, at, group->rule, options_, scratch_, events, ids_));
  return *group;
}

void forwarder::forget_unused() {
  std::erase_if(groups_, [&](auto& item) {
    auto& group = *item.second;
    // Whoever else holds the chain can still send queries here.
    if (group.active != 0 || group.owner.use_count() > 1) return false;
    for (auto& e : exchanges_)
      if (e->group == &group) release(*e);  // health checks
    return true;
  });
}

// -- the way out -----------------------------------------------------------------------------------

forward_port::verdict forwarder::forward(const query& q,
                                         const std::shared_ptr<const plugin_chain>& chain,
                                         const forward_options& rule, const client_ref& client) {
  auto& group = group_of(chain, rule);
  if (rule.max_concurrent != 0 && group.active >= rule.max_concurrent) {
    ++count_.forward_refused;
    return verdict::refused;
  }
  auto* e = acquire();
  if (e == nullptr) {
    ++count_.forward_refused;
    return verdict::refused;
  }
  e->client = client;
  e->chain = chain;
  e->group = &group;
  ++group.active;
  e->query.assign(q.packet.begin(), q.packet.end());
  e->client_id = q.id;
  e->question_bytes = q.question_bytes;
  e->client_limit = client.via == transport::tcp ? max_message_bytes
                    : q.has_edns                 ? q.udp_size
                                                 : 512;
  e->by_tcp = rule.force_tcp || (client.via == transport::tcp && !rule.prefer_udp);
  e->attempts = 0;
  e->deadline = loop_.now() + rule.deadline;
  switch (rule.policy) {
    case forward_policy::random: e->cursor = ids_.next(); break;
    case forward_policy::round_robin: e->cursor = group.next++; break;
    case forward_policy::sequential: e->cursor = 0; break;
  }
  ++count_.forwarded;
  if (attempt(*e)) return verdict::taken;
  ++count_.forward_failed;
  release(*e);
  return verdict::failed;
}

// The next upstream that is not down, in the order of the policy; when all are down, any of them,
// since a health check may be wrong and an answer is wanted.
upstream* forwarder::choose(exchange& e) {
  const auto& all = e.group->upstreams;
  if (all.empty()) return nullptr;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto* u = all[(e.cursor + i) % all.size()].get();
    if (u->down()) continue;
    e.cursor += i + 1;
    return u;
  }
  if (e.group->rule->failfast_all_unhealthy) return nullptr;
  return all[ids_.next() % all.size()].get();
}

// Sends the query to one upstream after the other until one takes it. False when none did.
bool forwarder::attempt(exchange& e) {
  const auto& rule = *e.group->rule;
  const auto most = rule.max_connect_attempts != 0
                        ? rule.max_connect_attempts
                        : static_cast<std::uint32_t>(2 * e.group->upstreams.size());
  while (e.attempts < most && loop_.now() < e.deadline) {
    auto* u = choose(e);
    if (u == nullptr) return false;
    ++e.attempts;
    if (u->send(e)) {
      loop_.arm(e.clock, std::min(e.deadline, loop_.now() + rule.read_timeout));
      return true;
    }
    suspect(*u, *e.group);
  }
  return false;
}

void forwarder::timed_out(exchange& e) { failed(e, "i/o timeout"); }

void forwarder::failed(exchange& e, std::string_view why) {
  if (e.port != nullptr) std::exchange(e.port, nullptr)->forget(e);
  if (e.chain == nullptr) return checked(e, false);
  suspect(*e.to, *e.group);
  retry(e, why);
}

void forwarder::retry(exchange& e, std::string_view why) {
  const auto last = e.to->at().to_string();
  ++count_.forward_retries;
  if (!attempt(e)) give_up(e, fmt::format("{} {}: {}", e.by_tcp ? "tcp" : "udp", last, why));
}

// -- the way back ----------------------------------------------------------------------------------

void forwarder::replied(exchange& e, std::span<const std::uint8_t> message) {
  if (e.chain == nullptr) return checked(e, true);
  e.to->fails = 0;
  const bool truncated = (load16(message.data() + 2) & flag::tc) != 0;
  if (truncated && !e.by_tcp && e.client.via == transport::tcp) {
    // prefer_udp: the client can take the whole answer, so the same upstream is asked again.
    e.by_tcp = true;
    if (e.to->send(e))
      return loop_.arm(e.clock, std::min(e.deadline, loop_.now() + e.group->rule->read_timeout));
    return failed(e, "cannot connect");
  }
  std::copy(message.begin(), message.end(), scratch_.begin());
  reply(e, std::span(scratch_).first(message.size()));
}

// SERVFAIL, made from the query itself.
void forwarder::give_up(exchange& e, std::string_view why) {
  ++count_.forward_failed;
  store16(e.query.data(), e.client_id);
  query q;
  (void)read_query(e.query, q);  // it was readable when it came
  log_.failed(*e.chain, q, rcode::servfail, why);
  answer_writer writer;
  writer.start(q, scratch_, 512, e.chain->udp_payload);
  writer.set_rcode(rcode::servfail);
  writer.set_flags(flag::ra);
  const std::size_t size = writer.finish();
  reply(e, std::span(scratch_).first(size));
}

// |message| is in scratch_. Its ID becomes the client's; what the client cannot take is cut down to
// the question with TC set, so that it asks again by TCP.
void forwarder::reply(exchange& e, std::span<std::uint8_t> message) {
  store16(message.data(), e.client_id);
  if (message.size() > e.client_limit) {
    store16(message.data() + 2, static_cast<std::uint16_t>(load16(message.data() + 2) | flag::tc));
    for (const std::size_t count : {6U, 8U, 10U}) store16(message.data() + count, 0);
    const bool question = load16(message.data() + 4) == 1;
    message = message.first(header_size + (question ? e.question_bytes : 0U));
  }
  count_.answered(message[3] & 0xfU);
  if (!e.chain->log.empty()) {
    store16(e.query.data(), e.client_id);
    query q;
    (void)read_query(e.query, q);
    log_.answered(*e.chain, q, e.client, message, mono_clock::now() - e.client.since);
  }
  const client_ref client = e.client;
  release(e);  // before the client is served: that may forward its next query
  replies_.deliver(client, message);
}

// -- health ----------------------------------------------------------------------------------------

// An upstream failed a query: from now on it is probed until it answers.
void forwarder::suspect(upstream& u, forward_group& group) {
  if (group.rule->max_fails == 0 || u.checking) return;
  u.checking = true;
  if (u.next_check == nullptr)
    u.next_check = std::make_unique<timer>([this, &u, &group] { check(u, group); });
  loop_.arm_after(*u.next_check, milliseconds(0));
}

void forwarder::check(upstream& u, forward_group& group) {
  const auto& rule = *group.rule;
  auto* e = acquire();
  if (e == nullptr) return loop_.arm_after(*u.next_check, rule.health_check);
  e->chain.reset();
  e->group = &group;
  e->by_tcp = rule.force_tcp;
  e->query.assign(header_size, 0);
  store16(e->query.data() + 2, rule.health_recursion ? flag::rd : 0);
  store16(e->query.data() + 4, 1);
  e->query.insert(e->query.end(), rule.health_name.begin(), rule.health_name.end());
  const std::uint8_t tail[] = {0, type::ns, 0, klass::in};
  e->query.insert(e->query.end(), std::begin(tail), std::end(tail));
  e->question_bytes = static_cast<std::uint16_t>(rule.health_name.size() + 4);
  e->to = &u;
  if (!u.send(*e)) return checked(*e, false);
  loop_.arm_after(e->clock, rule.read_timeout);
}

void forwarder::checked(exchange& e, bool alive) {
  upstream& u = *e.to;
  const auto interval = e.group->rule->health_check;
  release(e);
  if (alive) {
    u.fails = 0;
    u.checking = false;
    return;
  }
  ++u.fails;
  loop_.arm_after(*u.next_check, interval);
}

}  // namespace stagedoor::dns
