// SPDX-License-Identifier: Apache-2.0
// The cluster under seeded faults.
//
//   sim_test [--seeds=N] [--first=N] [--jobs=N] [--seconds=N]   seeds first..first+N-1; 60 of them
//   by
//                                                               default
//   sim_test --seed=N                                           one of them again, exactly
// A seed that fails prints itself and the time and sentence of what broke, and the exit status
// is 1. The full run is `sim_test --seeds=1000 --jobs=2`, in a release build; with --seconds it
// also fails when it takes longer.
#include "tests/sim/faults.hpp"

#include <atomic>
#include <charconv>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <thread>

namespace {

using stagedoor::test::simulation_report;

struct arguments {
  std::uint64_t first = 1;
  std::uint64_t seeds = 60;
  std::uint64_t jobs = 1;
  std::uint64_t seconds = 0;
  bool good = true;
};

arguments parse(int argc, char** argv) {
  arguments out;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto text = equals == word.npos ? std::string_view() : word.substr(equals + 1);
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    out.good &= parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
    if (name == "--seed") {
      out.first = value;
      out.seeds = 1;
    } else if (name == "--seeds") {
      out.seeds = value;
    } else if (name == "--first") {
      out.first = value;
    } else if (name == "--jobs") {
      out.jobs = value;
    } else if (name == "--seconds") {
      out.seconds = value;
    } else {
      out.good = false;
    }
  }
  return out;
}

class tally {
 public:
  void add(std::uint64_t seed, const simulation_report& r, bool alone) {
    const std::lock_guard lock(mutex_);
    ++runs_;
    events_ += r.counters.events;
    writes_ += r.counters.writes;
    stale_ += r.counters.stale_writes;
    nodes_ += r.nodes;
    healed_ = std::max(healed_, r.healed.count());
    placed_ = std::max(placed_, r.placed.count());
    if (!r.failure.empty()) {
      ++failed_;
      std::printf("seed %llu (%zu nodes) fails %s\n", static_cast<unsigned long long>(seed),
                  r.nodes, r.failure.c_str());
    } else if (alone) {
      std::printf(
          "seed %llu: %zu nodes, %zu ids, %llu events, %llu writes, %llu refused, "
          "%llu starts, %llu moves, %llu fenced, %llu evicted, %llu failovers\n",
          static_cast<unsigned long long>(seed), r.nodes, r.ids, number(r.counters.events),
          number(r.counters.writes), number(r.counters.stale_writes), number(r.counters.starts),
          number(r.counters.moves), number(r.counters.fenced), number(r.counters.evicted),
          number(r.counters.failovers));
    }
    std::fflush(stdout);
  }

  bool finish(double seconds) const {
    std::printf(
        "%llu seeds in %.1f s: %llu failed; %.1f nodes on average, %llu events, %llu writes, "
        "%llu refused; slowest healing %lld ms, placing %lld ms\n",
        number(runs_), seconds, number(failed_),
        static_cast<double>(nodes_) / static_cast<double>(runs_ == 0 ? 1 : runs_), number(events_),
        number(writes_), number(stale_), static_cast<long long>(healed_ / 1'000),
        static_cast<long long>(placed_ / 1'000));
    return failed_ == 0 && runs_ > 0;
  }

 private:
  static unsigned long long number(std::uint64_t n) { return n; }

  std::mutex mutex_;
  std::uint64_t runs_ = 0, failed_ = 0, events_ = 0, writes_ = 0, stale_ = 0, nodes_ = 0;
  std::int64_t healed_ = 0, placed_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const auto args = parse(argc, argv);
  if (!args.good || args.jobs < 1 || args.jobs > 64) {
    std::puts("usage: sim_test [--seeds=N] [--first=N] [--jobs=N] [--seconds=N] | --seed=N");
    return 2;
  }
  const auto began = std::chrono::steady_clock::now();
  tally all;
  std::atomic<std::uint64_t> next{0};
  std::vector<std::thread> workers;
  for (std::uint64_t i = 0; i < args.jobs; ++i)
    workers.emplace_back([&] {
      for (auto n = next++; n < args.seeds; n = next++)
        all.add(args.first + n, stagedoor::test::simulate(args.first + n), args.seeds == 1);
    });
  for (auto& w : workers) w.join();
  const double took =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const bool in_time = args.seconds == 0 || took <= static_cast<double>(args.seconds);
  if (!in_time)
    std::printf("too slow: %llu s were allowed\n", static_cast<unsigned long long>(args.seconds));
  return all.finish(took) && in_time ? 0 : 1;
}
