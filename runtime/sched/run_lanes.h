// What is runnable on one worker, in three lanes, each first in first out. Owned by one scheduler.
//
//   urgent  a timer woke it: it is late already.
//   fresh   it has used less than a slice since it last waited behind everybody: most of what is spawned, woken or yields.
//   spent   it has used a slice up, in one turn or in many.
//
// A lane goes before those behind it until it has used up its budget; then one turn is theirs, and costs the fresh a part of their
// budget. So no answer waits for the slices of those who compute, who has used as much as they waits as they do, and nobody waits for ever.
#pragma once

#include <algorithm>
#include <array>

#include "runtime/sched/run_queue.h"

namespace lunabeam::runtime {

class RunLanes {
 public:
  enum Lane : u8 { kUrgent, kFresh, kSpent };

  // Reductions that a lane may use before one turn of those behind it.
  static constexpr i64 kBudget = 16'000;
  // What a turn of the fresh costs them beside its reductions while there are urgent ones, so that the spent need not wait until short
  // turns, a budget of the urgent before each, have used up a budget.
  static constexpr i64 kTurnBesideUrgent = kBudget / 4;

  void push(Lane lane, Process& process) noexcept { lanes_[lane].queue.push_back(&process); }

  // The process whose turn it is; nullptr when none is runnable. What it uses is its lane's: charge().
  [[nodiscard]] Process* pop() noexcept {
    choose();
    return lanes_[turn_].queue.pop_front();
  }
  // The same, but random.below(n) chooses among what is not urgent.
  template <class Random>
  [[nodiscard]] Process* pop_random(Random& random) noexcept {
    choose();
    if (lanes_[turn_].queue.empty()) return nullptr;
    if (turn_ == kUrgent) return take(kUrgent, random.below(size_of(kUrgent)));
    const u64 index = random.below(size_of(kFresh) + size_of(kSpent));
    return index < size_of(kFresh) ? take(kFresh, index) : take(kSpent, index - size_of(kFresh));
  }
  // Takes what a turn has used out of the budget of the lane that was chosen for it.
  void charge(i64 reductions) noexcept { lanes_[turn_].left -= reductions; }
  // The turn has taken long for its reductions: its lane has used up its budget.
  void end_budget() noexcept { lanes_[turn_].left = 0; }

  // Removes up to `count` processes that take(Process&) answers true for: those first that compute, the oldest of each lane.
  template <class Take>
  void take_if(u64 count, Take take) noexcept {
    for (const Lane lane : {kSpent, kFresh, kUrgent}) {
      RunQueue& queue = lanes_[lane].queue;
      const u64 before = queue.size();
      queue.take_if(std::min(count, before), take);
      count -= before - queue.size();
    }
  }
  void clear() noexcept {
    for (Queue& lane : lanes_) {
      while (lane.queue.pop_front() != nullptr) {
      }
    }
  }
  [[nodiscard]] u64 size() const noexcept { return size_of(kUrgent) + size_of(kFresh) + size_of(kSpent); }
  [[nodiscard]] u64 size_of(Lane lane) const noexcept { return lanes_[lane].queue.size(); }
  [[nodiscard]] bool is_empty() const noexcept { return size() == 0; }

 private:
  struct Queue {
    RunQueue queue;
    i64 left = kBudget;  // Of the budget.
  };

  [[nodiscard]] Process* take(Lane lane, u64 index) noexcept { return lanes_[lane].queue.take_at(index); }

  // The first lane with processes and a budget, else the last one with processes. Those before it have a full budget again.
  void choose() noexcept {
    Lane chosen = turn_;
    for (const Lane lane : {kUrgent, kFresh, kSpent}) {
      if (lanes_[lane].queue.empty()) continue;
      chosen = lane;
      if (lanes_[lane].left > 0) break;
    }
    for (u8 before = 0; before < chosen; ++before) lanes_[before].left = kBudget;
    if (chosen == kSpent) lanes_[kSpent].left = kBudget;  // Nobody is behind it.
    if (chosen == kFresh && !lanes_[kUrgent].queue.empty()) lanes_[kFresh].left -= kTurnBesideUrgent;
    turn_ = chosen;
  }

  std::array<Queue, 3> lanes_;
  Lane turn_ = kFresh;  // Where the process whose turn it is came from.
};

}  // namespace lunabeam::runtime
