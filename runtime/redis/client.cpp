// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/client.hpp"

#include "runtime/base/log.hpp"

#include <atomic>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <thread>

namespace stagedoor::redis {
namespace {

session_options named(session_options options, std::string_view role) {
  options.name += fmt::format(":{}", role);
  return options;
}

connection_options named(connection_options options, std::string_view role) {
  options.session = named(std::move(options.session), role);
  return options;
}

fault loop_full() {
  return {fault_kind::overloaded, fault_side::self, retryable::yes,
          "the Redis loop takes no more work"};
}

/// A callback on its way into the loop. A loop that stops drops what it did not get to; the
/// callback is owed a call all the same.
class owed_callback {
 public:
  explicit owed_callback(reply_callback done) : done_(std::move(done)) {}
  ~owed_callback() {
    if (done_)
      done_(
          fault{fault_kind::closed, fault_side::self, retryable::no, "the Redis loop has stopped"});
  }
  owed_callback(const owed_callback&) = delete;
  owed_callback& operator=(const owed_callback&) = delete;
  [[nodiscard]] reply_callback take() { return std::exchange(done_, nullptr); }

 private:
  reply_callback done_;
};

}  // namespace

/// What lives in the loop.
struct client::core {
  core(loop& l, endpoint e, client_options o)
      : owner(l),
        where(std::move(e)),
        options(std::move(o)),
        names(l, {.cache_for = seconds(0)}),  // after a loss the name may mean another machine
        commands(l, names, where, named(options.commands, "commands")),
        scripts(commands, options.max_scripts),
        subscriptions(l, names, where,
                      {.session = named(options.commands.session, "subscriber"),
                       .heartbeat_channel = "stagedoor:heartbeat:" + options.incarnation,
                       .heartbeat_grace = options.heartbeat_grace,
                       .max_topics = options.max_topics}),
        heartbeat([this] { beat(); }) {
    published.endpoint = where.to_string();
  }

  [[nodiscard]] mono_time soon() const { return owner.now() + options.housekeeping_deadline; }

  void start() {
    if (std::exchange(started, true)) return;
    commands.start([this] { connected(); }, [this](const fault& why) { disconnected(why); });
    owner.arm_after(heartbeat, options.heartbeat_interval);
  }

  void stop() {
    started = false;
    heartbeat.cancel();
    subscriptions.stop();
    for (auto& [id, p] : poppers) p->stop();
    poppers.clear();
    commands.stop();
    publish_status([](client_status& s) { s.connected = false; });
  }

  void connected() {
    scripts.load_all(soon());
    log::info("redis connected",
              {{"endpoint", published.endpoint}, {"connects", commands.link().connects()}});
    publish_status([](client_status& s) {
      s.connected = true;
      s.last_error.clear();
    });
    if (changed) changed(true);
  }

  void disconnected(const fault& why) {
    const bool was = std::exchange(was_connected, false);
    bool news = false;
    publish_status([&](client_status& s) {
      news = s.connected || s.last_error != why.detail;
      s.connected = false;
      s.last_error = why.detail;
    });
    if (news)
      log::warning("redis not connected",
                   {{"endpoint", published.endpoint}, {"error", why.detail}});
    if (was && changed) changed(false);
  }

  template <class Change>
  void publish_status(Change change) {
    const std::lock_guard lock(mutex);
    change(published);
    if (published.connected) was_connected = true;
    published.in_flight = commands.in_flight();
    published.queued = commands.queued();
    published.reconnects = commands.link().connects() > 0 ? commands.link().connects() - 1 : 0;
    published.subscribed = subscriptions.hears_heartbeats();
    published.topics = subscriptions.topics();
    published.poppers = poppers.size();
    published.counters = commands.counters();
  }

  void beat() {
    owner.arm_after(heartbeat, options.heartbeat_interval);
    publish_status([](client_status&) {});
    if (!subscriptions.hears_heartbeats() || !commands.link().ready()) return;
    const auto connects = subscriptions.link().connects();
    commands.command({"PUBLISH", "stagedoor:heartbeat:" + options.incarnation, "1"}, soon(),
                     [this, connects](const result<reply>& r) {
                       if (r && r->is_integer() && connects == subscriptions.link().connects())
                         subscriptions.heartbeat_published(r->integer);
                     });
  }

  void start_pop(popper_id id, popper_options wanted, popper_handlers handlers,
                 const std::function<void(const fault&)>& failed) {
    if (poppers.size() >= options.max_poppers) {
      if (failed)
        failed({fault_kind::overloaded, fault_side::self, retryable::no, "too many blocking pops"});
      return;
    }
    wanted.session = named(options.commands.session, "pop:" + wanted.source);
    auto made = std::make_unique<popper>(
        owner, names, where, std::move(wanted), std::move(handlers), [this](std::int64_t client) {
          commands.command({"CLIENT", "UNBLOCK", std::to_string(client), "TIMEOUT"}, soon(),
                           [](const result<reply>&) {});
        });
    made->start();
    poppers.emplace(id, std::move(made));
  }

