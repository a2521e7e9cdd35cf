// SPDX-License-Identifier: Apache-2.0
// Everybody whom the provisioner asks, played by one actor that refuses, loses or delays what the
// test tells it to.
#pragma once

#include "actors/support/actor_names.hpp"
#include "actors/teams/provisioner.hpp"
#include "actors/teams/team_spec_json.hpp"
#include "messages/certificates.hpp"
#include "messages/dns.hpp"
#include "messages/health.hpp"
#include "messages/publishing.hpp"
#include "messages/supervision.hpp"
#include "messages/support.hpp"
#include "tests/support/actor_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace stagedoor::actors::provisioner_world {

using messages::deprovision_team;
using messages::provision_team;
using messages::redis_type;
using messages::redis_value;
using messages::team_flow_finished;
using messages::team_flow_progressed;
using messages::team_spec;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

inline redis_value text(std::string t) {
  redis_value v;
  v.type = redis_type::text;
  v.text = std::move(t);
  return v;
}

/// What happens to a question, once; later ones are answered.
enum class fate {
  refused,      ///< a fault, and nothing happened
  lost,         ///< no answer, and nothing happened
  answer_lost,  ///< no answer, and it happened
};

/// Redis, names, sites, certificates and checkers, as far as the provisioner can see them.
struct world {
  std::map<std::string, std::string> store;
  std::set<std::string> names;
  std::map<std::string, shared_plans> sites;
  std::set<std::string> certificates;
  std::vector<std::string> events;       ///< on team:status
  std::vector<std::string> asked;        ///< each question by its first words
  std::map<std::string, fate> next;      ///< by question
  std::map<std::string, fault> refuses;  ///< by question, always
  std::vector<std::string> checkers, forgotten;
  caf::actor outlived;  ///< the checker that locate_child finds
};

class everybody final : public shell {
 public:
  everybody(caf::actor_config& cfg, world& w) : shell(cfg, "everybody"), world_(w) {}

  caf::behavior make_behavior() override {
    for (const char* name : {"redis", "zonedir", "registry", "certs", "checkers", "health"})
      publish_name(system(), name, caf::actor_cast<caf::actor>(this));
    return {
        [this](const messages::redis_command& m) {
          answer<redis_value>(m.words[0], [this, &m] { return redis(m.words); });
        },
        [this](const messages::publish_host_names& m) {
          answer<messages::published>("name", [&] {
            world_.names.insert(m.labels.begin(), m.labels.end());
            return messages::published{1};
          });
        },
        [this](const messages::withdraw_host_names& m) {
          answer<messages::published>("unname", [&] {
            for (const auto& label : m.labels) world_.names.erase(label);
            return messages::published{1};
          });
        },
        [this](const offer_routes& m) {
          answer<messages::published>(m.routes ? "site" : "unsite", [&] {
            EXPECT_EQ(m.source, "team");
            if (m.routes)
              world_.sites[m.host] = m.routes;
            else
              world_.sites.erase(m.host);
            return messages::published{1};
          });
        },
        [this](const messages::want_certificate& m) {
          answer<messages::certificate_status>("certificate", [&] {
            world_.certificates.insert(m.host + " from " + m.resolver);
            return messages::certificate_status{m.host, "pending: CA"};
          });
        },
        [this](const messages::release_certificate& m) {
          answer<messages::done>("release", [&] {
            world_.certificates.erase(m.host + " from le");
            return messages::done{};
          });
        },
        [this](const messages::start_child& m) {
          answer<messages::child_location>("checker", [&] {
            world_.checkers.push_back("start " + m.id);
            return messages::child_location{m.id, {}};
          });
        },
        [this](const messages::locate_child& m) {
          answer<messages::child_location>("locate", [&] {
            return messages::child_location{m.id, world_.outlived};
          });
        },
        [this](const messages::stop_child& m) { world_.checkers.push_back("stop " + m.id); },
        [this](const messages::forget_servers& m) { world_.forgotten.push_back(m.slug); },
    };
  }

 private:
  template <class Reply>
  void answer(const std::string& what, const std::function<Reply()>& happen) {
    auto caller = std::make_shared<promise<Reply>>(this);
    world_.asked.push_back(what);
    if (const auto it = world_.refuses.find(what); it != world_.refuses.end())
      return caller->fail(it->second);
    const auto node = world_.next.extract(what);
    if (node && node.mapped() == fate::refused)
      return caller->fail({fault_kind::refused, fault_side::store, retryable::yes, what});
    if (node) unanswered_.push_back(caller);
    if (node && node.mapped() == fate::lost) return;
    auto reply = happen();
    if (!node) caller->deliver(std::move(reply));
  }

  redis_value redis(const std::vector<std::string>& words) {
    redis_value out;
    if (words[0] == "PUBLISH") {
      EXPECT_EQ(words[1], "team:status");
      world_.events.push_back(words[2]);
      return out;
    }
    EXPECT_EQ(words[1], "stagedoor:teams");
    if (words[0] == "HGET") {
      if (const auto it = world_.store.find(words[2]); it != world_.store.end())
        return text(it->second);
    } else if (words[0] == "HSET") {
      world_.store[words[2]] = words[3];
    } else if (words[0] == "HDEL") {
      world_.store.erase(words[2]);
    } else {
      return scan(words[2], std::stoul(words[4]));
    }
    return out;
  }
  // The cursor is the number of teams that were told.
  redis_value scan(const std::string& cursor, std::size_t count) {
    const std::size_t from = std::stoul(cursor);
    redis_value out, pairs;
    out.type = pairs.type = redis_type::list;
    std::size_t i = 0;
    for (const auto& [slug, json] : world_.store) {
      if (i >= from && i < from + count) {
        pairs.items.push_back(text(slug));
        pairs.items.push_back(text(json));
      }
      ++i;
    }
    out.items = {text(from + count < i ? std::to_string(from + count) : "0"), pairs};
    return out;
  }

