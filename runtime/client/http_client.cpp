// SPDX-License-Identifier: Apache-2.0
#include "runtime/client/http_client.hpp"

#include "runtime/base/log.hpp"
#include "runtime/client/transfer.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <fmt/format.h>
#include <map>
#include <mutex>

namespace stagedoor::client {

namespace {

fault overloaded(std::string detail) {
  return {fault_kind::overloaded, fault_side::self, retryable::yes, std::move(detail)};
}

void initialise_libcurl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

// The way to the loop for other threads, who may outlive the client: closed by stop().
class http_client::door {
 public:
  explicit door(loop& where) : where_(&where) {}

  [[nodiscard]] bool post(loop::task t) {
    const std::lock_guard lock(mutex_);
    return where_ != nullptr && where_->post(std::move(t));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    where_ = nullptr;
  }

 private:
  std::mutex mutex_;
  loop* where_;  ///< null = closed
};

void transfer_handle::cancel() {
  if (!stop_) return;
  stop_->asked.store(true, std::memory_order_relaxed);
  if (wake_) wake_();
}

class http_client::core : public std::enable_shared_from_this<core> {
 public:
  core(loop& where, net::resolver& names, http_client_options options);
  ~core();

  [[nodiscard]] std::uint64_t next_id() { return ++last_id_; }
  void accept(std::unique_ptr<transfer> t);
  void forget(std::uint64_t id);
  void stop();

 private:
  // A socket of libcurl's, level-triggered: libcurl may leave bytes unread.
  struct socket final : io_handler {
    socket(core& c, int descriptor) : owner(c), fd(descriptor) {}
    void on_io(std::uint32_t events) override { owner.on_socket(*this, events); }
    core& owner;
    int fd;
    bool closed = false;
  };

  static int on_socket_wanted(CURL*, curl_socket_t fd, int what, void* self, void* socket_data);
  static int on_timer_wanted(CURLM*, long milliseconds_left, void* self);
  void want_socket(int fd, int what, socket* known);
  void on_socket(socket& s, std::uint32_t events);
  void on_timer();
  void after_libcurl();

  void run(std::uint64_t id);
  void begin(std::uint64_t id, const origin& to, result<net::addresses> found);
  void finish(std::uint64_t id, result<void> outcome);
  void run_queued();

  loop& loop_;
  net::resolver& names_;
  const http_client_options options_;
  CURLM* multi_;
  timer timer_;
  std::atomic<std::uint64_t> last_id_{0};
  std::map<std::uint64_t, std::unique_ptr<transfer>> transfers_;
  std::deque<std::uint64_t> queued_;
  std::map<int, std::unique_ptr<socket>> sockets_;
  std::size_t running_ = 0;  ///< resolving or in libcurl
  bool stopped_ = false;
};

http_client::core::core(loop& where, net::resolver& names, http_client_options options)
    : loop_(where), names_(names), options_(std::move(options)), timer_([this] { on_timer(); }) {
  initialise_libcurl();
  multi_ = curl_multi_init();
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &core::on_socket_wanted);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &core::on_timer_wanted);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options_.max_idle_connections));
}

http_client::core::~core() { curl_multi_cleanup(multi_); }

// -- transfers ---------------------------------------------------------------------------------------

void http_client::core::accept(std::unique_ptr<transfer> t) {
  const auto id = t->id();
  if (stopped_ || (running_ >= options_.max_transfers && queued_.size() >= options_.max_queued)) {
    t->conclude(stopped_
                    ? fault{fault_kind::closed, fault_side::self, retryable::no, "client stopped"}
                    : overloaded(t->asked().url + ": too many requests wait"));
    return;
  }
  if (const auto limit = t->asked().deadline; limit.count() > 0) {
    t->deadline = std::make_unique<timer>([this, id] {
      finish(id, fault{fault_kind::timed_out, fault_side::upstream, retryable::yes,
                       transfers_.at(id)->asked().url + ": deadline passed"});
    });
    loop_.arm_after(*t->deadline, limit);
  }
  transfers_.emplace(id, std::move(t));
  queued_.push_back(id);
  run_queued();
}

