#include "tests/chaos/simulation/timeline.hpp"

namespace odetl::chaos {

void Timeline::suspend(std::coroutine_handle<> handle, Actor& who, Signal* signal, std::optional<Timestamp> until) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(waiters_.size()));
    waiters_.emplace_back();
  }
  const std::uint32_t at = free_.back();
  free_.pop_back();
  waiters_[at].handle = handle;
  waiters_[at].who = &who;
  if (signal != nullptr) signal->waiters_.emplace_back(at, waiters_[at].generation);
  if (until) wake(at, waiters_[at].generation, std::max(*until, now_));
}

void Timeline::wake(std::uint32_t waiter, std::uint32_t generation, Timestamp at) {
  events_.push({at, random_.next(), waiter, generation, false});
}

void Timeline::notify(Signal& signal) {
  for (const auto& [waiter, generation] : signal.waiters_) wake(waiter, generation, now_);
  signal.waiters_.clear();
}

void Timeline::call(Timestamp at, std::function<void()> what) {
  events_.push({std::max(at, now_), random_.next(), static_cast<std::uint32_t>(calls_.size()), 0, true});
  calls_.push_back(std::move(what));
}

void Timeline::call_in_steps(std::uint64_t steps, std::function<void()> what) {
  ambushes_.emplace(steps_ + steps, std::move(what));
  next_ambush_ = ambushes_.begin()->first;
}

void Timeline::spring_ambush() {
  const auto what = std::move(ambushes_.begin()->second);
  ambushes_.erase(ambushes_.begin());
  next_ambush_ = ambushes_.empty() ? kNoAmbush : ambushes_.begin()->first;
  what();
}

// Nobody else acts before: time goes on at once.
bool Timeline::passes_until(Timestamp until) {
  if (++steps_ >= next_ambush_ || steps_ % kMostUnbroken == 0 || until > end_) return false;
  if (!events_.empty() && events_.top().at <= until) return false;
  now_ = until;
  return true;
}

void Timeline::forget(const Actor& who) {
  for (std::uint32_t i = 0; i < waiters_.size(); ++i) {
    if (waiters_[i].who != &who) continue;
    waiters_[i].who = nullptr;
    ++waiters_[i].generation;
    free_.push_back(i);
  }
}

bool Timeline::step(Timestamp end) {
  end_ = end;
  if (steps_ >= next_ambush_) {
    spring_ambush();
    return true;
  }
  if (events_.empty() || events_.top().at > end) return false;
  const Event event = events_.top();
  events_.pop();
  now_ = event.at;
  act(event);
  return true;
}

void Timeline::act(const Event& event) {
  if (event.is_call) {
    const auto what = std::move(calls_[event.waiter]);
    return what();
  }
  Waiter& waiter = waiters_[event.waiter];
  if (waiter.who == nullptr || waiter.generation != event.generation) return;  // woken before, or killed
  if (waiter.who->paused_until > now_) return wake(event.waiter, event.generation, waiter.who->paused_until);
  ++waiter.generation;
  waiter.who = nullptr;
  free_.push_back(event.waiter);
  waiter.handle.resume();
}

}  // namespace odetl::chaos
