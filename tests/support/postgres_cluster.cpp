#include "tests/support/postgres_cluster.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/support/child_process.hpp"

namespace odetl::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
constexpr auto kTick = std::chrono::milliseconds(5);
constexpr auto kStartLimit = std::chrono::seconds(60);
constexpr auto kReloadLimit = std::chrono::seconds(10);

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

bool has_server(const fs::path& directory) {
  return access((directory / "initdb").c_str(), X_OK) == 0 && access((directory / "postgres").c_str(), X_OK) == 0;
}

fs::path newest_debian_binaries() {
  fs::path newest;
  int newest_major = 0;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", missing)) {
    const int major = std::atoi(entry.path().filename().c_str());
    if (major > newest_major && has_server(entry.path() / "bin")) {
      newest = entry.path() / "bin";
      newest_major = major;
    }
  }
  return newest;
}

fs::path find_binaries() {
  if (auto found = newest_debian_binaries(); !found.empty()) return found;
  const auto shell = [](const std::string& line) { return fs::path(trimmed(run({"sh", "-c", line}).out)); };
  if (auto found = shell("pg_config --bindir 2>&-"); has_server(found)) return found;
  if (auto found = shell("dirname \"$(command -v initdb)\""); has_server(found)) return found;
  throw std::runtime_error(
      "PostgreSQL's server is not installed, and these tests need it: apt-get install postgresql (Debian, Ubuntu), "
      "dnf install postgresql-server (Fedora, RHEL), or put initdb and postgres in PATH");
}

std::string server_user() {
  if (geteuid() != 0) return "";
  return getpwnam("postgres") != nullptr ? "postgres" : "nobody";
}

/// The directory that holds all clusters of this process and the one that they are copied from. A guard process
/// outlives this one: it stops what still runs, and removes the directory.
class Workshop {
 public:
  static Workshop& get() {
    static Workshop& workshop = *new Workshop;  // ended by the guard, after the last cluster
    return workshop;
  }

  const fs::path& binaries() const { return binaries_; }
  const std::string& user() const { return user_; }

  fs::path copy_of_template() {
    const std::lock_guard lock(mutex_);
    const auto copy = root_ / std::to_string(++count_);
    fs::create_directory(copy);
    give(copy);
    const auto copied = run({"cp", "-a", (root_ / "template").string(), (copy / "data").string()});
    if (copied.exit_code != 0) throw std::runtime_error("copy the template cluster: " + copied.err);
    return copy;
  }

 private:
  Workshop() : binaries_(find_binaries()), user_(server_user()) {
    std::string name = "/tmp/odetl-pg-XXXXXX";  // not $TMPDIR: a socket's path has 107 bytes at most
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp '" + name + "' failed");
    root_ = name;
    fs::permissions(root_, fs::perms(0755));
    give(root_);
    start_guard();
    LaunchOptions options;
    options.user = user_;
    const auto made = run({binaries_ / "initdb", "--no-sync", "--username=postgres", "--auth=trust", "--encoding=UTF8",
                           "--locale=C", "--no-instructions", "-D", root_ / "template"},
                          {}, std::chrono::minutes(2), options);
    if (made.exit_code != 0) throw std::runtime_error("initdb: " + made.err + made.out);
  }

  void give(const fs::path& directory) const {
    if (user_.empty()) return;
    const passwd* entry = getpwnam(user_.c_str());
    if (chown(directory.c_str(), entry->pw_uid, entry->pw_gid) != 0)
      throw std::runtime_error("chown '" + directory.string() + "' failed");
  }

