#include "daemon/watch.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string_view>

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr auto kTerminalInterval = 2s;
constexpr auto kBlockInterval = 5s;
constexpr auto kKeyInterval = 100ms;  // how soon a stop is noticed

// The terminal's second screen, without cursor, wrapping and echo, as long as this lives.
class Screen {
 public:
  Screen() {
    if (tcgetattr(STDIN_FILENO, &before_.emplace()) == 0) {
      termios raw = *before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    } else {
      before_.reset();
    }
    std::fputs("\033[?1049h\033[?25l\033[?7l", stdout);
  }
  ~Screen() {
    std::fputs("\033[?7h\033[?25h\033[?1049l", stdout);
    std::fflush(stdout);
    if (before_) tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
  }
  Screen(const Screen&) = delete;

  static void show(std::string_view text) {
    winsize size{};
    int rows = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row : 24;
    std::fputs("\033[H", stdout);
    while (!text.empty() && --rows > 0) {
      const auto end = std::min(text.find('\n'), text.size() - 1);
      std::fwrite(text.data(), 1, end, stdout);
      std::fputs("\033[K\n", stdout);
      text.remove_prefix(end + 1);
    }
    std::fputs("\033[Jq ends", stdout);
    std::fflush(stdout);
  }

  // Waits; false when the user wants to leave.
  bool rest(std::stop_token stop) const {
    const auto until = std::chrono::steady_clock::now() + kTerminalInterval;
    while (!stop.stop_requested() && std::chrono::steady_clock::now() < until) {
      pollfd keys{before_ ? STDIN_FILENO : -1, POLLIN, 0};
      if (poll(&keys, 1, static_cast<int>(std::chrono::milliseconds(kKeyInterval).count())) <= 0) continue;
      char key = 0;
      if (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q') return false;
    }
    return !stop.stop_requested();
  }

 private:
  std::optional<termios> before_;
};

void watch_blocks(const std::function<std::string()>& text, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  do {
    const std::string block = text();
    if (std::fwrite(block.data(), 1, block.size(), stdout) != block.size() || std::fflush(stdout) != 0) return;
  } while (!never.wait_for(lock, stop, kBlockInterval, [&stop] { return stop.stop_requested(); }));
}

}  // namespace

bool wants_colour() {
  const char* no = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (isatty(STDOUT_FILENO) == 0 || (no != nullptr && *no != '\0')) return false;
  return term == nullptr || std::string_view(term) != "dumb";
}

void watch(const std::function<std::string()>& text, std::stop_token stop) {
  if (isatty(STDOUT_FILENO) == 0) return watch_blocks(text, stop);
  const Screen screen;
  do {
    Screen::show(text());
  } while (screen.rest(stop));
}

}  // namespace odetl
