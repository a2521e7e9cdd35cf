// SPDX-License-Identifier: Apache-2.0
// The HTTP data plane of one loop: its listeners, connections, upstreams and its view of the sites.
//
// A node makes one edge a loop with the same entry points; the kernel spreads the clients.
// Owner: the composition root; must outlive no loop. Runs on: its loop, but for construction and
// start(), which may happen before the loop starts. Bounded by: edge_options.
#pragma once

#include "runtime/http/access_log.hpp"
#include "runtime/http/balancer.hpp"
#include "runtime/http/buffer.hpp"
#include "runtime/http/edge_options.hpp"
#include "runtime/http/forwarded.hpp"
#include "runtime/http/head_writer.hpp"
#include "runtime/http/middleware.hpp"
#include "runtime/http/site_states.hpp"
#include "runtime/http/upstream_pool.hpp"
#include "runtime/loop/loop.hpp"
#include "runtime/net/open_socket.hpp"
#include "runtime/snapshot/table.hpp"

#include <array>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stagedoor::http {

class connection;
class listener;
class transaction;

class edge {
 public:
  edge(loop& l, edge_options options, std::vector<entry_point> entry_points);
  ~edge();
  edge(const edge&) = delete;
  edge& operator=(const edge&) = delete;

  // -- lifecycle -------------------------------------------------------------------------------------

  /// Listens on every entry point. On failure: conflict, refused, overloaded, internal.
  /// |given|: sockets that listen already, of a process that this one replaces; those of its entry
  /// points are taken out and used, and only where there is none one is opened.
  [[nodiscard]] result<void> start(std::vector<net::open_socket>& given);
  [[nodiscard]] result<void> start() {
    std::vector<net::open_socket> none;
    return start(none);
  }
  /// Accepts no more; open exchanges finish, their connections close. |drained| is called when the
  /// last is gone or edge_options::grace has passed.
  void drain(std::function<void()> drained);
  /// For a node that is replaced while its clients go on: as drain(), but a kept connection may ask
  /// once more, since a request may be on its way, and is closed when it stayed silent for the
  /// grace. Open exchanges have |patience| to finish.
  void hand_over(milliseconds patience, std::function<void()> drained);
  /// Adds a copy of each socket that listens.
  void copy_sockets(std::vector<net::open_socket>& to) const;
  /// Closes everything at once.
  void stop();

  // -- what it serves --------------------------------------------------------------------------------

  /// The subscription of the site publisher: a new version of some sites.
  void apply(const snapshot::delta<site>& change);

  /// Servers that failed their health check; null: none.
  void set_down_servers(std::shared_ptr<const down_servers> down) { down_ = std::move(down); }

  /// What the proxy itself answers, on every host and before any site: fills exchange::answer and
  /// returns true, or leaves the request alone. Health checks, certificate challenges, the
  /// redirection of an entry point. Must not block.
  using internal_answer = std::function<bool(exchange&)>;
  void set_internal_answer(internal_answer hook) { internal_answer_ = std::move(hook); }

  /// Before the loop starts. Without one nothing is logged.
  void set_access_log(access_log log);
  [[nodiscard]] access_log* log() noexcept { return log_ ? &*log_ : nullptr; }

  /// Where it listens, in the order of the entry points; after start().
  [[nodiscard]] std::vector<net::address> addresses() const;

  [[nodiscard]] const edge_counters& counters() const noexcept { return counters_; }
  [[nodiscard]] const edge_options& options() const noexcept { return options_; }

  // -- for its connections ---------------------------------------------------------------------------

  /// Takes over a connected client: for listeners, and for tests with socket pairs.
  void accept(unique_fd fd, const connection_facts& facts);
  void closed(connection& c);
  void yielded(connection& c);
  [[nodiscard]] std::unique_ptr<transaction> take_transaction();
  void give_transaction(std::unique_ptr<transaction> t);

  [[nodiscard]] loop& owner() noexcept { return loop_; }
  [[nodiscard]] buffer_pool& buffers() noexcept { return buffers_; }
  [[nodiscard]] upstream_pool& upstreams() noexcept { return upstreams_; }
  [[nodiscard]] site_states& states() noexcept { return states_; }
  [[nodiscard]] const snapshot::table_view<site>& sites() const noexcept { return sites_; }
  [[nodiscard]] head_writer& writer() noexcept { return writer_; }
  [[nodiscard]] edge_counters& count() noexcept { return counters_; }
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  [[nodiscard]] const forwarded& forwarded_fields(std::uint8_t entry_point) const noexcept {
    return forwarded_[entry_point];
  }
  /// The index of the server whose turn it is; nothing when none is available.
  [[nodiscard]] std::optional<std::size_t> choose_server(const std::shared_ptr<const service>& of);
  [[nodiscard]] middleware_state& middlewares() noexcept { return *middlewares_; }
  [[nodiscard]] const internal_answer& internal_answers() const noexcept {
    return internal_answer_;
  }
  /// The label in front of the platform's domain when |host| is just that, so that somebody may
  /// know how to make a site for it; otherwise empty.
  [[nodiscard]] std::string_view platform_label(std::string_view host) const noexcept;
  /// Of this second, as a Date field wants it.
  [[nodiscard]] std::string_view date();

 private:
  void resume_yielded();
  void check_drained();
  void close_idle();

  loop& loop_;
  const edge_options options_;
  const std::vector<entry_point> entry_points_;
  edge_counters counters_;
  buffer_pool buffers_;
  head_writer writer_;
  upstream_pool upstreams_;
  snapshot::table_view<site> sites_;
  site_states states_;
  std::vector<forwarded> forwarded_;                           ///< by index of the entry point
  std::array<const tls::server_context*, 64> tls_contexts_{};  ///< likewise
  balancer balancer_;
  std::shared_ptr<const down_servers> down_;  ///< null: all are up
  std::unique_ptr<middleware_state> middlewares_;
  timer sweep_;
  std::optional<access_log> log_;
  internal_answer internal_answer_;
  std::string date_;
  std::time_t date_second_ = 0;
  std::vector<std::unique_ptr<listener>> listeners_;
  std::vector<std::unique_ptr<transaction>> spare_transactions_;
  std::vector<connection*> yielded_;
  std::vector<connection*> resuming_;
  connection* connections_ = nullptr;                       ///< all of them, a list
  std::shared_ptr<void> alive_ = std::make_shared<char>();  ///< ends with this edge
  bool draining_ = false;
  std::function<void()> drained_;
  timer grace_;
  milliseconds patience_{0};  ///< after the grace, for open exchanges; 0 = none
};

}  // namespace stagedoor::http
