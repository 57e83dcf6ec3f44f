#pragma once
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace odetl::test {

/// A directory of its own, removed with everything in it. Other users may pass through it but not list it, so
/// that a server which runs as another user can live below.
class TempDirectory {
 public:
  explicit TempDirectory(const std::string& name = "odetl-test");
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::filesystem::path operator/(const TempDirectory& directory, const std::string& name);

/// The whole file; throws std::runtime_error when it cannot be read.
std::string read_file(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, std::string_view text);

/// A file of tests/fixtures, e.g. fixture("wire/r_basic.json").
std::string fixture(const std::string& name);

/// A loopback TCP port that nothing listened on a moment ago.
int free_port();

/// How a process ended: by itself (`signal` 0) or by a signal (`code` is then 128 + signal, as in a shell).
struct ExitStatus {
  int code = 0;
  int signal = 0;
  bool operator==(const ExitStatus&) const = default;
};
std::ostream& operator<<(std::ostream& out, const ExitStatus& status);

/// Variables set for the child on top of this process's; one without a value is taken away.
using EnvChanges = std::map<std::string, std::optional<std::string>>;

struct LaunchOptions {
  std::string input;                  ///< what the child reads on standard input; empty: /dev/null
  int input_fd = -1;                  ///< read by the child instead of `input`; stays the caller's to close
  std::filesystem::path output_file;  ///< both outputs are appended here instead of being captured
  std::string user;                   ///< becomes this user first (only root can); empty: stays
  bool new_session = false;           ///< signals typed at the terminal do not reach it
  /// Killed by the kernel when the *thread* that made it ends, so also when the test process is killed.
  /// Turn it off for a child that is started in one thread and outlives it.
  bool dies_with_thread = true;
};

enum class Stream { out, err };

/// A child process whose outputs are captured. The child has an empty signal mask, default dispositions and no
/// descriptors but the standard three. Members may be called from several threads.
class ChildProcess {
 public:
  /// `argv[0]` is searched for in PATH. Throws std::runtime_error when it cannot be executed.
  explicit ChildProcess(std::vector<std::string> argv, const EnvChanges& env = {}, LaunchOptions options = {});
  ~ChildProcess();  ///< kills (SIGKILL) and reaps this child, and no other, if it still runs
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const;
  bool running();
  void kill(int signal);  ///< does nothing when the child has ended
  /// Waits for the end of the child and of its output; throws std::runtime_error, with the end of its output,
  /// when it still runs after `timeout`.
  ExitStatus wait(std::chrono::milliseconds timeout = std::chrono::seconds(60));
  /// The next line, after those already returned, that holds `part`; without its line end. Throws
  /// std::runtime_error, with the end of the output, on time-out or when the stream ends before.
  std::string read_line(std::string_view part, Stream stream = Stream::out,
                        std::chrono::milliseconds timeout = std::chrono::seconds(30));
  std::string out() const;  ///< all of standard output so far
  std::string err() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

struct RunResult {
  int exit_code = 0;  ///< 128 + signal when killed by one
  std::string out;
  std::string err;
};

/// Runs to the end; throws std::runtime_error (and kills it) when that takes longer than `timeout`.
RunResult run(std::vector<std::string> argv, const EnvChanges& env = {},
              std::chrono::milliseconds timeout = std::chrono::seconds(60), LaunchOptions options = {});

}  // namespace odetl::test
