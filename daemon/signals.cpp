#include "daemon/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

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
    eventfd_write(end_, 1);
    listener_.join();
    close(end_);
    close(signals_);
  }

  std::stop_token token() const { return stop_.get_token(); }

  void on_reload(std::function<void()> callback) {
    const std::lock_guard lock(mutex_);
    reload_ = std::move(callback);
    if (reload_ && std::exchange(reload_kept_, false)) reload_();
  }

 private:
  void listen() {
    for (;;) {
      pollfd polled[2] = {{signals_, POLLIN, 0}, {end_, POLLIN, 0}};
      poll(polled, 2, -1);
      if (polled[1].revents != 0) return;
      signalfd_siginfo received{};
      if (read(signals_, &received, sizeof received) == sizeof received) obey(static_cast<int>(received.ssi_signo));
    }
  }

  void obey(int signal) {
    if (signal == SIGHUP) return reload();
    if (!stop_.request_stop()) _exit(128 + signal);
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
  std::mutex mutex_;  // guards what follows
  std::function<void()> reload_;
  bool reload_kept_ = false;
  std::thread listener_;
};

StopSignals::StopSignals() : impl_(std::make_unique<Impl>()) {}
StopSignals::~StopSignals() = default;
std::stop_token StopSignals::token() const { return impl_->token(); }
void StopSignals::on_reload(std::function<void()> callback) { impl_->on_reload(std::move(callback)); }

}  // namespace odetl
