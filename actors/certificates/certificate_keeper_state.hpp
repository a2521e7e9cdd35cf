// SPDX-License-Identifier: Apache-2.0
// Which certificates there are, which are wanted, and what to do about the difference.
//
// Certificates come from sources (files of the configuration, certbot's folder, acme.json, our own
// orders); of two for one name the one that lasts longer is served. A wanted host that none covers
// is ordered from its resolver's CA: a few at a time, after a pause when it failed, and while a CA
// cannot be reached one order tries it for all. Nobody waits: the answer to a wish is its state.
//
// Each step costs the logarithm of what there is: with a CA down, a hundred thousand wishes are a
// hundred thousand entries of a queue, and one order.
// Owner: the certificate tree; outlives the certificate_keeper that uses it. Runs on: the
// scheduler; no CAF type in it, time comes in. Bounded by: keeper_limits.
#pragma once

#include "runtime/acme/retry_policy.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/tls/certificate.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace stagedoor::actors {

/// From now on this certificate is served under the name.
struct serve_certificate {
  std::string name;  ///< "a.example" or "*.example"
  tls::certificate what;
};
/// No certificate is left for the name: the default one is served.
struct drop_certificate {
  std::string name;
};
/// Order one for the host; report with order_completed() or order_failed(), once.
struct begin_order {
  std::string host;
  std::string resolver;
  std::uint64_t number = 0;  ///< of the order; reports of any other are out of date
};
/// Nobody wants it any more; no report is expected.
struct abandon_order {
  std::string host;
  std::uint64_t number = 0;
};

using keeper_effect = std::variant<serve_certificate, drop_certificate, begin_order, abandon_order>;
using keeper_effects = std::vector<keeper_effect>;

struct resolver_facts {
  std::string
      unsupported;  ///< why no order can be made: "dnsChallenge provider ..."; empty = it can
};

struct keeper_limits {
  std::size_t max_wanted = 1'000'000;
  std::size_t orders_at_once = 8;  ///< of one resolver
  milliseconds renewal_jitter{
      3'600'000};  ///< so that what was issued together is not renewed together
};

/// One line of `stagedoor certificates`.
struct keeper_row {
  std::string host;
  std::string state;
  std::string source;
  std::string last_error;
  std::optional<wall_time> next_try;
  std::uint32_t attempts = 0;
};

class certificate_keeper_state {
 public:
  certificate_keeper_state(const std::map<std::string, resolver_facts>& resolvers,
                           keeper_limits limits = {}, unsigned seed = std::random_device{}());

  /// Nothing is ordered before this is called: a certificate may be there that was not read yet.
  [[nodiscard]] keeper_effects sources_known(mono_time now);
  [[nodiscard]] bool knows_sources() const noexcept { return knows_sources_; }
  /// A new keeper takes over: everything is served again, and orders under way are begun anew.
  [[nodiscard]] keeper_effects taken_over(mono_time now);

  // -- certificates -----------------------------------------------------------------

  /// All that |source| has now; what it had before and has no more is dropped.
  [[nodiscard]] keeper_effects found(const std::string& source,
                                     const std::vector<tls::certificate>& all, mono_time now,
                                     wall_time wall);
  /// What is served under the name; null = nothing.
  [[nodiscard]] const tls::certificate* served(const std::string& name) const;

  // -- wishes -----------------------------------------------------------------------

  /// On failure: overloaded.
  [[nodiscard]] result<keeper_effects> want(const std::string& host, const std::string& resolver,
                                            mono_time now, wall_time wall);
  [[nodiscard]] keeper_effects release(const std::string& host, mono_time now);

  // -- orders -----------------------------------------------------------------------

  [[nodiscard]] keeper_effects order_completed(const std::string& host, std::uint64_t number,
                                               const tls::certificate& made, mono_time now,
                                               wall_time wall);
  [[nodiscard]] keeper_effects order_failed(const std::string& host, std::uint64_t number,
                                            const acme::failure& why, mono_time now,
                                            wall_time wall);
  [[nodiscard]] bool is_ordering(const std::string& host, std::uint64_t number) const;
  [[nodiscard]] keeper_effects tick(mono_time now, wall_time wall);
  [[nodiscard]] std::optional<mono_time> next_tick() const;

