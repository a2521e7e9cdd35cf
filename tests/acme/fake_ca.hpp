// SPDX-License-Identifier: Apache-2.0
// A CA made of a few maps, for what a real one does not do on demand: limits, outages, answers that
// make no sense. Signatures are not checked (Pebble does that); time is whatever the test says.
#pragma once

#include "runtime/acme/order_state.hpp"

#include <deque>
#include <functional>
#include <map>
#include <set>

namespace stagedoor::test {

class fake_ca {
 public:
  fake_ca();

  /// What the CA says to |r| at |now|.
  result<client::response> answer(const client::request& r, mono_time now);

  /// Used once, in order, before the CA answers |path| itself.
  void say(const std::string& path, result<client::response> instead) {
    canned_[path].push_back(std::move(instead));
  }
  void always_say(const std::string& path, result<client::response> instead) {
    fixed_.insert_or_assign(path, std::move(instead));
  }

  static client::response problem(unsigned status, const std::string& type,
                                  const std::string& detail,
                                  std::vector<client::header> headers = {});

  struct seen {
    std::string method;
    std::string path;
    std::string payload;  ///< of the JWS, decoded
    mono_time at;
  };
  [[nodiscard]] std::size_t count(const std::string& path) const;
  [[nodiscard]] std::vector<mono_time> times(const std::string& path) const;

  std::vector<seen> log;
  std::vector<std::string> offered{"http-01", "dns-01", "tls-alpn-01"};
  std::string token = "abcdefghijklmnopqrstuvwxyz-_0123456789";
  unsigned checks_before_valid = 0;        ///< polls of an authorization that still say pending
  unsigned polls_before_issued = 0;        ///< polls of an order that still say processing
  std::optional<std::string> poll_header;  ///< Retry-After of those
  std::string invalid_error;               ///< JSON: the challenge fails with it
  bool issue_for_another_key = false;
  bool issue_for_another_name = false;
  const std::string origin = "https://ca.test";

 private:
  client::response handle(const std::string& path, const std::string& payload);
  client::response order_answer(unsigned status);
  std::string issue(std::string_view csr_der);

  acme::private_key key_;
  std::map<std::string, std::deque<result<client::response>>> canned_;
  std::map<std::string, result<client::response>> fixed_;
  unsigned nonce_ = 0;
  std::vector<std::string> names_;
  std::set<std::string> triggered_;
  std::map<std::string, unsigned> polled_;
  std::string status_ = "pending";
  std::string chain_;
};

/// Runs a session and one order against a fake CA in virtual time, to the end.
struct fake_run {
  explicit fake_run(fake_ca& with, acme::ca_options options = {});
  void run(acme::order_options options);

  fake_ca& ca;
  acme::private_key account;
  acme::private_key certificate_key;
  acme::ca_session session;
  mono_time begin{seconds(1000)};
  mono_time now = begin;
  std::vector<acme::challenge> published{};
  std::vector<acme::challenge> withdrawn{};
  bool confirm = true;  ///< the owner manages to publish
  std::optional<fault> publish_fault{};
  std::optional<acme::order_completed> completed{};
  std::optional<acme::order_failed> failed{};
  std::vector<std::string> created{};

 private:
  void apply(acme::session_effects effects);
  void apply(acme::order_effects effects);
  bool step();

  std::optional<acme::order_state> order_{};
  std::deque<std::function<void()>> next_{};
  std::optional<mono_time> session_wake_{};
  std::optional<mono_time> order_wake_{};
};

}  // namespace stagedoor::test