  void start_guard() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
    alive_ = fds[1];  // never written to: the kernel closes it with this process
    LaunchOptions options;
    options.input_fd = fds[0];
    options.output_file = "/dev/null";
    options.new_session = true;
    options.dies_with_thread = false;
    const std::string script =
        "read _; for file in \"$0\"/*/data/postmaster.pid; do"
        "  test -f \"$file\" && kill -QUIT \"$(head -n1 \"$file\")\"; done;"
        "for n in 1 2 3 4 5 6 7 8 9 10; do rm -rf \"$0\" && exit; sleep 0.3; done";
    guard_ = std::make_unique<ChildProcess>(std::vector<std::string>{"sh", "-c", script, root_.string()}, EnvChanges{},
                                            options);
    close(fds[0]);
  }

  fs::path binaries_;
  std::string user_;
  fs::path root_;
  int alive_ = -1;
  std::unique_ptr<ChildProcess> guard_;
  std::mutex mutex_;
  int count_ = 0;
};

std::string quoted(const std::string& text, char quote) {
  std::string result(1, quote);
  for (const char c : text) result.append(c == quote ? 2 : 1, c);
  return result + quote;
}

}  // namespace

class PostgresCluster::Impl {
 public:
  explicit Impl(const ClusterOptions& options) : directory_(Workshop::get().copy_of_template()) {
    configure(options);
    set_environment({});
    start();
  }

  ~Impl() {
    if (postmaster_) postmaster_->kill(SIGQUIT);
    try {
      if (postmaster_) postmaster_->wait(std::chrono::seconds(10));
    } catch (const std::exception&) {  // the destructor of the child kills it the hard way
    }
    postmaster_.reset();
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }

  /// A postmaster that was killed may leave children that hold the shared memory for a moment.
  void start() {
    const auto deadline = Clock::now() + kStartLimit;
    while (!try_start(deadline)) {
      const bool orphans = log_tail(1000).find("pre-existing shared memory block") != std::string::npos;
      if (!orphans || Clock::now() > deadline) throw std::runtime_error("PostgreSQL did not start:\n" + log_tail(4000));
      std::this_thread::sleep_for(kTick);
    }
  }

  void stop(int signal) {
    postmaster_->kill(signal);
    postmaster_->wait(kStartLimit);
  }

  bool running() { return postmaster_->running(); }
  pid_t pid() const { return postmaster_->pid(); }
  const fs::path& directory() const { return directory_; }

  std::string host() const { return directory_.string(); }

  std::string query(const std::string& dsn, const std::string& sql) const {
    LaunchOptions options;
    options.input = sql;
    const auto psql = Workshop::get().binaries() / "psql";
    const auto result = run({psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-f", "-"},
                            {{"PGOPTIONS", std::nullopt}, {"PGCLIENTENCODING", "UTF8"}, {"PGCONNECT_TIMEOUT", "10"}},
                            std::chrono::minutes(5), options);
    if (result.exit_code != 0) throw std::runtime_error(trimmed(result.err));
    return trimmed_of_line_end(result.out);
  }

  void reconfigure(const std::string& dsn, const std::string& statement) const {
    const std::string when = "SELECT pg_conf_load_time()";
    const auto before = query(dsn, when);
    query(dsn, statement + ";\nSELECT pg_reload_conf()");
    const auto deadline = Clock::now() + kReloadLimit;
    while (query(dsn, when) == before) {
      if (Clock::now() > deadline) throw std::runtime_error("PostgreSQL did not reload:\n" + log_tail(4000));
      std::this_thread::sleep_for(kTick);
    }
  }

  std::string log_tail(std::size_t bytes) const {
    const auto text = read_file(log());
    return text.size() <= bytes ? text : text.substr(text.size() - bytes);
  }

  int next_number() { return ++databases_; }

  void set_environment(EnvChanges environment) {
    environment_ = std::move(environment);
    environment_["NOTIFY_SOCKET"] = std::nullopt;
  }

 private:
  static std::string trimmed_of_line_end(std::string text) {
    if (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }

  fs::path log() const { return directory_ / "log"; }

  void configure(const ClusterOptions& options) const {
    const std::string durable = options.fsync ? "on" : "off";
    std::map<std::string, std::string> settings = {{"listen_addresses", ""},
                                                   {"unix_socket_directories", host()},
                                                   {"port", "5432"},
                                                   {"max_connections", std::to_string(options.max_connections)},
                                                   {"shared_buffers", "16MB"},
                                                   {"fsync", durable},
                                                   {"full_page_writes", durable},
                                                   {"log_line_prefix", "%m [%p] %e "},
                                                   {"log_timezone", "UTC"},
                                                   {"lc_messages", "C"}};
    for (const auto& [name, value] : options.settings) settings[name] = value;
    std::ofstream file(directory_ / "data" / "postgresql.conf", std::ios::app);
    for (const auto& [name, value] : settings) file << name << " = " << quoted(value, '\'') << '\n';
    if (!file.flush()) throw std::runtime_error("write postgresql.conf failed");
  }

  bool try_start(Clock::time_point deadline) {
    LaunchOptions options;
    options.user = Workshop::get().user();
    options.output_file = log();
    options.new_session = true;
    options.dies_with_thread = false;  // a test's thread may restart it and end; the guard stops it in time
    postmaster_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{Workshop::get().binaries() / "postgres", "-D", directory_ / "data"},
        environment_, options);
    while (!ready()) {
      if (!postmaster_->running()) return false;
      if (Clock::now() > deadline) throw std::runtime_error("PostgreSQL starts for too long:\n" + log_tail(4000));
      std::this_thread::sleep_for(kTick);
    }
    return true;
  }

  /// Line 1 of postmaster.pid is its process, line 8 its state.
  bool ready() const {
    std::ifstream file(directory_ / "data" / "postmaster.pid");
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
      if (number == 1 && line != std::to_string(pid())) return false;
      if (number == 8) return line.starts_with("ready") || line.starts_with("standby");
    }
    return false;
  }

