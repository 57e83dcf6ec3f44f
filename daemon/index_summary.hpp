#pragma once
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
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
  IndexSummary(std::unique_ptr<Warehouse> warehouse, PipelineEvents& next);
  ~IndexSummary() override;  ///< ends what runs, and leaves the rest

  void request_done(const Task& task, const Exchange& exchange) override { next_.request_done(task, exchange); }
  void window_done(const WindowReport& report) override;
  void failed(const Task& task, const TaskFailure& failure, const WindowPlan::Verdict& verdict) override {
    next_.failed(task, failure, verdict);
  }
  void idle() override { next_.idle(); }

  /// When all is loaded: brings every month of the range up to date, until it is told to stop or fails. Answers the error;
  /// nothing when there was none.
  std::string finish(const TimeWindow& range, const std::stop_token& stop);

 private:
  void work();
  std::optional<sys_seconds> wait_for_month();

  std::unique_ptr<Warehouse> warehouse_;
  PipelineEvents& next_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::set<sys_seconds> months_;  // by their first instants, that got rows since they were last brought up to date
  std::set<sys_seconds> due_;     // those of them that are to be, now
  std::uint64_t rows_ = 0;        // which the months got
  bool ending_ = false;           // the thread is to end
  bool ended_ = true;             // and has
  std::jthread thread_;
};

}  // namespace odetl
