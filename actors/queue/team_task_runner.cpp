// SPDX-License-Identifier: Apache-2.0
#include "actors/queue/team_task_runner.hpp"

#include "actors/support/actor_names.hpp"
#include "actors/support/calls.hpp"
#include "actors/teams/team_spec_json.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace stagedoor::actors {
namespace {

std::string to_result(const messages::team_flow_finished& f) {
  nlohmann::json out{{"slug", f.slug}, {"host", f.host}};
  if (!f.certificate.empty()) out["certificate"] = f.certificate;
  if (!f.unhealthy.empty()) out["unhealthy"] = f.unhealthy;
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The provisioner still works on an earlier delivery of the same task: it will be done by then.
fault as_outcome(fault f) {
  if (f.kind == fault_kind::conflict) f.retry = retryable::yes;
  return f;
}

task_outcome failed(fault f) { return {.message = {}, .result = {}, .error = std::move(f)}; }

}  // namespace

team_task_runner::team_task_runner(shell& self, run_reports reports, std::string domain,
                                   milliseconds deadline)
    : self_(self), reports_(std::move(reports)), domain_(std::move(domain)), deadline_(deadline) {}

void team_task_runner::start(run_id run, const task& what) {
  if (what.type == "team.provision")
    provision(run, what);
  else if (what.type == "team.deprovision")
    deprovision(run, what);
  else
    reports_.finished(run, failed({fault_kind::unsupported, fault_side::client, retryable::no,
                                   fmt::format("no handler for tasks of type '{}'", what.type)}));
}

void team_task_runner::provision(run_id run, const task& what) {
  auto spec = parse_team_spec(what.payload, domain_);
  if (!spec) {
    reports_.finished(run, failed(std::move(spec).error()));
    return;
  }
  order(run, what.id, messages::provision_team{what.id, what.user_id, *std::move(spec)});
}

void team_task_runner::deprovision(run_id run, const task& what) {
  if (const auto checked = check_slug(what.slug); !checked) {
    reports_.finished(run, failed(checked.error()));
    return;
  }
  order(run, what.id, messages::deprovision_team{what.id, what.user_id, what.slug, what.delivery});
}

template <class Order>
void team_task_runner::order(run_id run, const std::string& task_id, Order message) {
  const auto provisioner = find_name(self_.system(), "teams");
  if (!provisioner) {  // being restarted
    reports_.finished(run, failed({fault_kind::unreachable, fault_side::self, retryable::yes,
                                   "the provisioner is not running"}));
    return;
  }
  runs_[task_id] = run;
  ask<messages::team_flow_finished>(
      &self_, provisioner, std::move(message), deadline_,
      [this, run](messages::team_flow_finished& f) {
        end(run, {.message = {}, .result = to_result(f), .error = {}});
      },
      [this, run](const fault& f) { end(run, failed(as_outcome(f))); });
}

void team_task_runner::end(run_id run, const task_outcome& outcome) {
  const auto erased =
      std::erase_if(runs_, [run](const auto& known) { return known.second == run; });
  if (erased > 0) reports_.finished(run, outcome);
}

void team_task_runner::cancel(run_id run) {
  // The flow itself goes on to its end, and is safe to repeat; only nobody is told.
  std::erase_if(runs_, [run](const auto& known) { return known.second == run; });
}

void team_task_runner::heard(const std::string& task_id, const task_progress& p) {
  if (const auto found = runs_.find(task_id); found != runs_.end())
    reports_.progressed(found->second, p);
}

}  // namespace stagedoor::actors
