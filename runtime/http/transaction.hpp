// SPDX-License-Identifier: Apache-2.0
// One request on its way to an upstream, and the response on its way back.
//
// The order of decisions is in pipeline.cpp; this class knows how bytes move and what can happen to
// them meanwhile: early and interim responses, a kept connection that turns out to be closed,
// either side going away, upgrades. Owner: a connection while a request is under way, else the
// edge's pool of spare ones. Runs on: the loop. Bounded by: one block for the head, one a direction
// for the body.
#pragma once

#include "runtime/http/body_relay.hpp"
#include "runtime/http/head_parser.hpp"
#include "runtime/http/middleware.hpp"
#include "runtime/http/site_states.hpp"
#include "runtime/http/upstream_pool.hpp"
#include "runtime/snapshot/open_questions.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace stagedoor::http {

class connection;
class edge;

class transaction final : private upstream_user, private snapshot::name_waiter {
 public:
  explicit transaction(edge& owner);
  ~transaction() override;
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;

  /// Begins with a connection that has bytes of a new head.
  void begin(connection& client);
  /// Looks at the head as far as it is there. done: run() is next; failed: refuse() is.
  [[nodiscard]] parse_state read_head();
  [[nodiscard]] const parse_fault& error() const noexcept { return request_parser_.error(); }

  /// The head is complete: decides and starts (pipeline.cpp).
  void run();
  /// Answers a head that could not be read, and ends the connection.
  void refuse(const parse_fault& why);
  /// The bytes of an incomplete head are somewhere else now.
  void head_moved() noexcept { request_parser_.reset(); }
  /// The client's socket has news, or it is this exchange's turn again.
  void go_on();
  void on_deadline();
  /// The connection goes away: everything is let go.
  void cancel();

 private:
  enum class phase : std::uint8_t {
    idle,
    parked,   ///< its host is being asked about
    holding,  ///< a middleware makes the request wait
    connecting,
    exchanging,  ///< request on its way, response awaited or on its way
    answering,   ///< a response of our own is on its way
    tunnel,      ///< upgraded
  };
  enum class next : std::uint8_t { step, stop };

  // -- pipeline.cpp: the steps in their order ------------------------------------------------------

  next answer_internal();
  void run_from_route();
  next find_route();
  next ask_about_host(const route* otherwise);
  void name_answered(snapshot::activation outcome) override;
  void run_from_middlewares();
  next run_request_middlewares();
  next choose_server();
  void reach_upstream();
  void run_response_middlewares(const response_facts& facts);

  // -- transaction.cpp: bytes ----------------------------------------------------------------------

  void on_upstream() override;
  void use(std::unique_ptr<upstream_connection> c);
  void send_request();
  void exchange_bytes();
  void move_request(std::string_view head = {});
  bool retry();
  void upstream_gone(std::uint16_t status);
  void client_gone();
  void move_response(std::string_view head = {});
  bool read_response_head();
  void got_response_head();
  void pass_interim();
  void begin_response();
  void begin_tunnel();
  void move_tunnel(std::string_view head = {});
  void wait_for_progress();
  void release_upstream(bool keep);
  void finish();
  void write_log();
  void let_go(bool keep_upstream);
  [[nodiscard]] bool has_bare_query() const noexcept;
  [[nodiscard]] std::string_view authority_to_send() const noexcept;

  // -- answer.cpp: responses of our own ------------------------------------------------------------

  void respond(std::uint16_t status, std::string_view body);
  void host_not_found_out();
  void send_answer();
  [[nodiscard]] bool take_unread_body();
  void filter_answer(body_filter& filter);
  void move_answer(std::string_view head = {});

  edge& edge_;
  connection* client_ = nullptr;
  phase phase_ = phase::idle;

  head_parser request_parser_;
  request_head request_;
  buffer head_bytes_;  ///< of the request; its views point here
  connection_facts facts_;
  exchange exchange_;
  middleware_walk walk_;

  site_state* site_ = nullptr;
  const route* route_ = nullptr;
  const server* server_ = nullptr;
  upstream_server* upstream_server_ = nullptr;

  std::unique_ptr<upstream_connection> upstream_;
  body_relay request_relay_;
  head_parser response_parser_;
  response_head response_;
  body_relay response_relay_;
  bool response_is_full_ = false;  ///< the client took nothing more: the stall deadline runs

  std::string answer_body_;   ///< of a response of our own that a filter rewrote
  std::uint32_t serial_ = 0;  ///< changes when this object stops standing for a request
  unsigned interims_ = 0;     ///< 1xx responses passed on
  bool body_begun_ = false;   ///< the request body is being moved
  bool response_complete_ = false;
  bool tunnel_up_ended_ = false;
  bool tunnel_down_ended_ = false;
  bool response_begun_ = false;  ///< bytes of the final response went to the client
  bool response_seen_ = false;   ///< bytes of a response came
  bool upstream_deaf_ = false;   ///< it takes no more of the request; a response may still come
  bool retried_ = false;
  bool host_asked_ = false;   ///< once is enough
  bool close_after_ = false;  ///< the client's connection ends with this response
  bool half_closed_ = false;  ///< the client had closed its side when the request was read
  std::uint16_t status_ = 0;  ///< sent or being sent
  mono_time began_{};
  wall_time began_wall_{};  ///< only when there is an access log
  std::size_t response_head_bytes_ = 0;
};

}  // namespace stagedoor::http
