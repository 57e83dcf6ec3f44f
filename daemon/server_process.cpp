#include "daemon/server_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include "etl/error.hpp"

namespace odetl::server_process {
namespace {

// What follows, up to the end of this namespace, runs between fork() and exec(): async-signal-safe calls only, for
// other threads may have held any lock.

bool become(const Account& account) {
  if (account.uid == geteuid()) return true;
  return setgroups(1, &account.gid) == 0 && setgid(account.gid) == 0 && setuid(account.uid) == 0;
}

/// Also those that this process ignores, which exec() would hand on.
void reset_signals() {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Marks all but the standard three to be closed by exec(), so that `report` still works until then.
void close_others() {
  if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  constexpr int kEnough = 65536;  // kernels before 5.11
  for (int fd = 3; fd < kEnough; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

struct Failure {
  char step[96];
  int error;
};

[[noreturn]] void give_up(int report, const char* step) {
  Failure failure{};
  failure.error = errno;
  strncpy(failure.step, step, sizeof failure.step - 1);
  [[maybe_unused]] const auto written = write(report, &failure, sizeof failure);
  _exit(127);
}

[[noreturn]] void run_child(const Start& start, char* const* argv, int null, int report, pid_t parent) {
  // Nothing from this process's environment: it may hold the token, and PG… or NOTIFY_SOCKET would mislead a server.
  static const char* const kEnvironment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", nullptr};
  reset_signals();
  setsid();
  umask(077);
  const int input = start.input_fd < 0 ? null : start.input_fd;
  if (!become(start.account)) give_up(report, "change user (root needs CAP_SETUID and CAP_SETGID for that)");
  constexpr int kAppend = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW;
  const int output = start.output_fd < 0 ? open(start.output_file.c_str(), kAppend, 0600) : start.output_fd;
  if (output < 0) give_up(report, "open its log");
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) give_up(report, "redirect");
  close_others();
  if (start.lifetime == Lifetime::of_this_thread) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // after the change of user, which clears it
    if (getppid() != parent) _exit(127);
  }
  if (chdir("/") != 0) give_up(report, "change directory");
  execve(argv[0], argv, const_cast<char* const*>(kEnvironment));
  give_up(report, "execute");
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void Descriptor::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Pipe make_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) throw ProcessError(std::string("pipe: ") + std::strerror(errno));
  return {Descriptor(fds[0]), Descriptor(fds[1])};
}

void pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  constexpr auto kSlice = std::chrono::milliseconds(20);
  const auto until = std::chrono::steady_clock::now() + time;
  do {
    if (stop.stop_requested()) throw Stopped();
    std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(kSlice, time));
  } while (std::chrono::steady_clock::now() < until);
}

pid_t start(const Start& start) {
  std::vector<char*> argv;
  for (const auto& argument : start.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  Pipe report = make_pipe();
  const pid_t parent = getpid();

  const pid_t child = fork();
  if (child < 0) throw ProcessError(std::string("fork: ") + std::strerror(errno));
  if (child == 0) run_child(start, argv.data(), null.get(), report.write.get(), parent);

  report.write.reset();
  Failure failure{};
  if (read(report.read.get(), &failure, sizeof failure) != sizeof failure) return child;
  waitpid(child, nullptr, 0);
  throw ProcessError(std::string(failure.step) + ": " + std::strerror(failure.error));
}

std::optional<int> exit_code(pid_t child) {
  int status = 0;
  const pid_t reaped = waitpid(child, &status, WNOHANG);
  if (reaped == 0) return std::nullopt;
  if (reaped < 0) return 127;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int wait_for_end(pid_t child, std::chrono::seconds limit, const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  try {
    for (;;) {
      if (const auto code = exit_code(child)) return *code;
      if (std::chrono::steady_clock::now() > deadline)
        throw ProcessError("not done after " + std::to_string(limit.count()) + " s");
      pause(std::chrono::milliseconds(10), stop);
    }
  } catch (...) {  // nothing that it started may write on behind a caller who cleans up
    kill(-child, SIGKILL);
    waitpid(child, nullptr, 0);
    throw;
  }
}

std::filesystem::path first_closed_directory(const std::filesystem::path& path, const Account& account) {
  constexpr auto kLimit = std::chrono::seconds(30);
  const auto open_to_account = [&](const std::filesystem::path& directory) {
    Start test;
    test.argv = {"/usr/bin/test", "-x", directory};
    test.account = account;
    return wait_for_end(start(test), kLimit, {}) == 0;
  };
  if (open_to_account(path)) return {};
  std::filesystem::path way;
  for (const auto& part : path) {
    way /= part;
    if (!open_to_account(way)) return way;
  }
  return {};
}

}  // namespace odetl::server_process
