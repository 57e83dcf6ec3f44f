#pragma once
#include <chrono>
#include <cstdint>
#include <optional>

namespace odetl {

/// How many of a plan's workers are at work: of two numbers that bring about as much the smaller one, which asks less of
/// the server and the database at a time. Learns by trying now and then one fewer, or one more, for some seconds: a number is
/// judged by what came just before and just after it, in rows or in windows a second, whichever was steadier there. Pure.
class WorkerLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit WorkerLimit(int most) : most_(most), base_(most) {}

  /// All of them at first.
  int allowed() const { return phase_ == Phase::trial ? base_ + step_ : base_; }

  /// A window of so many rows was loaded.
  void loaded(std::uint64_t rows, Time now);
  /// Something held all up that says nothing of their number, such as a rate limit or a failure: the trial begins anew.
  void disturbed();

 private:
  enum class Phase { before, trial, after };

  struct Rate {
    double rows = 0, windows = 0;  // a second
  };

  void measure(Phase phase);
  void judge();
  std::optional<double> gain() const;

  int most_;
  int base_;
  int step_ = -1;
  Phase phase_ = Phase::before;
  int windows_ = 0;         // of this phase, those at its beginning that belong to the last one included
  std::uint64_t rows_ = 0;  // of the others
  Time begun_{};
  Rate before_, trial_, after_;
  Time rests_until_{};
  std::chrono::seconds rest_{0};
};

}  // namespace odetl