  // -- observers --------------------------------------------------------------------

  /// "valid until 2027-01-31", "pending: why", "default".
  [[nodiscard]] std::string state_of(const std::string& host, wall_time wall) const;
  /// Those that are pending first; at most |limit|.
  [[nodiscard]] std::vector<keeper_row> rows(std::size_t limit, mono_time now,
                                             wall_time wall) const;
  [[nodiscard]] std::size_t wanted() const noexcept { return wanted_.size(); }
  [[nodiscard]] std::size_t names() const noexcept { return served_.size(); }
  [[nodiscard]] std::size_t ordering() const noexcept;

 private:
  static constexpr std::string_view order_prefix = "order ";  ///< sources that are our own orders

  [[nodiscard]] static wall_time renewal_of(const tls::certificate& c);
  enum class phase : std::uint8_t { covered, queued, ordering, pausing, hopeless };
  struct wish {
    std::string resolver;
    phase at = phase::hopeless;
    std::uint32_t attempts = 0;
    acme::retry_memory memory;
    std::string last_error;
    std::optional<mono_time> due;        ///< covered: renewal; pausing: the next try
    std::optional<std::int64_t> ticket;  ///< queued: its place in the resolver's queue
    std::uint64_t order = 0;             ///< ordering: its number
    std::string ordered_from;            ///< ordering: the resolver, which may be another by now
  };
  struct resolver_state {
    resolver_facts facts;
    std::map<std::int64_t, std::string> queue;  ///< hosts by ticket
    std::size_t ordering = 0;
    std::optional<mono_time> closed_until;  ///< the CA has trouble; then one order tries it
    std::uint64_t probe = 0;                ///< the order that tries it; 0 = none
    acme::retry_memory memory;
    std::string trouble;
  };
  struct offer {
    std::string source;
    tls::certificate what;
  };
  enum class queue_end : std::uint8_t { front, back };

  [[nodiscard]] std::vector<std::string> offer_names(const std::string& source,
                                                     const std::vector<tls::certificate>& all,
                                                     keeper_effects& out);
  [[nodiscard]] bool choose(const std::string& name, keeper_effects& out);
  [[nodiscard]] const tls::certificate* covering(const std::string& host) const;
  void review_names(const std::vector<std::string>& changed, mono_time now, wall_time wall);
  void review(const std::string& host, wish& w, mono_time now, wall_time wall);
  void rest(const std::string& host, wish& w, phase at);
  void plan(const std::string& host, wish& w, std::optional<mono_time> due);
  void enqueue(const std::string& host, wish& w, queue_end where);
  void pause(const std::string& host, wish& w, const acme::failure& why, mono_time now);
  void close(resolver_state& r, const acme::failure& why, mono_time now);
  static void open(resolver_state& r);
  /// Takes the order off its resolver's count.
  resolver_state& order_over(wish& w);
  void start_orders(mono_time now, keeper_effects& out);
  void start_orders(resolver_state& r, mono_time now, keeper_effects& out);
  [[nodiscard]] std::string source_of(const std::string& host) const;
  [[nodiscard]] double random_share();

  const keeper_limits limits_;
  std::map<std::string, resolver_state> resolvers_;
  std::map<std::string, std::vector<offer>> offers_;           ///< by name
  std::map<std::string, std::vector<std::string>> by_source_;  ///< names a source offers
  std::map<std::string, tls::certificate> served_;             ///< by name
  std::unordered_map<std::string, wish> wanted_;               ///< by host
  std::set<std::pair<mono_time, std::string>> due_;
  std::int64_t first_ticket_ = 0, last_ticket_ = 0;
  std::uint64_t last_order_ = 0;
  bool knows_sources_ = false;
  std::minstd_rand random_;
};

}  // namespace stagedoor::actors
