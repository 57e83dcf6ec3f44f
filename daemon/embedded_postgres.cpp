#include "daemon/embedded_postgres.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "daemon/embedded_cluster.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;
using namespace embedded;
using server_process::Descriptor;

constexpr auto kKeeperInterval = 1s;
constexpr auto kKeeperLongestWait = 60s;

bool lock(const Descriptor& file, int operation, const std::stop_token& stop) {
  const auto deadline = Clock::now() + kRecoveryLimit;  // another may hold it while the server recovers
  while (flock(file.get(), operation | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || Clock::now() > deadline) return false;
    server_process::pause(kTick, stop);
  }
  return true;
}

/// Belongs to the owner of the state directory whoever makes it, so that root's use does not lock the service out.
Descriptor open_lock_file(const fs::path& file, const fs::path& state_dir) {
  Descriptor opened(open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!opened) fail("open", file, system_error() + "; run this program as the owner of its directory");
  const auto owner = look_at(state_dir);
  if (geteuid() == 0 && owner && fchown(opened.get(), owner->st_uid, owner->st_gid) != 0)
    fail("give", file, system_error());
  return opened;
}

/// The use of a cluster by one process: holds a shared lock on `postgres.lock`; the last one stops the server.
class Use {
 public:
  Use(Cluster& cluster, const fs::path& state_dir, const std::stop_token& stop)
      : cluster_(cluster), file_(open_lock_file(state_dir / "postgres.lock", state_dir)) {
    if (!lock(file_, LOCK_SH, stop))
      fail("lock", state_dir / "postgres.lock", "another process stops the server (" + system_error() + ")");
  }
  ~Use() {
    // A failed change of a shared lock to an exclusive one gives up the shared one: of two that end at once, the
    // second gets it.
    if (flock(file_.get(), LOCK_EX | LOCK_NB) == 0) cluster_.stop_server();
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  Cluster& cluster_;
  Descriptor file_;
};

class SharedPostgres : public EmbeddedPostgres {
 public:
  SharedPostgres(const fs::path& state_dir, const std::stop_token& stop)
      : cluster_(state_dir), use_(cluster_, state_dir, stop) {
    start(stop);
    keeper_ = std::jthread([this](const std::stop_token& end) { keep(end); });
  }

  std::string dsn() const override {
    return "host=" + host() + " port=" + kPort + " user=" + kUser + " dbname=" + kUser;
  }

  std::string psql_command() const override {
    return "psql -h " + host() + " -p " + kPort + " -U " + kUser + " " + kUser;
  }

 private:
  std::string host() const { return cluster_.socket_directory().string(); }

  /// One process at a time: a lock on the directory itself.
  void start(const std::stop_token& stop) {
    const Descriptor turn(open(cluster_.root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock(turn, LOCK_EX, stop))
      fail("lock", cluster_.root(), "another process starts the server (" + system_error() + ")");
    cluster_.ensure_running(stop);
  }

  /// Starts the server again when it has died. Its clients see lost connections until then, which they retry.
  void keep(const std::stop_token& stop) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::chrono::seconds wait = kKeeperInterval;
    std::mutex mutex;
    std::unique_lock guard(mutex);
    std::condition_variable_any ended;
    while (!stop.stop_requested()) {
      ended.wait_for(guard, stop, wait, [] { return false; });
      wait = keep_once(stop) ? kKeeperInterval : std::min<std::chrono::seconds>(2 * wait, kKeeperLongestWait);
    }
  }

  /// False: try again later. The reason is in the server's log, and its clients report that they cannot connect.
  bool keep_once(const std::stop_token& stop) {
    try {
      cluster_.trim_log();
      if (!stop.stop_requested() && !cluster_.running()) start(stop);
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  Cluster cluster_;
  Use use_;
  std::jthread keeper_;  // the last member: ends before the server is stopped
};

}  // namespace

std::unique_ptr<EmbeddedPostgres> start_embedded_postgres(const fs::path& state_dir, std::stop_token stop) {
  try {
    make_state_directory(state_dir);
    return std::make_unique<SharedPostgres>(fs::canonical(state_dir), stop);
  } catch (const fs::filesystem_error& error) {
    throw EmbeddedPostgresError(std::string("embedded PostgreSQL: ") + error.what());
  } catch (const server_process::ProcessError& error) {
    throw EmbeddedPostgresError(std::string("embedded PostgreSQL: start a process: ") + error.what());
  }
}

}  // namespace odetl