  world& world_;
  std::vector<std::shared_ptr<void>> unanswered_;
};

/// Orders flows and hears of their progress.
class orderer final : public shell {
 public:
  using work = std::function<void(caf::event_based_actor*)>;
  orderer(caf::actor_config& cfg, work todo, std::vector<team_flow_progressed>& heard)
      : shell(cfg, "orderer"), todo_(std::move(todo)), heard_(heard) {}
  caf::behavior make_behavior() override {
    std::exchange(todo_, {})(this);
    return {[this](const team_flow_progressed& m) { heard_.push_back(m); }};
  }

 private:
  work todo_;
  std::vector<team_flow_progressed>& heard_;
};

inline team_spec a_team(const std::string& slug = "team-a",
                        const std::string& web = "http://10.0.0.2") {
  team_spec spec;
  spec.slug = slug;
  spec.host = slug + ".test";
  spec.api = {"http://10.0.0.1:8000"};
  spec.web = {web};
  return spec;
}

class provisioner_test : public actor_fixture {
 protected:
  using outcome = std::shared_ptr<std::optional<result<team_flow_finished>>>;

  provisioner_test() {
    catalog_->tls_entry_points = 2;
    catalog_->middlewares["known@file"] = {};
    options_.domain = "test";
    options_.first_catalog = catalog_;
    options_.certificate_resolver = "le";
    options_.probe = [this](std::vector<std::string> urls, std::string path, milliseconds deadline,
                            std::function<void(std::vector<probe_failure>)> finished) {
      probed_.insert(probed_.end(), urls.begin(), urls.end());
      EXPECT_EQ(deadline, options_.probe_deadline);
      probed_path_ = path;
      if (probe_holds_)
        held_ = std::move(finished);
      else
        finished(ill_);
    };
    options_.on_live = [this] { ++live_; };
    (void)spawn<everybody>(world_);
  }

  void start() { teams_ = spawn<provisioner>(options_); }

  template <class Order>
  outcome order(Order o) {
    auto heard = std::make_shared<std::optional<result<team_flow_finished>>>();
    (void)spawn<orderer>(
        [=, to = teams_](caf::event_based_actor* self) {
          actors::ask<team_flow_finished>(
              self, to, o, seconds(600), [heard](team_flow_finished& f) { *heard = f; },
              [heard](const fault& f) { *heard = f; });
        },
        progress_);
    return heard;
  }
  outcome provision(const team_spec& spec, const std::string& flow = "f") {
    return order(provision_team{flow, "u", spec});
  }
  outcome deprovision(const std::string& slug, std::uint32_t delivery = 1,
                      const std::string& flow = "d") {
    return order(deprovision_team{flow, "u", slug, delivery});
  }
  static std::string said(const outcome& o) {
    if (!o->has_value()) return "nothing yet";
    return **o ? "finished" : to_string((*o)->error());
  }
  /// What everybody has of a team; "" = nobody has anything.
  std::string known_of(const std::string& slug) {
    std::string out;
    if (const auto it = world_.store.find(slug); it != world_.store.end())
      out += "store " + it->second + "; ";
    if (world_.names.contains(slug)) out += "name; ";
    if (const auto it = world_.sites.find(slug + ".test"); it != world_.sites.end()) {
      out += "site";
      for (const auto& plan : *it->second) out += " " + plan.service.servers.at(0).url;
      out += "; ";
    }
    if (world_.certificates.contains(slug + ".test from le")) out += "certificate; ";
    return out;
  }
  static std::string all_of(const team_spec& spec) {
    return "store " + to_json(spec) + "; name; site " + spec.api[0] + " " + spec.web[0] +
           "; certificate; ";
  }
  std::vector<std::string> listed() {
    const auto teams = ask<messages::team_listing>(teams_, messages::list_teams{"", 100});
    return teams ? teams->slugs : std::vector<std::string>{to_string(teams.error())};
  }
  std::string status(const std::string& key) {
    const auto rows = ask<messages::status_rows>(teams_, messages::report_status{});
    if (rows)
      for (const auto& row : rows->rows)
        if (row.key == key) return row.value;
    return "?";
  }
  result<messages::team_description> shown(const std::string& slug) {
    return ask<messages::team_description>(teams_, messages::show_team{slug});
  }

  world world_;
  std::shared_ptr<catalog> catalog_ = std::make_shared<catalog>();
  provisioner_options options_;
  std::vector<team_flow_progressed> progress_;
  std::vector<std::string> probed_;
  std::string probed_path_;
  std::vector<probe_failure> ill_;
  bool probe_holds_ = false;
  std::function<void(std::vector<probe_failure>)> held_;
  int live_ = 0;
  caf::actor teams_;
};

struct failing_step {
  const char* question;
  fate how;
};
inline std::ostream& operator<<(std::ostream& out, const failing_step& f) {
  constexpr std::array names = {"refused", "lost", "answer_lost"};
  return out << f.question << " " << names.at(static_cast<std::size_t>(f.how));
}

inline std::vector<failing_step> every_way(std::initializer_list<const char*> questions) {
  std::vector<failing_step> out;
  for (const char* q : questions)
    for (const auto how : {fate::refused, fate::lost, fate::answer_lost}) out.push_back({q, how});
  return out;
}

}  // namespace stagedoor::actors::provisioner_world
