// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/local_server.hpp"

#include "runtime/net/socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <utility>

namespace stagedoor::http {
namespace {

std::string_view reason_of(std::uint16_t status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Status";
  }
}

result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.size() >= sizeof at.sun_path)
    return fault{
        fault_kind::too_large, fault_side::operator_input, retryable::no,
        fmt::format("socket path \"{}\": expected at most {} bytes", path, sizeof at.sun_path - 1)};
  std::memcpy(at.sun_path, path.data(), path.size());
  return at;
}

const sockaddr* as_sockaddr(const sockaddr_un& at) {
  return reinterpret_cast<const sockaddr*>(&at);
}

}  // namespace

class local_server::listener final : public io_handler {
 public:
  listener(local_server& owner, unique_fd fd, std::string path)
      : owner_(owner), fd_(std::move(fd)), path_(std::move(path)) {}
  ~listener() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  void on_io(std::uint32_t) override {
    for (;;) {
      unique_fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) return;  // EAGAIN, or nothing that the next event would not tell again
      owner_.accepted(std::move(fd));
    }
  }

 private:
  local_server& owner_;
  unique_fd fd_;
  std::string path_;  ///< of a unix socket, removed at the end
};

class local_server::connection final : public io_handler {
 public:
  connection(local_server& owner, std::uint64_t id, unique_fd fd)
      : owner_(owner), id_(id), fd_(std::move(fd)), deadline_([this] { expired(); }) {}

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  [[nodiscard]] bool idle() const noexcept { return !waiting_ && out_.empty(); }

  void begin() { owner_.loop_.arm_after(deadline_, owner_.options_.read_deadline); }

  /// Out of the table; what still arrives in this turn is not for it.
  void leave() noexcept { gone_ = true; }

  void on_io(std::uint32_t events) override {
    if (gone_) return;
    if ((events & EPOLLOUT) != 0) {
      if (!flush()) return;
      next();
      if (gone_) return;
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) read();
  }

  /// What the handler says to request |turn|. A second answer, or one after the 504, is nobody's.
  void answer(std::uint64_t turn, const local_reply& reply) {
    if (waiting_ && turn == turn_) send(reply);
  }

 private:
  void send(const local_reply& reply) {
    waiting_ = false;
    out_ += fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n",
                        reply.status, reason_of(reply.status), reply.content_type,
                        reply.body.size(), keep_alive_ ? "" : "Connection: close\r\n");
    if (!head_only_) out_ += reply.body;
    owner_.loop_.arm_after(deadline_, owner_.options_.read_deadline);
    if (flush() && keep_alive_) next();
  }

  void read() {
    char chunk[16384];
    for (;;) {
      const auto n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) break;
      if (n <= 0) {
        owner_.drop(id_);
        return;
      }
      in_.append(chunk, static_cast<std::size_t>(n));
      // A client that keeps sending while it waits for its answer has one head and one body of
      // room.
      if (in_.size() > 2 * owner_.options_.body_bytes + (128U << 10U)) {
        owner_.drop(id_);
        return;
      }
      if (static_cast<std::size_t>(n) < sizeof chunk) break;
    }
    next();
  }

  // Takes the next whole request out of the buffer, unless one is being answered or its answer is
  // still on its way out: a client that does not read must not make answers pile up.
  void next() {
    if (waiting_ || !keep_alive_ || !out_.empty() || in_.empty()) return;
    if (!head_done_ && !take_head()) return;
    const std::size_t whole = head_bytes_ + body_bytes_;
    if (in_.size() < whole) return;
    auto request = std::exchange(request_, {});
    request.body = in_.substr(head_bytes_, body_bytes_);
    in_.erase(0, whole);
    keep_alive_ = keeps_alive_after_;
    head_only_ = request.method == "HEAD";
    head_done_ = false;
    waiting_ = true;
    owner_.loop_.arm_after(deadline_, owner_.options_.answer_deadline);
    auto respond = [weak = std::weak_ptr(owner_.self_), l = &owner_.loop_, id = id_,
                    turn = ++turn_](local_reply reply) {
      (void)l->post([weak, id, turn, reply = std::move(reply)] {
        if (const auto alive = weak.lock(); alive != nullptr && *alive != nullptr)
          (*alive)->answer(id, turn, reply);
      });
    };
    owner_.handler_(std::move(request), std::move(respond));
  }

  // Starts over at each call: the parser's views would not survive the buffer's growing. What is
  // needed later is copied. False when the head is incomplete or was refused.
  bool take_head() {
    head_parser parser;
    request_head head;
    switch (parser.parse_request(in_, head)) {
      case parse_state::incomplete: return false;
      case parse_state::failed: refuse(parser.error().status, parser.error().reason); return false;
      case parse_state::done: break;
    }
    if (head.framing == body_framing::chunked) {
      refuse(501, "chunked request bodies are not taken here: send Content-Length");
      return false;
    }
    if (head.framing == body_framing::length && head.content_length > owner_.options_.body_bytes) {
      refuse(413, "the body is too large");
      return false;
    }
    request_ = {std::string(head.method), std::string(head.path), std::string(head.query), ""};
    head_bytes_ = parser.size();
    body_bytes_ = head.framing == body_framing::length ? head.content_length : 0;
    keeps_alive_after_ = head.keep_alive;
    head_done_ = true;
    return true;
  }

  void refuse(std::uint16_t status, std::string_view why) {
    keep_alive_ = false;
    send({status, "text/plain", fmt::format("{}\n", why)});
  }

  void expired() {
    if (waiting_)
      refuse(504, "no answer in time");
    else
      owner_.drop(id_);
  }

  // False when the connection is gone.
  bool flush() {
    while (!out_.empty()) {
      const auto n = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return true;
      if (n < 0) {
        owner_.drop(id_);
        return false;
      }
      out_.erase(0, static_cast<std::size_t>(n));
    }
    if (!keep_alive_ && !waiting_) {
      owner_.drop(id_);
      return false;
    }
    return true;
  }

  local_server& owner_;
  const std::uint64_t id_;
  unique_fd fd_;
  timer deadline_;
  std::string in_;
  std::string out_;
  local_request request_;  ///< its head, while its body is on the way
  std::size_t head_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  std::uint64_t turn_ = 0;  ///< the request that is with the handler, or was last
  bool keeps_alive_after_ = true;
  bool head_done_ = false;
  bool waiting_ = false;  ///< a request is with the handler
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool gone_ = false;
};

