#include "daemon/progress.hpp"

#include <spdlog/fmt/fmt.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "daemon/log.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr auto kBarInterval = 200ms;
constexpr auto kLineInterval = 5s;
constexpr int kBarCells = 24;

double rows_per_second(const ProgressReading& reading) {
  const double seconds = std::max(0.001, static_cast<double>(reading.elapsed.count()) / 1000.0);
  return static_cast<double>(reading.totals.rows_read) / seconds;
}

std::string eta(const ProgressReading& reading) {
  if (reading.ratio < 0.01 || reading.elapsed < 1s) return "-";
  const double left = static_cast<double>(reading.elapsed.count()) / 1000.0 * (1.0 - reading.ratio) / reading.ratio;
  return to_text(std::chrono::seconds(static_cast<long>(left)));
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
      : read_(std::move(read)), terminal_(isatty(STDERR_FILENO) != 0), thread_([this](std::stop_token stop) { loop(stop); }) {
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
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    const std::chrono::milliseconds interval = terminal_ ? kBarInterval : kLineInterval;
    while (!never.wait_for(lock, stop, interval, [&stop] { return stop.stop_requested(); })) show();
  }

  void show() {
    const ProgressReading reading = read_();
    if (terminal_) {
      write_out("\r" + progress_bar(reading, terminal_width() - 1) + "\033[K");
      return;
    }
    log(Event::backfill_progress,
        {{"done", fmt::format("{:.1f}%", 100.0 * reading.ratio)},
         {"rows", std::to_string(reading.totals.rows_read)},
         {"rows_per_second", fmt::format("{:.0f}", rows_per_second(reading))},
         {"requests", std::to_string(reading.requests)},
         {"eta", eta(reading)}});
  }

  std::function<ProgressReading()> read_;
  bool terminal_;
  std::jthread thread_;
};

}  // namespace

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

std::string progress_bar(const ProgressReading& reading, int width) {
  const int full = std::clamp(static_cast<int>(reading.ratio * kBarCells), 0, kBarCells);
  std::string bar = fmt::format("[{}{}] {:3.0f} %  {} rows  {} rows/s  {} requests  ETA {}",
                                std::string(static_cast<std::size_t>(full), '#'),
                                std::string(static_cast<std::size_t>(kBarCells - full), ' '), 100.0 * reading.ratio,
                                with_commas(reading.totals.rows_read),
                                with_commas(static_cast<std::uint64_t>(rows_per_second(reading))), reading.requests,
                                eta(reading));
  if (static_cast<int>(bar.size()) > width) bar.resize(static_cast<std::size_t>(std::max(0, width)));
  return bar;
}

std::unique_ptr<Progress> show_progress(std::function<ProgressReading()> read) {
  return std::make_unique<Shown>(std::move(read));
}

}  // namespace odetl
