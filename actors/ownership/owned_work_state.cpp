// SPDX-License-Identifier: Apache-2.0
#include "actors/ownership/owned_work_state.hpp"

#include <algorithm>

namespace stagedoor::actors {

work_effects owned_work_state::own(const messages::owner_proof& proof) {
  const auto [it, fresh] = work_.try_emplace(proof.work, one{proof, phase::starting, true, {}});
  auto& w = it->second;
  if (fresh) return {start_work{proof}};
  w.wanted = true;
  const bool newer = w.proof != proof;
  w.proof = proof;
  if (w.is == phase::running && newer) return {hand_proof{proof}};
  return {};
}

work_effects owned_work_state::disown(const messages::work_key& work) {
  const auto it = work_.find(work);
  if (it == work_.end()) return {work_ended{work}};
  auto& w = it->second;
  w.wanted = false;
  switch (w.is) {
    case phase::starting:
    case phase::stopping: return {};
    case phase::waiting:
      --waiting_;
      work_.erase(it);
      return {work_ended{work}};
    case phase::running: w.is = phase::stopping; return {stop_work{work}};
  }
  return {};
}

work_effects owned_work_state::started(const messages::work_key& work) {
  const auto it = work_.find(work);
  if (it == work_.end() || it->second.is != phase::starting) return {};
  auto& w = it->second;
  if (!w.wanted) {
    w.is = phase::stopping;
    return {stop_work{work}};
  }
  w.is = phase::running;
  return {hand_proof{w.proof}};  // it may have been started with an older one
}

work_effects owned_work_state::start_failed(const messages::work_key& work, mono_time now) {
  const auto it = work_.find(work);
  if (it == work_.end() || it->second.is != phase::starting) return {};
  auto& w = it->second;
  if (!w.wanted) {
    work_.erase(it);
    return {work_ended{work}};
  }
  w.is = phase::waiting;
  w.again = now + retry_;
  ++waiting_;
  return {};
}

work_effects owned_work_state::stopped(const messages::work_key& work) {
  const auto it = work_.find(work);
  if (it == work_.end() || it->second.is != phase::stopping) return {};
  auto& w = it->second;
  if (!w.wanted) {
    work_.erase(it);
    return {work_ended{work}};
  }
  w.is = phase::starting;
  return {work_ended{work}, start_work{w.proof}};
}

work_effects owned_work_state::tick(mono_time now) {
  work_effects out;
  if (waiting_ == 0) return out;
  for (auto& [work, w] : work_)
    if (w.is == phase::waiting && now >= w.again) {
      w.is = phase::starting;
      --waiting_;
      out.push_back(start_work{w.proof});
    }
  return out;
}

mono_time owned_work_state::next_tick() const {
  auto next = mono_time::max();
  if (waiting_ == 0) return next;
  for (const auto& [work, w] : work_)
    if (w.is == phase::waiting) next = std::min(next, w.again);
  return next;
}

}  // namespace stagedoor::actors
