#pragma once
#include <sys/types.h>

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "daemon/postgres_installation.hpp"

namespace odetl::embedded {

using Clock = std::chrono::steady_clock;

inline constexpr auto kTick = std::chrono::milliseconds(20);
inline constexpr auto kRecoveryLimit = std::chrono::seconds(3600);  // while a postmaster lives and says it is starting
inline constexpr const char* kUser = "opendialog";                  // the cluster's superuser and its database
inline constexpr const char* kPort = "5432";                        // names the socket; no port is opened

/// What `postmaster.pid` tells.
struct PidFile {
  pid_t pid = 0;      ///< 0: there is none
  std::string state;  ///< starting, ready, standby, stopping; empty until the server has written it
};

/// The server of a state directory as seen from outside: its files and its postmaster.
class Cluster {
 public:
  /// Chooses the account and makes the directories. Throws EmbeddedPostgresError, ProcessError or filesystem_error,
  /// as all of the class does; with a stop token also Stopped.
  explicit Cluster(const fs::path& state_dir);

  const fs::path& root() const { return root_; }
  const fs::path& socket_directory() const { return socket_directory_; }

  /// Makes the cluster and starts the server where needed. Only by who holds the lock on root().
  void ensure_running(const std::stop_token& stop);

  /// A postmaster of this cluster lives, or something answers at its socket: it may be of another container, whose
  /// processes are not seen from here, and two on one directory would destroy it.
  bool running() const { return lives(read_pid_file().pid) || answers(); }

  /// Fast, without waiting for clients. Returns when the server has ended, or after 5 s, on which it goes on by itself.
  void stop_server() const;

  /// Cuts the log to its end when it has grown too large. The server appends, so it goes on behind that.
  void trim_log() const;

 private:
  fs::path data() const { return root_ / "data"; }
  fs::path log() const { return root_ / "log" / "postgres.log"; }
  fs::path socket() const { return socket_directory_ / (std::string(".s.PGSQL.") + kPort); }

  PidFile read_pid_file() const;

  /// A process of this cluster, not one that has got the number of one: servers work in their data directory.
  bool belongs(const std::string& process) const;

  bool lives(pid_t pid) const;

  /// Something listens at the socket.
  bool answers() const;

  /// Finds the binaries, and makes the cluster on first use.
  void prepare(const std::stop_token& stop);

  /// Under another name until it is complete, so that a kill on the way leaves nothing that looks like a cluster.
  void create(const std::stop_token& stop);

  /// A program of PostgreSQL to its end, `input` fed to it; throws, with the end of the log, when it fails.
  void run(const std::vector<std::string>& argv, const std::string& input, const std::stop_token& stop);

  /// Waits while another's server starts or stops; starts one, `child`, where there is none.
  void await_ready(pid_t& child, const std::stop_token& stop);

  /// Children of a postmaster that was killed end by themselves, but a busy one late.
  bool orphans_gone(Clock::time_point patience) const;

  /// Starts a server, which outlives this process.
  pid_t launch();

  /// The files which make PostgreSQL believe that it still runs where another process has got its number.
  void clear_remains() const;

  /// Throws when /proc cannot be read: no answer is not "none".
  std::vector<pid_t> processes() const;

  /// What comes behind this is what with_log() shows.
  void note_end_of_log();

  /// What the log tells since the last thing that was started.
  std::string with_log(const std::string& cause) const;

  fs::path root_;  // state_dir/postgres
  Account account_;
  fs::path socket_directory_;
  Binaries binaries_;
  off_t log_begin_ = 0;
};

}  // namespace odetl::embedded
