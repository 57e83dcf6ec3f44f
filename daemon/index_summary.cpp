#include "daemon/index_summary.hpp"

#include <exception>
#include <system_error>
#include <utility>

namespace odetl {
namespace {

constexpr std::uint64_t kRowsAtOnce = 100'000;  // enough to be worth walking over the index
// Shorter than the second after which a server stops an autovacuum that is in the way, which does the same anyway.
constexpr std::chrono::milliseconds kPatience{200};
constexpr std::chrono::seconds kPatienceAtTheEnd{10};

}  // namespace

IndexSummary::IndexSummary(std::function<std::unique_ptr<Warehouse>()> open, PipelineEvents& next)
    : warehouse_(open()), next_(next) {
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  } catch (const std::system_error&) {
    // Then all is done at the end.
  }
}

IndexSummary::~IndexSummary() = default;

void IndexSummary::window_done(const WindowReport& report) {
  next_.window_done(report);
  if (report.outcome != Outcome::loaded || report.inserted == 0) return;
  const std::scoped_lock lock(mutex_);
  for (const TimeWindow& part : by_month(report.window)) months_.insert(month_begin(part.from));
  rows_ += report.inserted;
  if (rows_ >= kRowsAtOnce) changed_.notify_all();
}

std::set<sys_seconds> IndexSummary::wait_for_months(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const bool is_worth_it = changed_.wait(lock, stop, [this] { return finishing_ || rows_ >= kRowsAtOnce; });
  if (!is_worth_it || finishing_) return {};
  rows_ = 0;
  return std::exchange(months_, {});
}

void IndexSummary::work(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { warehouse_->cancel(); });
  for (auto months = wait_for_months(stop); !months.empty(); months = wait_for_months(stop)) {
    for (const sys_seconds month : months) {
      if (stop.stop_requested()) return;
      try {
        warehouse_->summarise({month, month + std::chrono::seconds(1)}, kPatience);
      } catch (const std::exception&) {
        // finish() does it again, and tells.
      }
    }
  }
}

std::string IndexSummary::finish(const TimeWindow& range, const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] {
    thread_.request_stop();
    warehouse_->cancel();
  });
  {
    const std::scoped_lock lock(mutex_);
    finishing_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  std::string error;
  for (const TimeWindow& month : by_month(range)) {
    if (stop.stop_requested()) break;
    try {
      warehouse_->summarise(month, kPatienceAtTheEnd);
    } catch (const std::exception& failure) {
      error = failure.what();
    }
  }
  return error;
}

}  // namespace odetl