  popper* find_pop(popper_id id) {
    const auto found = poppers.find(id);
    return found == poppers.end() ? nullptr : found->second.get();
  }

  void stop_pop(popper_id id) {
    const auto found = poppers.find(id);
    if (found == poppers.end()) return;
    found->second->stop();
    owner.dispose(std::move(found->second));  // it may be calling us
    poppers.erase(found);
  }

  bool started = false;
  loop& owner;
  const endpoint where;
  const client_options options;
  net::resolver names;
  connection commands;
  script_cache scripts;
  subscriber subscriptions;
  std::map<popper_id, std::unique_ptr<popper>> poppers;
  std::function<void(bool)> changed;
  bool was_connected = false;
  timer heartbeat;
  std::atomic<std::uint64_t> next_id{1};
  std::mutex mutex;
  client_status published;  ///< guarded by mutex; endpoint is constant after construction
};

client::client(loop& l, endpoint where, client_options options)
    : loop_(l), core_(std::make_shared<core>(l, std::move(where), std::move(options))) {}

client::~client() {
  // The last reference goes where the timers and sockets live; only when that loop has stopped,
  // here is as good. A mailbox that is merely full empties itself in a moment.
  const auto last = std::make_shared<std::shared_ptr<core>>(std::move(core_));
  const auto end = [last] {
    if (*last) (*last)->stop();
    last->reset();
  };
  while (!loop_.post(end)) {
    if (loop_.stopped()) {
      end();
      return;
    }
    std::this_thread::yield();
  }
}

template <class Task>
bool client::in_loop(Task task) {
  return loop_.post([state = core_, work = std::move(task)]() mutable { work(*state); });
}

result<void> client::start() {
  if (core_->where.security == transport::tls)
    return fault{fault_kind::unsupported, fault_side::operator_input, retryable::no,
                 fmt::format("{}: Redis over TLS is not supported yet", core_->where.to_string())};
  if (!in_loop([](core& c) { c.start(); })) return loop_full();
  return {};
}

void client::stop() {
  (void)in_loop([](core& c) { c.stop(); });
}

void client::on_connected(std::function<void(bool)> changed) {
  core_->changed = std::move(changed);
}

void client::command(redis::command words, mono_time deadline, reply_callback done) {
  const auto owed = std::make_shared<owed_callback>(std::move(done));
  if (!in_loop([words = std::move(words), deadline, owed](core& c) {
        c.commands.command(words, deadline, owed->take());
      }))
    owed->take()(loop_full());
}

void client::eval(const script& s, std::vector<std::string> keys, std::vector<std::string> args,
                  mono_time deadline, reply_callback done) {
  const auto owed = std::make_shared<owed_callback>(std::move(done));
  if (!in_loop(
          [&s, keys = std::move(keys), args = std::move(args), deadline, owed](core& c) mutable {
            c.scripts.eval(s, std::move(keys), std::move(args), deadline, owed->take());
          }))
    owed->take()(loop_full());
}

subscription_id client::subscribe(topic what, subscription_handlers handlers,
                                  const std::function<void(const fault&)>& failed) {
  const auto id = core_->next_id.fetch_add(1);
  if (!in_loop(
          [id, what = std::move(what), handlers = std::move(handlers), failed](core& c) mutable {
            const auto taken = c.subscriptions.subscribe(id, std::move(what), std::move(handlers));
            if (!taken && failed) failed(taken.error());
          }) &&
      failed)
    failed(loop_full());
  return id;
}

void client::unsubscribe(subscription_id id) {
  (void)in_loop([id](core& c) { c.subscriptions.unsubscribe(id); });
}

popper_id client::start_pop(popper_options options, popper_handlers handlers,
                            const std::function<void(const fault&)>& failed) {
  const auto id = core_->next_id.fetch_add(1);
  if (!in_loop([id, options = std::move(options), handlers = std::move(handlers),
                failed](core& c) mutable {
        c.start_pop(id, std::move(options), std::move(handlers), failed);
      }) &&
      failed)
    failed(loop_full());
  return id;
}

void client::arm_pop(popper_id id) {
  (void)in_loop([id](core& c) {
    if (auto* p = c.find_pop(id)) p->arm();
  });
}

void client::disarm_pop(popper_id id) {
  (void)in_loop([id](core& c) {
    if (auto* p = c.find_pop(id)) p->disarm();
  });
}

void client::stop_pop(popper_id id) {
  (void)in_loop([id](core& c) { c.stop_pop(id); });
}

client_status client::status() const {
  const std::lock_guard lock(core_->mutex);
  return core_->published;
}

}  // namespace stagedoor::redis
