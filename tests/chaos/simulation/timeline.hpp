#pragma once
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <vector>

#include "etl/timestamp.hpp"
#include "tests/simulator/random.hpp"

namespace odetl::chaos {

using std::chrono::microseconds;
using std::chrono::seconds;
using simulator::Random;

/// A process, as time knows it.
struct Actor {
  Timestamp paused_until{};
};

class Timeline;

/// What coroutines wait for; told through Timeline::notify.
class Signal {
  friend class Timeline;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> waiters_;
};

/// Virtual time, and who acts next: whoever comes first, and by lot among those of one instant. Everything that happens is
/// a function of the seed. Time stands still while an actor acts.
class Timeline {
 public:
  using Steady = std::chrono::steady_clock;

  Timeline(std::uint64_t seed, Timestamp start) : random_(seed), start_(start), now_(start) {}

  Timestamp now() const { return now_; }  ///< the true time
  Steady::time_point steady() const { return Steady::time_point(std::chrono::hours(1) + (now_ - start_)); }
  Timestamp of(Steady::time_point steady) const {
    return start_ + std::chrono::ceil<microseconds>(steady.time_since_epoch() - std::chrono::hours(1));
  }

  Random& random() { return random_; }
  double unit() { return static_cast<double>(random_.next() >> 11) * 0x1p-53; }
  /// A span of at most `bound`, none included.
  microseconds some(microseconds bound) {
    return microseconds(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(bound.count()) + 1)));
  }

  struct Waiting {
    Timeline& timeline;
    Actor& who;
    Signal* signal;
    std::optional<Timestamp> until;
    bool await_ready() const noexcept { return signal == nullptr && timeline.passes_until(*until); }
    void await_suspend(std::coroutine_handle<> handle) { timeline.suspend(handle, who, signal, until); }
    void await_resume() const noexcept {}
  };
  Waiting sleep(Actor& who, microseconds span) { return {*this, who, nullptr, now_ + span}; }
  /// Until told, or `until`.
  Waiting wait(Actor& who, Signal& signal, std::optional<Timestamp> until = {}) { return {*this, who, &signal, until}; }
  void notify(Signal& signal);
  void call(Timestamp at, std::function<void()> what);
  /// When actors have begun to sleep so often from now on: in the midst of what they do, however long they rest between.
  void call_in_steps(std::uint64_t steps, std::function<void()> what);

  /// Nothing that this actor waits for happens any more.
  void forget(const Actor& who);

  /// Goes on to what is next; false when nothing will ever happen, or not before `end`.
  bool step(Timestamp end);

 private:
  static constexpr std::uint64_t kNoAmbush = ~std::uint64_t{0};
  // Steps of one actor that nothing interrupts: where a sanitizer keeps tail calls from being made, each lies upon the last
  // on the stack.
  static constexpr std::uint64_t kMostUnbroken = 1 << 9;

  struct Waiter {
    std::coroutine_handle<> handle;
    Actor* who = nullptr;
    std::uint32_t generation = 0;
  };
  struct Event {
    Timestamp at;
    std::uint64_t lot;
    std::uint32_t waiter;  ///< or of calls_
    std::uint32_t generation;
    bool is_call;
    bool operator<(const Event& other) const { return at != other.at ? at > other.at : lot > other.lot; }
  };

  void suspend(std::coroutine_handle<> handle, Actor& who, Signal* signal, std::optional<Timestamp> until);
  void wake(std::uint32_t waiter, std::uint32_t generation, Timestamp at);
  void act(const Event& event);
  bool passes_until(Timestamp until);
  void spring_ambush();

  Random random_;
  Timestamp start_, now_;
  Timestamp end_{};  // of the step under way
  std::uint64_t steps_ = 0;
  std::uint64_t next_ambush_ = kNoAmbush;
  std::multimap<std::uint64_t, std::function<void()>> ambushes_;
  std::vector<Waiter> waiters_;
  std::vector<std::uint32_t> free_;
  std::vector<std::function<void()>> calls_;
  std::priority_queue<Event> events_;
};

}  // namespace odetl::chaos
