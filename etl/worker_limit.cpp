#include "etl/worker_limit.hpp"

#include <algorithm>
#include <cmath>

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr int kWindows = 20;       // a phase has so many windows at least,
constexpr auto kPhase = 10s;       // and lasts so long
constexpr auto kFirstRest = 60s;   // after a trial that changed nothing; then doubling
constexpr auto kLongestRest = 30min;
constexpr double kNoLess = 0.98;   // of what there was, for one worker fewer
constexpr double kWorthIt = 1.1;   // for one more
constexpr double kUnsteady = 0.1;  // what came after differs from what came before by more

}  // namespace

void WorkerLimit::loaded(std::uint64_t rows, Time now) {
  if (most_ == 1 || now < rests_until_) return;
  if (++windows_ <= most_) {
    begun_ = now;
    return;
  }
  rows_ += rows;
  const std::chrono::duration<double> passed = now - begun_;
  if (windows_ < most_ + kWindows || passed < kPhase) return;
  const Rate rate{static_cast<double>(rows_) / passed.count(), (windows_ - most_) / passed.count()};
  switch (phase_) {
    case Phase::before:
      before_ = rate;
      return measure(Phase::trial);
    case Phase::trial:
      trial_ = rate;
      return measure(Phase::after);
    case Phase::after:
      after_ = rate;
      judge();
      rests_until_ = now + rest_;
  }
}

void WorkerLimit::disturbed() { measure(Phase::before); }

void WorkerLimit::measure(Phase phase) {
  phase_ = phase;
  windows_ = 0;
  rows_ = 0;
}

// What the trial brought, by what came without; nothing where that was too unsteady to tell.
std::optional<double> WorkerLimit::gain() const {
  const auto unsteadiness = [&](double Rate::*of) { return std::abs(std::log(before_.*of / after_.*of)); };
  const auto steadier = unsteadiness(&Rate::rows) < unsteadiness(&Rate::windows) ? &Rate::rows : &Rate::windows;
  if (!(unsteadiness(steadier) <= kUnsteady)) return std::nullopt;
  return trial_.*steadier / ((before_.*steadier + after_.*steadier) / 2);
}

void WorkerLimit::judge() {
  const auto gained = gain();
  if (gained && *gained >= (step_ < 0 ? kNoLess : kWorthIt)) {
    base_ += step_;
    rest_ = 0s;
  } else {
    if (gained) step_ = -step_;
    rest_ = std::clamp<std::chrono::seconds>(2 * rest_, kFirstRest, kLongestRest);
  }
  if (base_ + step_ < 1 || base_ + step_ > most_) step_ = -step_;
  measure(Phase::before);
}

}  // namespace odetl
