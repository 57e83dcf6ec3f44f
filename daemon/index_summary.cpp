#include "daemon/index_summary.hpp"

#include <exception>
#include <system_error>
#include <utility>

namespace odetl {
namespace {

constexpr std::uint64_t kRowsAtOnce = 100'000;  // enough to be worth walking over the index
// Shorter than deadlock_timeout, after which a server stops an autovacuum that is in the way, which does the same anyway.
constexpr std::chrono::milliseconds kPatience{200};
constexpr std::chrono::seconds kPatienceAtTheEnd{10};
constexpr std::chrono::milliseconds kCancelAgainAfter{100};

}  // namespace

IndexSummary::IndexSummary(std::unique_ptr<Warehouse> warehouse, PipelineEvents& next)
    : warehouse_(std::move(warehouse)), next_(next) {
  try {
    ended_ = false;
    thread_ = std::jthread([this] { work(); });
  } catch (const std::system_error&) {
    ended_ = true;  // all is done at the end
  }
}

IndexSummary::~IndexSummary() {
  std::unique_lock lock(mutex_);
  ending_ = true;
  changed_.notify_all();
  // What is about to begin is not there to be cancelled yet.
  while (!ended_) {
    warehouse_->cancel();
    changed_.wait_for(lock, kCancelAgainAfter, [this] { return ended_; });
  }
}

void IndexSummary::window_done(const WindowReport& report) {
  next_.window_done(report);
  if (report.outcome != Outcome::loaded || report.inserted == 0) return;
  const std::scoped_lock lock(mutex_);
  for (const TimeWindow& part : by_month(report.window)) months_.insert(month_begin(part.from));
  rows_ += report.inserted;
  if (rows_ < kRowsAtOnce) return;
  due_.merge(std::exchange(months_, {}));
  rows_ = 0;
  changed_.notify_all();
}

std::optional<sys_seconds> IndexSummary::wait_for_month() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ending_ || !due_.empty(); });
  if (ending_) return std::nullopt;
  return due_.extract(due_.begin()).value();
}

void IndexSummary::work() {
  while (const auto month = wait_for_month()) {
    try {
      warehouse_->summarise({*month, *month + std::chrono::seconds(1)}, kPatience);
    } catch (const std::exception&) {
      // finish() does it again, and tells.
    }
  }
  const std::scoped_lock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

std::string IndexSummary::finish(const TimeWindow& range, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  ending_ = true;
  changed_.notify_all();
  const std::stop_callback on_stop(stop, [this] { warehouse_->cancel(); });
  changed_.wait(lock, [this] { return ended_; });
  lock.unlock();
  try {
    for (const TimeWindow& month : by_month(range)) {
      if (stop.stop_requested()) break;
      warehouse_->summarise(month, kPatienceAtTheEnd);
    }
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

}  // namespace odetl
