#include "daemon/status_board.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr auto kGoodFor = 2s;         // at the least
constexpr int kRestsPerReading = 20;  // else so many times as long as it took…
constexpr auto kLongestRest = 10s;    // …but no longer after a failure

}  // namespace

// Reads without the lock; whoever comes meanwhile sees what was there before.
void StatusBoard::renew(std::unique_lock<std::mutex>& lock) {
  being_read_ = true;
  lock.unlock();
  const auto begun = steady_();
  const Timestamp now = now_();
  std::shared_ptr<const StatusFacts> status;
  std::optional<std::string> trouble;
  try {
    status = std::make_shared<const StatusFacts>(read_(now));
  } catch (const std::exception& error) {
    trouble = error.what();  // shown instead
  }
  lock.lock();
  being_read_ = false;
  if (status) {
    reading_.status = std::move(status);
    reading_.read_at = now;
  }
  reading_.trouble = std::move(trouble);
  const auto ended = steady_();
  std::chrono::steady_clock::duration rest = kRestsPerReading * (ended - begun);
  if (reading_.trouble) rest = std::min<std::chrono::steady_clock::duration>(rest, kLongestRest);
  good_until_ = ended + std::max<std::chrono::steady_clock::duration>(kGoodFor, rest);
  changed_.notify_all();
}

StatusBoard::Reading StatusBoard::look() {
  std::unique_lock lock(mutex_);
  if (being_read_) {
    changed_.wait(lock, [this] { return good_until_.has_value(); });
  } else if (!good_until_ || steady_() >= *good_until_) {
    renew(lock);
  }
  return reading_;
}

}  // namespace odetl
