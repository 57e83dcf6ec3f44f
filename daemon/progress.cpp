#include "daemon/progress.hpp"

#include <poll.h>
#include <spdlog/fmt/fmt.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>

#include "daemon/log.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr auto kBarInterval = 200ms;
constexpr auto kLineInterval = 5s;
constexpr int kBarCells = 24;
constexpr int kLeastCells = 4;  // where the terminal is narrow

constexpr auto kPaceSpan = 30s;
constexpr auto kPaceStep = 1s;        // between two points of it
constexpr double kLeastRatio = 0.01;  // less is nothing to guess from

std::string eta(const Pace& pace) {
  const auto left = pace.time_left();
  return left ? to_text(*left) : "-";
}

int terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

void write_out(const std::string& text) {
  // A terminal that is gone or stopped shows nothing; the work goes on.
  pollfd polled{STDERR_FILENO, POLLOUT, 0};
  if (poll(&polled, 1, 0) <= 0) return;
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text.data(), text.size());
}

void clear_line() { write_out("\r\033[K"); }

class Shown final : public Progress {
 public:
  explicit Shown(std::function<ProgressReading()> read)
      : read_(std::move(read)),
        terminal_(isatty(STDERR_FILENO) != 0),
        thread_([this](std::stop_token stop) { loop(stop); }) {
    if (terminal_) set_log_curtain({clear_line, nullptr});
  }
  ~Shown() override {
    thread_.request_stop();
    thread_.join();
    if (terminal_) {
      clear_line();
      set_log_curtain({});
    }
  }

 private:
  void loop(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    const std::chrono::milliseconds interval = terminal_ ? kBarInterval : kLineInterval;
    while (!never_.wait_for(lock, stop, interval, [&stop] { return stop.stop_requested(); })) {
      try {
        show();
      } catch (const std::bad_alloc&) {  // who works sees to that; the next is shown again
      }
    }
  }

  void show() {
    const ProgressReading reading = read_();
    pace_.add(reading);
    if (terminal_) {
      write_out("\r" + progress_bar(reading, pace_, terminal_width() - 1) + "\033[K");
      return;
    }
    std::vector<LogField> fields = {{"done", fmt::format("{:.1f}%", 100.0 * reading.ratio)},
                                    {"rows", std::to_string(reading.totals.rows_read)},
                                    {"rows_per_second", fmt::format("{:.0f}", pace_.rows_per_second())},
                                    {"requests", std::to_string(reading.requests)},
                                    {"eta", eta(pace_)}};
    if (reading.rate_wait > 0s) fields.push_back({"waits_for_rate_limit", to_text(reading.rate_wait)});
    log(Event::backfill_progress, fields);
  }

  std::function<ProgressReading()> read_;
  Pace pace_;
  bool terminal_;
  std::mutex mutex_;
  std::condition_variable_any never_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

void Pace::add(const ProgressReading& reading) {
  const Point point{reading.elapsed, reading.ratio, reading.totals.rows_read};
  // The last point moves until it is a step away from the one before it.
  if (points_.size() > 1 && points_.back().elapsed - points_[points_.size() - 2].elapsed < kPaceStep)
    points_.pop_back();
  points_.push_back(point);
  while (points_.size() > 2 && point.elapsed - points_[1].elapsed >= kPaceSpan) points_.pop_front();
}

double Pace::rows_per_second() const {
  const std::chrono::duration<double> span = points_.back().elapsed - points_.front().elapsed;
  return static_cast<double>(points_.back().rows - points_.front().rows) / std::max(0.001, span.count());
}

std::optional<std::chrono::seconds> Pace::time_left() const {
  const Point& last = points_.back();
  const double done = last.ratio - points_.front().ratio;
  if (last.ratio < kLeastRatio || last.elapsed < 1s || done <= 0) return std::nullopt;
  const std::chrono::duration<double> span = last.elapsed - points_.front().elapsed;
  return std::chrono::round<std::chrono::seconds>(span * (1.0 - last.ratio) / done);
}

std::string progress_bar(const ProgressReading& reading, const Pace& pace, int width) {
  std::string words = fmt::format(
      " {:3.0f} %  {} rows  {} rows/s  {} requests  ETA {}", 100.0 * reading.ratio, with_commas(reading.totals.rows_read),
      with_commas(static_cast<std::uint64_t>(pace.rows_per_second())), reading.requests, eta(pace));
  if (reading.rate_wait > 0s) words += fmt::format("  rate limit {}", to_text(reading.rate_wait));
  const int cells = std::clamp(width - static_cast<int>(words.size()) - 2, kLeastCells, kBarCells);
  const int full = std::clamp(static_cast<int>(reading.ratio * cells), 0, cells);
  std::string bar = fmt::format("[{}{}]{}", std::string(static_cast<std::size_t>(full), '#'),
                                std::string(static_cast<std::size_t>(cells - full), ' '), words);
  if (static_cast<int>(bar.size()) > width) bar.resize(static_cast<std::size_t>(std::max(0, width)));
  return bar;
}

std::unique_ptr<Progress> show_progress(std::function<ProgressReading()> read) {
  return std::make_unique<Shown>(std::move(read));
}

}  // namespace odetl