local_server::local_server(loop& l, handler h, local_server_options options)
    : loop_(l),
      handler_(std::move(h)),
      options_(options),
      self_(std::make_shared<local_server*>(this)) {}

local_server::~local_server() { close(); }

result<void> local_server::listen_unix(const std::string& path) {
  const auto at = unix_address(path);
  if (!at) return at.error();
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_fault(fault_side::self, "socket", errno);
  if (::connect(fd.get(), as_sockaddr(*at), sizeof *at) == 0)
    return fault{fault_kind::conflict, fault_side::self, retryable::no,
                 fmt::format("{}: another node answers on this socket", path)};
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode))
      return fault{fault_kind::conflict, fault_side::operator_input, retryable::no,
                   fmt::format("{}: exists and is no socket", path)};
    ::unlink(path.c_str());  // left behind by a node that was killed
  }
  fd.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto mask = ::umask(0177);
  const int bound = ::bind(fd.get(), as_sockaddr(*at), sizeof *at);
  const int error = errno;
  ::umask(mask);
  if (bound != 0) return errno_fault(fault_side::self, fmt::format("bind {}", path), error);
  if (::listen(fd.get(), 64) != 0)
    return errno_fault(fault_side::self, fmt::format("listen {}", path), errno);
  listeners_.push_back(std::make_unique<listener>(*this, std::move(fd), path));
  return loop_.watch(listeners_.back()->fd(), EPOLLIN | EPOLLET, *listeners_.back());
}

result<void> local_server::listen_tcp(const net::address& at) {
  auto fd = net::listen_tcp(at, 64, net::port_use::alone);
  if (!fd) return std::move(fd).error();
  listeners_.push_back(std::make_unique<listener>(*this, *std::move(fd), ""));
  return loop_.watch(listeners_.back()->fd(), EPOLLIN | EPOLLET, *listeners_.back());
}

void local_server::close() {
  *self_ = nullptr;
  for (auto& l : listeners_) loop_.dispose(std::move(l));
  listeners_.clear();
  for (auto& [id, c] : connections_) {
    c->leave();
    loop_.dispose(std::move(c));
  }
  connections_.clear();
}

bool local_server::idle() const noexcept {
  return std::all_of(connections_.begin(), connections_.end(),
                     [](const auto& entry) { return entry.second->idle(); });
}

void local_server::accepted(unique_fd fd) {
  if (connections_.size() >= options_.connections) return;  // closes it
  const auto id = next_id_++;
  auto made = std::make_unique<connection>(*this, id, std::move(fd));
  if (!loop_.watch(made->fd(), all_edges, *made)) return;
  made->begin();
  connections_.emplace(id, std::move(made));
}

void local_server::answer(std::uint64_t id, std::uint64_t turn, const local_reply& reply) {
  if (const auto it = connections_.find(id); it != connections_.end())
    it->second->answer(turn, reply);
}

void local_server::drop(std::uint64_t id) {
  const auto it = connections_.find(id);
  if (it == connections_.end()) return;
  it->second->leave();
  loop_.dispose(std::move(it->second));
  connections_.erase(it);
}

}  // namespace stagedoor::http
