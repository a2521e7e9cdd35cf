// SPDX-License-Identifier: Apache-2.0
// The provisioner with a team_directory, and everybody else played by the test.
#pragma once

#include "actors/teams/provisioner.hpp"
#include "actors/teams/team_directory.hpp"
#include "tests/actors/team_world.hpp"

namespace stagedoor::actors::team_world {

using messages::deprovision_team;
using messages::provision_team;
using messages::team_flow_finished;
using messages::team_flow_progressed;

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

class provisioner_test : public team_fixture {
 protected:
  using outcome = std::shared_ptr<std::optional<result<team_flow_finished>>>;

  provisioner_test() {
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
    directory_.domain = "test";
    directory_.first_catalog = catalog_;
    directory_.certificate_resolver = "le";
    (void)spawn<everybody>(world_);
  }

  void start() {
    if (!teamdir_) teamdir_ = spawn<team_directory>(directory_);
    teams_ = spawn<provisioner>(options_);
  }
  /// The questions of flows, without the directory's own.
  std::vector<std::string> steps() const {
    auto out = world_.asked;
    std::erase_if(out, [](const auto& q) { return q == "since" || q == "HSCAN" || q == "HMGET"; });
    return out;
  }

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
    const auto teams = ask<messages::team_listing>(teamdir_, messages::list_teams{"", 100});
    return teams ? teams->slugs : std::vector<std::string>{to_string(teams.error())};
  }
  std::string status(const std::string& key) { return status_of(teams_, key); }
  result<messages::team_description> shown(const std::string& slug) {
    return ask<messages::team_description>(teamdir_, messages::show_team{slug});
  }

  provisioner_options options_;
  std::vector<team_flow_progressed> progress_;
  std::vector<std::string> probed_;
  std::string probed_path_;
  std::vector<probe_failure> ill_;
  bool probe_holds_ = false;
  std::function<void(std::vector<probe_failure>)> held_;
  team_directory_options directory_;
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

}  // namespace stagedoor::actors::team_world
