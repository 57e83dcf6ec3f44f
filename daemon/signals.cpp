#include "daemon/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "daemon/log.hpp"

namespace odetl {
namespace {

sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

int checked(int fd, const char* operation) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), operation);
  return fd;
}

}  // namespace

class StopSignals::Impl {
 public:
  Impl() {
    for (const int signal : {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2}) std::signal(signal, SIG_IGN);
    const sigset_t awaited = awaited_signals();
    pthread_sigmask(SIG_BLOCK, &awaited, nullptr);
    signals_ = checked(signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
    end_ = checked(eventfd(0, EFD_CLOEXEC), "eventfd");
    listener_ = std::thread([this] { listen(); });
  }

  ~Impl() {
    join_stopping();  // while the listener still ends what takes too long
    eventfd_write(end_, 1);
    listener_.join();
    join_stopping();
    close(end_);
    close(signals_);
  }

  std::stop_token token() const { return stop_.get_token(); }

  void on_reload(std::function<void()> callback) {
    const std::lock_guard lock(mutex_);
    reload_ = std::move(callback);
    if (reload_ && std::exchange(reload_kept_, false)) reload_();
  }

  void end_with(std::optional<ExitCode> code) {
    const std::lock_guard lock(mutex_);
    end_code_ = code;
  }

 private:
  void listen() {
    for (;;) {
      pollfd polled[2] = {{signals_, POLLIN, 0}, {end_, POLLIN, 0}};
      if (poll(polled, 2, patience_ms()) == 0) end_in_time();
      if (polled[1].revents != 0) return;
      signalfd_siginfo received{};
      if (read(signals_, &received, sizeof received) == sizeof received) obey(static_cast<int>(received.ssi_signo));
    }
  }

  void obey(int signal) {
    if (signal == SIGHUP) return reload();
    if (std::exchange(is_told_, true)) _exit(128 + signal);
    end_at_ = std::chrono::steady_clock::now() + kPatience;
    try {
      // What is told of the stop may wait, too, while signals go on being heard.
      std::thread stopping([this] { stop_.request_stop(); });
      const std::lock_guard lock(mutex_);
      stopping_ = std::move(stopping);
    } catch (const std::exception&) {  // no memory, no threads
      stop_.request_stop();
    }
  }

  void join_stopping() {
    std::thread stopping;
    {
      const std::lock_guard lock(mutex_);
      stopping.swap(stopping_);
    }
    if (stopping.joinable()) stopping.join();
  }

  // For ever, until a stop was requested; and when it took too long.
  int patience_ms() const {
    if (!end_at_) return -1;
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(*end_at_ - std::chrono::steady_clock::now());
    return std::max(0, static_cast<int>(rest.count()));
  }

  void end_in_time() {
    end_at_ = std::chrono::steady_clock::now() + kPatience;
    const std::lock_guard lock(mutex_);
    if (!end_code_) return;  // not yet, or no longer
    log(Event::stop_forced);
    _exit(static_cast<int>(*end_code_));
  }

  void reload() {
    const std::lock_guard lock(mutex_);
    if (reload_)
      reload_();
    else
      reload_kept_ = true;
  }

  int signals_ = -1;
  int end_ = -1;
  std::stop_source stop_;
  bool is_told_ = false;                                         // the listener's
  std::optional<std::chrono::steady_clock::time_point> end_at_;  // of the listener
  std::mutex mutex_;  // guards what follows
  std::function<void()> reload_;
  bool reload_kept_ = false;
  std::thread stopping_;
  std::optional<ExitCode> end_code_;
  std::thread listener_;
};

void StopSignals::end_with(std::optional<ExitCode> code) { impl_->end_with(code); }
StopSignals::StopSignals() : impl_(std::make_unique<Impl>()) {}
StopSignals::~StopSignals() = default;
std::stop_token StopSignals::token() const { return impl_->token(); }
void StopSignals::on_reload(std::function<void()> callback) { impl_->on_reload(std::move(callback)); }

}  // namespace odetl
