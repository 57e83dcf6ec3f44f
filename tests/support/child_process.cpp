#include "tests/support/child_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <mutex>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace odetl::test {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kTick = std::chrono::milliseconds(2);
constexpr auto kOutputGrace = std::chrono::seconds(1);  // a grandchild may hold the pipes open for ever
constexpr std::size_t kTail = 4000;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  void reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct Pipe {
  Fd read, write;
};

Pipe make_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) fail("pipe");
  return {Fd(fds[0]), Fd(fds[1])};
}

std::vector<std::string> merged_environment(const EnvChanges& changes) {
  std::map<std::string, std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string::npos) merged[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const auto& [name, value] : changes) {
    if (value)
      merged[name] = *value;
    else
      merged.erase(name);
  }
  std::vector<std::string> result;
  for (const auto& [name, value] : merged) result.push_back(name + "=" + value);
  return result;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

/// All that the child needs, prepared before fork(): after it only async-signal-safe calls are allowed.
struct Prepared {
  std::vector<char*> argv, envp;
  int in, out, err, report;
  bool change_user = false;
  uid_t uid = 0;
  gid_t gid = 0;
  bool new_session, dies_with_thread;
  pid_t parent;
};

bool become(const Prepared& child) {
  if (!child.change_user) return true;
  return setgroups(1, &child.gid) == 0 && setgid(child.gid) == 0 && setuid(child.uid) == 0;
}

void clear_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void run_child(const Prepared& child) {
  clear_signals();
  if (child.new_session) setsid();
  const bool ready = dup2(child.in, 0) >= 0 && dup2(child.out, 1) >= 0 && dup2(child.err, 2) >= 0 && become(child);
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (child.dies_with_thread) {  // after the change of user, which clears it
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != child.parent) _exit(127);
  }
  if (ready) execvpe(child.argv[0], child.argv.data(), child.envp.data());
  const int error = errno;
  [[maybe_unused]] const auto written = write(child.report, &error, sizeof error);
  _exit(127);
}

std::string tail(const std::string& text) { return text.size() <= kTail ? text : text.substr(text.size() - kTail); }

}  // namespace

class ChildProcess::Impl {
 public:
  Impl(std::vector<std::string> argv, const EnvChanges& env, LaunchOptions options)
      : argv_(std::move(argv)), input_(std::move(options.input)) {
    launch(env, options);
    ended_ = from_child_[0].get() < 0 && in_.get() < 0;
    if (!ended_) pump_ = std::thread([this] { pump(); });
  }

  ~Impl() {
    kill(SIGKILL);
    {
      const std::lock_guard lock(mutex_);
      if (!status_) waitpid(pid_, nullptr, 0);
    }
    stop_.write.reset();
    if (pump_.joinable()) pump_.join();
  }

  pid_t pid() const { return pid_; }

  bool running() {
    const std::lock_guard lock(mutex_);
    return !reaped();
  }

  void kill(int signal) {
    const std::lock_guard lock(mutex_);
    if (!reaped()) ::kill(pid_, signal);
  }

  ExitStatus wait(std::chrono::milliseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    while (running()) {
      if (Clock::now() >= deadline) throw std::runtime_error("still running after the time allowed: " + describe());
      std::this_thread::sleep_for(kTick);
    }
    const auto drained_by = Clock::now() + kOutputGrace;
    while (!ended() && Clock::now() < drained_by) std::this_thread::sleep_for(kTick);
    return *status_;
  }

  std::string read_line(std::string_view part, Stream stream, std::chrono::milliseconds timeout) {
    auto deadline = Clock::now() + timeout;
    for (;;) {
      if (!running()) deadline = std::min(deadline, Clock::now() + kOutputGrace);
      const bool last_look = ended() || Clock::now() >= deadline;
      if (auto line = next_line(part, stream)) return *line;
      if (last_look) throw std::runtime_error("no line with '" + std::string(part) + "' from " + describe());
      std::this_thread::sleep_for(kTick);
    }
  }

  std::string captured(Stream stream) const {
    const std::lock_guard lock(mutex_);
    return text_[static_cast<int>(stream)];
  }