void http_client::core::run_queued() {
  while (running_ < options_.max_transfers && !queued_.empty()) {
    const auto id = queued_.front();
    queued_.pop_front();
    ++running_;
    run(id);
  }
}

// Name first, then libcurl.
void http_client::core::run(std::uint64_t id) {
  const auto& t = *transfers_.at(id);
  const auto to = origin_of(t.asked().url);
  if (!to)
    return loop_.defer(
        [self = shared_from_this(), id, error = to.error()] { self->finish(id, error); });
  if (!t.asked().unix_socket.empty() || net::address::parse_ip(to->host, 0))
    return begin(id, *to, net::addresses{});
  names_.lookup(to->host, loop_.now() + t.asked().connect_deadline,
                [weak = weak_from_this(), id, to = *to](result<net::addresses> found) {
                  if (const auto self = weak.lock()) self->begin(id, to, std::move(found));
                });
}

void http_client::core::begin(std::uint64_t id, const origin& to, result<net::addresses> found) {
  const auto at = transfers_.find(id);
  if (at == transfers_.end()) return;  // its deadline passed while the name was looked up
  if (!found) return finish(id, std::move(found).error());
  auto& t = *at->second;
  const auto easy = t.prepare(options_.user_agent, to, *found);
  if (!easy) return finish(id, easy.error());
  if (const auto pause = t.asked().idle_deadline; pause.count() > 0) {
    t.idle = std::make_unique<timer>([this, id] {
      finish(id, fault{fault_kind::timed_out, fault_side::upstream, retryable::yes,
                       transfers_.at(id)->asked().url + ": the stream fell silent"});
    });
    loop_.arm_after(*t.idle, pause);
    t.on_progress = [this, &t, pause] { loop_.arm_after(*t.idle, pause); };
  }
  if (curl_multi_add_handle(multi_, *easy) != CURLM_OK) {
    t.release();
    finish(id, overloaded("libcurl refused a transfer"));
  }
}

void http_client::core::finish(std::uint64_t id, result<void> outcome) {
  auto entry = transfers_.extract(id);
  if (entry.empty()) return;
  auto owned = std::move(entry.mapped());
  auto& t = *owned;
  if (const auto waiting = std::find(queued_.begin(), queued_.end(), id); waiting != queued_.end())
    queued_.erase(waiting);
  else
    --running_;
  if (t.easy() != nullptr) curl_multi_remove_handle(multi_, t.easy());
  t.release();
  const auto self = shared_from_this();
  loop_.dispose(std::move(owned));  // a timer of its own may be what called us
  if (!stopped_) run_queued();
  t.conclude(std::move(outcome));
}

void http_client::core::forget(std::uint64_t id) {
  finish(id, fault{fault_kind::closed, fault_side::self, retryable::no, "cancelled"});
}

void http_client::core::stop() {
  stopped_ = true;
  timer_.cancel();
  while (!transfers_.empty())
    finish(transfers_.begin()->first,
           fault{fault_kind::closed, fault_side::self, retryable::no, "client stopped"});
  for (auto& [fd, s] : sockets_) loop_.unwatch(fd);
}

// -- between libcurl and the loop ----------------------------------------------------------------------

int http_client::core::on_socket_wanted(CURL*, curl_socket_t fd, int what, void* self, void* data) {
  static_cast<core*>(self)->want_socket(fd, what, static_cast<socket*>(data));
  return 0;
}