  fs::path directory_;
  EnvChanges environment_;
  std::unique_ptr<ChildProcess> postmaster_;
  int databases_ = 0;
};

PostgresCluster::PostgresCluster(ClusterOptions options) : impl_(std::make_unique<Impl>(options)) {}
PostgresCluster::~PostgresCluster() = default;

std::string PostgresCluster::dsn(const std::string& database) const {
  return "host=" + impl_->host() + " port=5432 user=postgres dbname=" + database;
}

std::string PostgresCluster::psql_command(const std::string& database) const {
  return "psql -h " + impl_->host() + " -p 5432 -U postgres " + database;
}

std::string PostgresCluster::create_database(const std::string& name) {
  const auto chosen = name.empty() ? "test_" + std::to_string(impl_->next_number()) : name;
  query("DROP DATABASE IF EXISTS " + quoted(chosen, '"') + " WITH (FORCE);\nCREATE DATABASE " + quoted(chosen, '"'));
  return dsn(chosen);
}

std::string PostgresCluster::query(const std::string& sql, const std::string& database) const {
  return impl_->query(dsn(database), sql);
}

std::string PostgresCluster::query_at(const std::string& dsn, const std::string& sql) const {
  return impl_->query(dsn, sql);
}

void PostgresCluster::start() { impl_->start(); }
void PostgresCluster::stop(StopMode mode) { impl_->stop(mode == StopMode::fast ? SIGINT : SIGQUIT); }
void PostgresCluster::kill9() { impl_->stop(SIGKILL); }

void PostgresCluster::restart(StopMode mode) {
  stop(mode);
  start();
}

void PostgresCluster::set_environment(const EnvChanges& environment) { impl_->set_environment(environment); }

bool PostgresCluster::running() { return impl_->running(); }

void PostgresCluster::set_parameter(const std::string& name, const std::string& value) {
  impl_->reconfigure(dsn(), "ALTER SYSTEM SET " + name + " = " + quoted(value, '\''));
}

void PostgresCluster::reset_parameter(const std::string& name) {
  impl_->reconfigure(dsn(), "ALTER SYSTEM RESET " + name);
}

pid_t PostgresCluster::postmaster_pid() const { return impl_->pid(); }
std::filesystem::path PostgresCluster::directory() const { return impl_->directory(); }
std::string PostgresCluster::log_tail(std::size_t bytes) const { return impl_->log_tail(bytes); }

}  // namespace odetl::test
