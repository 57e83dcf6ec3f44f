#include "daemon/embedded_cluster.hpp"

#include <fcntl.h>
#include <locale.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <system_error>

#include "etl/error.hpp"
#include "etl/sql_text.hpp"

namespace odetl::embedded {
namespace {

using namespace std::chrono_literals;
using server_process::Descriptor;
using server_process::Lifetime;

constexpr auto kCreateLimit = std::chrono::seconds(600);  // initdb on a slow disk
constexpr auto kStartLimit = std::chrono::seconds(60);    // from exec() to a postmaster that shows itself
constexpr auto kStopLimit = 5s;                           // of the ten that this process has to end
constexpr auto kOrphanLimit = 5s;
constexpr off_t kLogLimit = 8 << 20;
constexpr off_t kLogKept = 1 << 20;
constexpr std::size_t kLogShown = 2000;

/// A path that fits into a socket's address and into an unquoted connection string and command line.
bool fits_a_socket(const fs::path& directory) {
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || strchr("/._-", c) != nullptr; };
  const auto& text = directory.native();
  return std::all_of(text.begin(), text.end(), plain) &&
         (directory / ".s.PGSQL.").native().size() + strlen(kPort) < sizeof(sockaddr_un::sun_path);
}

/// The same for every process and version that uses this state directory (FNV-1a).
fs::path short_directory(const fs::path& state_dir, const Account& account) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : state_dir.native()) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  std::ostringstream name;
  name << "/tmp/opendialog-etl-" << account.uid << '-' << std::hex << hash;
  return name.str();
}

/// What a killed start had begun may write for a moment longer, under the hands of who removes it.
void remove_unfinished(const fs::path& directory, const std::stop_token& stop) {
  std::error_code error;
  for (const auto deadline = Clock::now() + kOrphanLimit;; server_process::pause(kTick, stop)) {
    fs::remove_all(directory, error);
    if (!error) return;
    if (Clock::now() > deadline) fail("remove", directory, error.message());
  }
}

std::string locale() {
  const locale_t found = newlocale(LC_ALL_MASK, "C.UTF-8", nullptr);
  if (found == nullptr) return "C";
  freelocale(found);
  return "C.UTF-8";
}

std::string sql(std::string_view name) {
  for (const auto& file : sql_files()) {
    if (file.name == name) return std::string(file.text);
  }
  fail("find", name, "not compiled in");
}

}  // namespace

Cluster::Cluster(const fs::path& state_dir)
    : root_(state_dir / "postgres"), account_(choose_account(state_dir, root_)) {
  claim_directory(root_, account_);
  if (const auto closed = server_process::first_closed_directory(root_, account_); !closed.empty())
    fail("enter", closed,
         "closed to " + shown(account_) +
             ", which the server runs as; chmod o+x it or set "
             "state_dir to another place");
  claim_directory(root_ / "log", account_);
  socket_directory_ = fits_a_socket(root_ / "run") ? root_ / "run" : short_directory(state_dir, account_);
  claim_directory(socket_directory_, account_);
}

void Cluster::ensure_running(const std::stop_token& stop) {
  if (running() && read_pid_file().state == "ready") return;
  prepare(stop);
  pid_t child = -1;
  try {
    await_ready(child, stop);
  } catch (const Stopped&) {  // it may not have written its number yet, so that stop_server() would miss it
    if (child > 0) kill(child, SIGINT);
    throw;
  }
}

void Cluster::stop_server() const {
  const pid_t pid = read_pid_file().pid;
  if (!lives(pid)) return;
  kill(pid, SIGINT);
  for (const auto deadline = Clock::now() + kStopLimit; lives(pid) && Clock::now() < deadline;)
    server_process::pause(kTick, {});
}

void Cluster::trim_log() const {
  const Descriptor file(open(log().c_str(), O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!file || fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) return;
  if (found.st_uid != account_.uid || found.st_size < kLogLimit) return;
  std::string kept(kLogKept, '\0');
  const auto size = pread(file.get(), kept.data(), kept.size(), found.st_size - kLogKept);
  if (size <= 0 || ftruncate(file.get(), 0) != 0) return;
  [[maybe_unused]] const auto written = write(file.get(), kept.data(), static_cast<std::size_t>(size));
}

PidFile Cluster::read_pid_file() const {
  const auto path = data() / "postmaster.pid";
  std::ifstream file(path);
  if (!file && errno != ENOENT) fail("read", path, system_error());  // out of descriptors: it may well be running
  PidFile result;
  std::string line;
  for (int number = 1; number <= 8 && std::getline(file, line); ++number) {
    if (number == 1) result.pid = std::atoi(line.c_str());
    if (number == 8) result.state = line.substr(0, line.find(' '));
  }
  return result;
}

bool Cluster::belongs(const std::string& process) const {
  std::error_code gone;
  return fs::read_symlink("/proc/" + process + "/cwd", gone) == data();
}

bool Cluster::lives(pid_t pid) const {
  if (pid <= 1) return false;
  waitpid(pid, nullptr, WNOHANG);  // where this process is its parent
  return belongs(std::to_string(pid));
}

bool Cluster::answers() const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
  const Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
}

