// SPDX-License-Identifier: Apache-2.0
#include "cluster/handover.hpp"

#include "configs/defaults.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/base/log.hpp"

#include <csignal>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace stagedoor::cluster {
namespace {

constexpr std::string_view greeting = "stagedoor-handover";
constexpr std::string_view protocol = "1";
constexpr std::string_view ready = "ready";
constexpr std::string_view ready_with_redis = "ready redis";
constexpr std::size_t max_sockets = 65'536;

fault refused(std::string detail) {
  return {fault_kind::refused, fault_side::peer, retryable::no, std::move(detail)};
}

result<net::open_socket> read_socket(const std::vector<std::string_view>& words, unique_fd fd) {
  const bool udp = words.size() == 3 && words[1] == net::to_string(net::socket_kind::udp);
  const bool tcp = words.size() == 3 && words[1] == net::to_string(net::socket_kind::tcp);
  if (!fd || (!udp && !tcp))
    return fault{fault_kind::malformed, fault_side::peer, retryable::no,
                 "the running node offers something that is no socket"};
  auto at = net::address::parse(words[2]);
  if (!at) return std::move(at).error();
  return net::open_socket{udp ? net::socket_kind::udp : net::socket_kind::tcp, *at, std::move(fd)};
}

}  // namespace

// -- the new process -------------------------------------------------------------------------------

result<successor> successor::meet(const std::string& data_dir, const std::string& version) {
  auto channel = net::handover_channel::connect(data_dir);
  if (!channel) return std::move(channel).error();
  successor out(*std::move(channel));
  const auto hello = fmt::format("{} {} {}", greeting, protocol, version);
  if (auto sent = out.channel_.send(hello); !sent) return std::move(sent).error();
  for (;;) {
    auto said = out.channel_.receive(defaults::handover_step);
    if (!said) return std::move(said).error();
    const auto words = ascii::split(said->text, ' ');
    if (words[0] == "socket") {
      auto socket = read_socket(words, std::move(said->fd));
      if (!socket) return std::move(socket).error();
      if (out.sockets_.size() == max_sockets) return refused("too many sockets are offered");
      out.sockets_.push_back(*std::move(socket));
    } else if (words[0] == "redis") {
      const auto port =
          words.size() == 2 ? ascii::parse_number<std::uint16_t>(words[1]) : std::nullopt;
      if (!port || !said->fd) return refused("the running node offers a Redis without its port");
      out.redis_port_ = *port;
      out.redis_ = std::move(said->fd);
    } else if (words[0] == "sockets") {
      const auto count = words.size() == 2 ? ascii::parse_number(words[1]) : std::nullopt;
      if (count != out.sockets_.size()) return refused("not all sockets arrived");
      return out;
    } else if (words[0] == "refused") {
      return refused("the running node says: " + said->text);
    }
  }
}

unique_fd successor::take_redis(std::uint16_t port) {
  if (port != redis_port_) return {};
  goes_on_with_redis_ = static_cast<bool>(redis_);
  return std::move(redis_);
}

result<unique_fd> successor::become_owner() {
  if (auto sent = channel_.send(goes_on_with_redis_ ? ready_with_redis : ready); !sent)
    return std::move(sent).error();
  redis_.reset();
  // The predecessor's tree stops first; its own deadlines are the supervisors'.
  auto said = channel_.receive(defaults::handover_serve);
  if (!said) return std::move(said).error();
  if (said->text != "released" || !said->fd)
    return refused("the running node says: " + said->text.substr(0, 200));
  return std::move(said->fd);
}

void successor::serving() {
  if (auto sent = channel_.send("serving"); sent) (void)channel_.receive(defaults::handover_step);
  channel_ = {};
}

// -- the running one -------------------------------------------------------------------------------

predecessor::predecessor(net::handover_channel channel) : channel_(std::move(channel)) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(channel_.fd(), SOL_SOCKET, SO_PEERCRED, &who, &size) == 0)
    process_.reset(static_cast<int>(::syscall(SYS_pidfd_open, who.pid, 0)));
}

result<void> predecessor::offer(const std::vector<net::open_socket>& sockets,
                                const offered_redis& redis, const std::function<bool()>& give_up) {
  const auto hello = channel_.receive(defaults::handover_step, give_up);
  if (!hello) return hello.error();
  const auto words = ascii::split(hello->text, ' ');
  if (words.size() != 3 || words[0] != greeting || words[1] != protocol) {
    const auto why = fmt::format("this node speaks {} {}", greeting, protocol);
    (void)channel_.send("refused " + why);
    return refused(why + ", not: " + hello->text.substr(0, 100));
  }
  if (!process_) return refused("the process that asks cannot be watched");
  log::info("a successor prepares", {{"version", words[2]}, {"sockets", sockets.size()}});
  for (const auto& s : sockets)
    if (auto sent = channel_.send(
            fmt::format("socket {} {}", net::to_string(s.kind), s.at.to_string()), s.fd.get());
        !sent)
      return sent;
  if (redis.lifeline)
    if (auto sent = channel_.send(fmt::format("redis {}", redis.port), redis.lifeline.get()); !sent)
      return sent;
  if (auto sent = channel_.send(fmt::format("sockets {}", sockets.size())); !sent) return sent;
  const auto said = channel_.receive(defaults::handover_prepare, give_up);
  if (!said) return said.error();
  redis_taken_ = redis.lifeline && said->text == ready_with_redis;
  if (!redis_taken_ && said->text != ready)
    return refused("the successor says: " + said->text.substr(0, 200));
  return {};
}

result<void> predecessor::release(int data_lock, const std::function<bool()>& give_up) {
  auto outcome = channel_.send("released", data_lock);
  if (outcome) {
    const auto said = channel_.receive(defaults::handover_serve, give_up);
    if (said && said->text == "serving") {
      (void)channel_.send("done");
      return {};
    }
    // Told to stop meanwhile: the successor owns, and is left alone.
    if (!said && said.error().kind == fault_kind::timed_out && give_up()) return {};
    outcome = said ? result<void>(refused("the successor says: " + said->text.substr(0, 200)))
                   : result<void>(said.error());
  }
  end_successor();
  return outcome;
}

// It may own already. What it owned can be taken back only when it is certain that it has ended.
void predecessor::end_successor() {
  ::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
  pollfd ended{process_.get(), POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace stagedoor::cluster
