#include "daemon/log_output.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>

namespace odetl {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kPatience = 500ms;

// A write of up to PIPE_BUF bytes does not block where poll() says so.
bool takes_some(int fd, SteadyClock::time_point deadline) {
  pollfd polled{fd, POLLOUT, 0};
  const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
  return poll(&polled, 1, std::max(0, static_cast<int>(rest.count()))) > 0;
}

}  // namespace

bool LogOutput::write_all(std::string_view text) {
  const auto deadline = SteadyClock::now() + (stuck_ ? 0ms : kPatience);
  while (!text.empty()) {
    if (!takes_some(fd_, deadline)) {
      stuck_ = true;
      return false;
    }
    const ssize_t written = ::write(fd_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (written < 0 && (errno == EINTR || errno == EAGAIN) && SteadyClock::now() < deadline) continue;
    if (written <= 0) return false;
    broken_ = true;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  stuck_ = broken_ = false;
  return true;
}

bool LogOutput::write(std::string_view line) {
  if ((!broken_ || write_all("\n")) && write_all(line)) return true;
  ++lost_;
  return false;
}

}  // namespace odetl