 private:
  void launch(const EnvChanges& env, const LaunchOptions& options) {
    Pipe in = make_pipe(), out = make_pipe(), err = make_pipe(), report = make_pipe();
    Fd file;
    if (!options.output_file.empty()) {
      file = Fd(open(options.output_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
      if (file.get() < 0) fail("open '" + options.output_file.string() + "'");
    }
    const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
    const auto environment = merged_environment(env);
    Prepared child{};
    child.argv = pointers(argv_);
    child.envp = pointers(environment);
    child.in = options.input_fd >= 0 ? options.input_fd : input_.empty() ? null.get() : in.read.get();
    child.out = file.get() >= 0 ? file.get() : out.write.get();
    child.err = file.get() >= 0 ? file.get() : err.write.get();
    child.report = report.write.get();
    child.new_session = options.new_session;
    child.dies_with_thread = options.dies_with_thread;
    child.parent = getpid();
    set_user(child, options.user);

    pid_ = fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) run_child(child);
    report.write.reset();
    check_started(report.read.get());
    if (!input_.empty()) in_ = std::move(in.write);
    if (file.get() >= 0) return;
    from_child_[0] = std::move(out.read);
    from_child_[1] = std::move(err.read);
  }

  static void set_user(Prepared& child, const std::string& user) {
    if (user.empty()) return;
    const passwd* entry = getpwnam(user.c_str());
    if (entry == nullptr) throw std::runtime_error("no user '" + user + "'");
    child.change_user = true;
    child.uid = entry->pw_uid;
    child.gid = entry->pw_gid;
  }

  void check_started(int report) {
    int error = 0;
    if (read(report, &error, sizeof error) != sizeof error) return;
    waitpid(pid_, nullptr, 0);
    errno = error;
    fail("start '" + argv_[0] + "'");
  }

  void pump() {
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
    if (in_.get() >= 0) fcntl(in_.get(), F_SETFL, O_NONBLOCK);
    while (from_child_[0].get() >= 0 || from_child_[1].get() >= 0 || in_.get() >= 0) {
      pollfd polled[4] = {{from_child_[0].get(), POLLIN, 0},
                          {from_child_[1].get(), POLLIN, 0},
                          {in_.get(), POLLOUT, 0},
                          {stop_.read.get(), POLLIN, 0}};
      poll(polled, 4, -1);
      if (polled[3].revents != 0) break;
      if (polled[2].revents != 0) feed();
      for (int i = 0; i < 2; ++i) {
        if (polled[i].revents != 0) take(i);
      }
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }

  void feed() {
    const auto written = write(in_.get(), input_.data() + fed_, input_.size() - fed_);
    if (written > 0) fed_ += static_cast<std::size_t>(written);
    if ((written < 0 && errno != EAGAIN) || fed_ == input_.size()) in_.reset();
  }

  void take(int stream) {
    char buffer[65536];
    const auto size = read(from_child_[stream].get(), buffer, sizeof buffer);
    if (size <= 0) return from_child_[stream].reset();
    const std::lock_guard lock(mutex_);
    text_[stream].append(buffer, static_cast<std::size_t>(size));
  }

  bool reaped() {
    int raw = 0;
    if (!status_ && waitpid(pid_, &raw, WNOHANG) == pid_) {
      status_ = WIFSIGNALED(raw) ? ExitStatus{128 + WTERMSIG(raw), WTERMSIG(raw)} : ExitStatus{WEXITSTATUS(raw), 0};
    }
    return status_.has_value();
  }

  bool ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

  std::optional<std::string> next_line(std::string_view part, Stream stream) {
    const std::lock_guard lock(mutex_);
    const std::string& text = text_[static_cast<int>(stream)];
    std::size_t& seen = seen_[static_cast<int>(stream)];
    for (;;) {
      auto end = text.find('\n', seen);
      if (end == std::string::npos && (!ended_ || seen == text.size())) return std::nullopt;
      if (end == std::string::npos) end = text.size();
      const auto line = text.substr(seen, end - seen);
      seen = std::min(end + 1, text.size());
      if (line.find(part) != std::string::npos) return line;
    }
  }

  std::string describe() const {
    return "'" + argv_[0] + "' (process " + std::to_string(pid_) + ")\n--- its output ends:\n" +
           tail(captured(Stream::out)) + "\n--- its errors end:\n" + tail(captured(Stream::err));
  }

  std::vector<std::string> argv_;
  std::string input_;
  std::size_t fed_ = 0;  // of input_; the pump's alone
  Pipe stop_ = make_pipe();
  Fd in_, from_child_[2];
  pid_t pid_ = -1;
  std::thread pump_;

  mutable std::mutex mutex_;  // guards what follows
  std::optional<ExitStatus> status_;
  bool ended_ = false;
  std::string text_[2];
  std::size_t seen_[2] = {0, 0};
};

ChildProcess::ChildProcess(std::vector<std::string> argv, const EnvChanges& env, LaunchOptions options)
    : impl_(std::make_unique<Impl>(std::move(argv), env, std::move(options))) {}
ChildProcess::~ChildProcess() = default;
pid_t ChildProcess::pid() const { return impl_->pid(); }
bool ChildProcess::running() { return impl_->running(); }
void ChildProcess::kill(int signal) { impl_->kill(signal); }
ExitStatus ChildProcess::wait(std::chrono::milliseconds timeout) { return impl_->wait(timeout); }
std::string ChildProcess::read_line(std::string_view part, Stream stream, std::chrono::milliseconds timeout) {
  return impl_->read_line(part, stream, timeout);
}
std::string ChildProcess::out() const { return impl_->captured(Stream::out); }
std::string ChildProcess::err() const { return impl_->captured(Stream::err); }

RunResult run(std::vector<std::string> argv, const EnvChanges& env, std::chrono::milliseconds timeout,
              LaunchOptions options) {
  ChildProcess child(std::move(argv), env, std::move(options));
  const auto status = child.wait(timeout);
  return {status.code, child.out(), child.err()};
}

std::ostream& operator<<(std::ostream& out, const ExitStatus& status) {
  if (status.signal != 0) return out << "killed by signal " << status.signal;
  return out << "exit code " << status.code;
}

TempDirectory::TempDirectory(const std::string& name) {
  std::string path = (std::filesystem::temp_directory_path() / (name + "-XXXXXX")).string();
  if (mkdtemp(path.data()) == nullptr) fail("mkdtemp '" + path + "'");
  path_ = path;
  std::filesystem::permissions(path_, std::filesystem::perms(0711));
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path operator/(const TempDirectory& directory, const std::string& name) {
  return directory.path() / name;
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (!in || (in.peek() != std::ifstream::traits_type::eof() && !(text << in.rdbuf())))
    fail("read '" + file.string() + "'");
  return text.str();
}

void write_file(const std::filesystem::path& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) fail("write '" + file.string() + "'");
}

std::string fixture(const std::string& name) { return read_file(std::filesystem::path(ODETL_FIXTURES) / name); }

int free_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(socket.get(), generic, size) != 0 || getsockname(socket.get(), generic, &size) != 0) fail("bind");
  return ntohs(address.sin_port);
}

}  // namespace odetl::test
