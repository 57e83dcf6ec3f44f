#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "etl/pipeline.hpp"

namespace odetl {

/// Brings the time indexes of months up to date while a backfill still loads into them, in a session of its own: the
/// loaders leave the database moments in which to do it, and little is left for the end. Learns what was loaded from the
/// pipeline's events, which it passes on.
class IndexSummary final : public PipelineEvents {
 public:
  IndexSummary(std::function<std::unique_ptr<Warehouse>()> open, PipelineEvents& next);
  ~IndexSummary() override;  ///< ends what runs, and leaves the rest

  void request_done(const Task& task, const Exchange& exchange) override { next_.request_done(task, exchange); }
  void window_done(const WindowReport& report) override;
  void failed(const Task& task, const TaskFailure& failure, const WindowPlan::Verdict& verdict) override {
    next_.failed(task, failure, verdict);
  }
  void idle() override { next_.idle(); }

  /// When all is loaded: brings every month of the range up to date, unless it is told to stop. Answers the last error;
  /// nothing when there was none.
  std::string finish(const TimeWindow& range, const std::stop_token& stop);

 private:
  void work(const std::stop_token& stop);
  std::set<sys_seconds> wait_for_months(const std::stop_token& stop);

  std::unique_ptr<Warehouse> warehouse_;
  PipelineEvents& next_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  std::set<sys_seconds> months_;  // by their first instants, that got rows since they were last brought up to date
  std::uint64_t rows_ = 0;        // which they got
  bool finishing_ = false;
  std::jthread thread_;
};

}  // namespace odetl