void http_client::core::want_socket(int fd, int what, socket* known) {
  if (what == CURL_POLL_REMOVE) {
    const auto at = sockets_.find(fd);
    if (at == sockets_.end()) return;
    at->second->closed = true;
    loop_.unwatch(fd);
    loop_.dispose(std::move(at->second));
    sockets_.erase(at);
    return;
  }
  std::uint32_t events = 0;
  if ((what & CURL_POLL_IN) != 0) events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) events |= EPOLLOUT;
  result<void> done;
  if (known != nullptr) {
    done = loop_.rewatch(fd, events, *known);
  } else {
    auto fresh = std::make_unique<socket>(*this, fd);
    done = loop_.watch(fd, events, *fresh);
    curl_multi_assign(multi_, fd, fresh.get());
    sockets_[fd] = std::move(fresh);
  }
  // The transfer then ends at its deadline; a descriptor that epoll refuses is an exhausted
  // machine.
  if (!done) log::error("socket not watched", {{"error", to_string(done.error())}});
}

void http_client::core::on_socket(socket& s, std::uint32_t events) {
  if (s.closed || stopped_) return;
  int what = 0;
  if ((events & (EPOLLIN | EPOLLHUP)) != 0) what |= CURL_CSELECT_IN;
  if ((events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) what |= CURL_CSELECT_ERR;
  int running = 0;
  curl_multi_socket_action(multi_, s.fd, what, &running);
  after_libcurl();
}

int http_client::core::on_timer_wanted(CURLM*, long left, void* self) {
  auto& c = *static_cast<core*>(self);
  if (left < 0)
    c.timer_.cancel();
  else
    c.loop_.arm_after(c.timer_, milliseconds(left));
  return 0;
}

void http_client::core::on_timer() {
  int running = 0;
  curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  after_libcurl();
}

// Callbacks run only here, outside libcurl, and may do anything, stop() included.
void http_client::core::after_libcurl() {
  std::vector<std::pair<std::uint64_t, CURLcode>> ended;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    transfer* t = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
    ended.emplace_back(t->id(), message->data.result);
  }
  const auto self = shared_from_this();
  for (const auto& [id, code] : ended) {
    const auto at = transfers_.find(id);
    if (at == transfers_.end()) continue;
    auto& t = *at->second;
    if (t.redirect(code)) {
      curl_multi_remove_handle(multi_, t.easy());
      t.release();
      run(id);
    } else {
      finish(id, t.outcome(code));
    }
  }
}

// -- http_client ---------------------------------------------------------------------------------------

http_client::http_client(loop& where, net::resolver& names, http_client_options options)
    : door_(std::make_shared<door>(where)),
      core_(std::make_shared<core>(where, names, std::move(options))) {}

http_client::~http_client() { stop(); }

void http_client::stop() {
  door_->close();
  core_->stop();
}

result<transfer_handle> http_client::launch(request r, response_callback done,
                                            stream_callbacks callbacks) {
  if (const auto good = check(r); !good) return good.error();
  transfer_handle handle;
  handle.stop_ = std::make_shared<cancellation>();
  const auto id = core_->next_id();
  auto t = done ? std::make_unique<transfer>(id, std::move(r), std::move(done), handle.stop_)
                : std::make_unique<transfer>(id, std::move(r), std::move(callbacks), handle.stop_);
  // A std::function must be copyable, hence the shared box.
  auto box = std::make_shared<std::unique_ptr<transfer>>(std::move(t));
  const std::weak_ptr<core> weak = core_;
  if (!door_->post([weak, box] {
        if (const auto c = weak.lock()) c->accept(std::move(*box));
      }))
    return overloaded("the HTTP client is stopped, or its loop takes no more tasks");
  // When this post is refused the connection closes at its next chunk or deadline instead.
  handle.wake_ = [way = door_, weak, id] {
    (void)way->post([weak, id] {
      if (const auto c = weak.lock()) c->forget(id);
    });
  };
  return handle;
}

result<transfer_handle> http_client::send(request r, response_callback done) {
  return launch(std::move(r), std::move(done), {});
}

result<transfer_handle> http_client::stream(request r, stream_callbacks callbacks) {
  return launch(std::move(r), {}, std::move(callbacks));
}

}  // namespace stagedoor::client