void Cluster::prepare(const std::stop_token& stop) {
  int wanted = 0;
  if (look_at(data())) {
    std::ifstream version(data() / "PG_VERSION");
    if (!(version >> wanted)) fail("use", data(), "not a PostgreSQL cluster (no PG_VERSION); move it away");
  }
  binaries_ = find_binaries(wanted, account_);
  if (binaries_.major == 0)
    fail("find", "postgres",
         "no PostgreSQL server is installed; apt-get install postgresql (Debian, Ubuntu), dnf "
         "install postgresql-server (Fedora, RHEL), or set warehouse.dsn to a server that runs elsewhere");
  if (wanted == 0)
    create(stop);
  else if (binaries_.major != wanted)
    fail("use", data(),
         "it was made by PostgreSQL " + std::to_string(wanted) + ", and " + std::to_string(binaries_.major) +
             " is installed; install postgresql-" + std::to_string(wanted) +
             ", or upgrade the cluster with pg_upgrade");
}

void Cluster::create(const std::stop_token& stop) {
  const auto unfinished = root_ / "data.new";
  if (account_.name.empty())
    fail("run initdb in", root_,
         shown(account_) +
             " has no name, which initdb insists on; give it an entry in "
             "/etc/passwd, or install libnss-systemd where systemd made it (DynamicUser)");
  remove_unfinished(unfinished, stop);
  try {
    run({binaries_.directory / "initdb", "-D", unfinished, "-U", kUser, "--auth=trust", "--encoding=UTF8",
         "--locale=" + locale(), "--data-checksums", "--no-instructions"},
        "", stop);
    run({binaries_.directory / "postgres", "--single", "-j", "-c", "exit_on_error=on", "-D", unfinished, "postgres"},
        sql("embedded/new_cluster"), stop);
  } catch (...) {  // half a cluster only takes room
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    throw;
  }
  if (rename(unfinished.c_str(), data().c_str()) != 0) fail("rename", unfinished, system_error());
  const Descriptor directory(open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fsync(directory.get()) != 0) fail("sync", root_, system_error());
}

void Cluster::run(const std::vector<std::string>& argv, const std::string& input, const std::stop_token& stop) {
  auto in = server_process::make_pipe();
  if (write(in.write.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size()))
    fail("feed", argv[0], system_error());
  in.write.reset();
  note_end_of_log();
  try {
    const pid_t child = server_process::start({.argv = argv,
                                               .account = account_,
                                               .input_fd = in.read.get(),
                                               .output_fd = -1,
                                               .output_file = log(),
                                               .lifetime = Lifetime::of_this_thread});
    const int code = server_process::wait_for_end(child, kCreateLimit, stop);
    if (code != 0) fail("run", argv[0], with_log("exit code " + std::to_string(code)));
  } catch (const server_process::ProcessError& error) {
    fail("run", argv[0], error.what());
  }
}

void Cluster::await_ready(pid_t& child, const std::stop_token& stop) {
  auto begin = Clock::now();
  for (;; server_process::pause(kTick, stop)) {
    const bool alive = running();
    if (alive && read_pid_file().state == "ready") return;
    if (!alive && child < 0 && orphans_gone(begin + kOrphanLimit)) {
      child = launch();
      begin = Clock::now();
    } else if (!alive && child > 0 && server_process::exit_code(child)) {
      fail("start the server in", root_, with_log("it ended"));
    }
    if (Clock::now() - begin > (alive ? kRecoveryLimit : kStartLimit))
      fail("start the server in", root_, with_log("not ready in time"));
  }
}

bool Cluster::orphans_gone(Clock::time_point patience) const {
  const auto left = processes();
  for (const pid_t pid : left) {
    if (Clock::now() > patience) kill(pid, SIGKILL);
  }
  return left.empty();
}

pid_t Cluster::launch() {
  clear_remains();
  trim_log();
  note_end_of_log();
  const std::string postgres = binaries_.directory / "postgres";
  try {
    return server_process::start({.argv = {postgres, "-D", data(), "--listen_addresses=",
                                           "--unix_socket_directories=" + socket_directory_.string(),
                                           "--unix_socket_permissions=0700", std::string("--port=") + kPort},
                                  .account = account_,
                                  .input_fd = -1,
                                  .output_fd = -1,
                                  .output_file = log(),
                                  .lifetime = Lifetime::its_own});
  } catch (const server_process::ProcessError& error) {
    fail("run", postgres, error.what());
  }
}

void Cluster::clear_remains() const {
  for (const auto& file : {data() / "postmaster.pid", socket(), fs::path(socket().native() + ".lock")})
    unlink(file.c_str());
}

std::vector<pid_t> Cluster::processes() const {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (std::isdigit(static_cast<unsigned char>(name[0])) && belongs(name)) found.push_back(std::atoi(name.c_str()));
  }
  return found;
}

void Cluster::note_end_of_log() {
  const auto found = look_at(log());
  log_begin_ = found ? found->st_size : 0;
}

std::string Cluster::with_log(const std::string& cause) const {
  std::ifstream file(log(), std::ios::binary);
  file.seekg(log_begin_);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.size() > kLogShown) text.erase(0, text.size() - kLogShown);
  return cause + "; '" + log().string() + "' ends:\n" + text;
}

}  // namespace odetl::embedded
