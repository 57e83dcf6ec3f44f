#pragma once
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

/// Processes for the embedded server: started as another user, with nothing of this process leaking into them.
namespace odetl::server_process {

/// The user that a server runs as.
struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;  ///< empty when the number has none: initdb refuses that
};

enum class Lifetime {
  of_this_thread,  ///< killed by the kernel when the thread that started it ends
  its_own,         ///< outlives this process
};

struct Start {
  std::vector<std::string> argv;  ///< argv[0] is a path
  Account account;
  int input_fd = -1;                      ///< -1: /dev/null
  int output_fd = -1;                     ///< takes standard output and error; -1: `output_file`
  std::string output_file = "/dev/null";  ///< appended to; made, mode 0600, and opened as that account
  Lifetime lifetime = Lifetime::of_this_thread;
};

/// A child could not be started, or did not end in time.
class ProcessError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Closes what it holds.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  /// `other` closes what this held.
  Descriptor& operator=(Descriptor&& other) noexcept;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_;
};

struct Pipe {
  Descriptor read, write;
};

/// Closed by exec(). Throws ProcessError.
Pipe make_pipe();

/// Sleeps, but not past a stop request, on which it throws Stopped.
void pause(std::chrono::milliseconds time, const std::stop_token& stop);

/// Starts a child in a session of its own, so that keys typed at a terminal do not reach it, with an empty signal
/// mask, default dispositions, umask 077, the working directory `/`, no descriptors but the standard three and a
/// minimal environment. Throws ProcessError naming the step that failed.
pid_t start(const Start& start);

/// The exit code of a child that has ended, 128 + signal after a signal; empty while it runs. Reaps it.
std::optional<int> exit_code(pid_t child);

/// Waits for a child of start() to end; returns its exit code. On a stop request or past `limit` kills its whole
/// session, then throws Stopped or ProcessError.
int wait_for_end(pid_t child, std::chrono::seconds limit, const std::stop_token& stop);

/// The first directory on the way to `path` (absolute) that `account` may not enter; empty when there is none.
std::filesystem::path first_closed_directory(const std::filesystem::path& path, const Account& account);

}  // namespace odetl::server_process
