#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <thread>

#include "tests/chaos/incidents.hpp"
#include "tests/chaos/small_disk.hpp"

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using test::cluster;
using test::StopMode;
namespace fs = std::filesystem;

constexpr auto kSoon = 5s;       // after the database accepts connections again
constexpr auto kSoonRoom = 8s;   // after it has room again, or may be written to: nothing tells of that
constexpr auto kSeen = 1s;       // how long a trouble that is told is looked at
constexpr double kMostTries = 6;  // a second
constexpr double kMostCpu = 0.5;

// Promises of time hold for one incident alone.
std::string loads_soon(Scene& scene, std::chrono::seconds limit) { return scene.is_alone ? scene.loads_newest(limit) : ""; }

double tries(const std::string& metrics) {
  return test::metric(metrics, "opendialog_etl_api_retries_total{cause=\"db_exhausted\"}") +
         test::metric(metrics, "opendialog_etl_api_retries_total{cause=\"db_unreachable\"}");
}

std::size_t lines_with(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, text.find('\n', at))) ++count;
  return count;
}

// From its construction on the warehouse cannot be written to.
class Trouble {
 public:
  explicit Trouble(Scene& scene) : scene_(scene), told_before_(scene.daemon().err().size()) {}
  // A daemon says so once, is not ready and says why, counts, and does not spin. Nothing, or what it does instead.
  std::string tells(const std::string& why) const;

 private:
  test::HttpAnswer get(const char* path) const { return test::http_get(scene_.port(), path); }
  bool says(const std::string& why) const {
    const test::HttpAnswer answer = get("/readyz");
    return answer.status == 503 && answer.body.find(why) != std::string::npos;
  }

  Scene& scene_;
  std::size_t told_before_;
};

std::string Trouble::tells(const std::string& why) const {
  if (!scene_.is_alone) {
    std::this_thread::sleep_for(kSeen);
    return "";
  }
  if (!test::eventually([&] { return says(why); })) return "/readyz does not tell of '" + why + "': " + get("/readyz").body;
  if (get("/healthz").status != 200) return "/healthz does not say that it works";
  const std::string before = get("/metrics").body;
  std::this_thread::sleep_for(kSeen);
  const std::string after = get("/metrics").body;
  const double seconds = std::chrono::duration<double>(kSeen).count();
  const double tried = (tries(after) - tries(before)) / seconds;
  if (tries(after) < 1 || tried > kMostTries) return "it tries " + std::to_string(tried) + " times a second";
  constexpr const char* kCpu = "process_cpu_seconds_total";
  const double cpu = (test::metric(after, kCpu) - test::metric(before, kCpu)) / seconds;
  if (cpu > kMostCpu) return "it spins: " + std::to_string(cpu) + " s of CPU a second";
  const std::string log = scene_.daemon().err().substr(told_before_);
  const std::size_t lines = lines_with(log, " cause=db_");
  return lines == 1 || lines == 2 ? "" : "its log tells of it in " + std::to_string(lines) + " lines:\n" + log;
}

// --- sessions ----------------------------------------------------------------------------------------------------

std::string restart_fast(Scene& scene, Random&) {
  const std::scoped_lock lock(cluster_mutex());
  cluster().restart(StopMode::fast);
  return loads_soon(scene, kSoon);
}

std::string restart_immediate(Scene& scene, Random&) {
  const std::scoped_lock lock(cluster_mutex());
  cluster().restart(StopMode::immediate);
  return loads_soon(scene, kSoon);
}

std::string kill_postmaster(Scene& scene, Random& random) {
  const std::scoped_lock lock(cluster_mutex());
  cluster().kill9();
  pass_time(random);
  cluster().start();
  return loads_soon(scene, kSoon);
}

// One session's process is killed, so the server ends all of them, and recovers.
std::string kill_backend(Scene& scene, Random&) {
  const std::scoped_lock lock(cluster_mutex());
  const std::string pid = cluster().query("SELECT pid FROM pg_stat_activity WHERE application_name = 'opendialog-etl' LIMIT 1");
  if (pid.empty()) return "";
  ::kill(std::stoi(pid), SIGKILL);
  const auto is_gone = [&] {
    try {
      return cluster().query("SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid) == "0";
    } catch (const std::runtime_error&) {
      return false;  // it recovers
    }
  };
  if (!test::eventually(is_gone, 20s)) return "the server does not recover";
  return loads_soon(scene, kSoon);
}

std::string terminate_sessions(Scene& scene, Random& random) {
  const std::scoped_lock lock(cluster_mutex());
  scene.start_backfill();
  for (int times = 0; times < 8; ++times) {
    pass_time(random, 100ms);
    cluster().query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'opendialog-etl' "
        "AND random() < 0.7");
  }
  return "";
}

std::string hold_locks(Scene& scene, Random& random) {
  const std::scoped_lock lock(cluster_mutex());
  constexpr std::array kTables{"interactions", "users", "stream_state", "window_log"};
  scene.odetl.sql("BEGIN; LOCK opendialog." + std::string(kTables[random.below(kTables.size())]) +
                  " IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(1.5); COMMIT;");
  return "";
}

std::string too_many_connections(Scene& scene, Random&) {
  const std::scoped_lock lock(cluster_mutex());
  const Address server = server_of(scene.odetl.database);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  server.path.copy(name.sun_path, sizeof name.sun_path - 1);
  std::vector<int> taken;  // each has a place of the server's until it is closed
  for (int i = 0; i < 60; ++i) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
      close(fd);
      break;
    }
    taken.push_back(fd);
  }
  scene.database->cut_all();
  std::this_thread::sleep_for(1s);
  for (const int fd : taken) close(fd);
  return "";
}

std::string swallow_commits(Scene& scene, Random& random) {
  Affliction affliction;
  affliction.to_server.unanswered = "COMMIT";
  scene.database->afflict(affliction, 1 + random.below(6));
  scene.database->cut_all();
  scene.start_backfill();
  std::this_thread::sleep_for(kWhile);
  scene.database->heal();
  return "";
}

std::string sick_database_wire(Scene& scene, Random& random) {
  Affliction affliction = some_affliction(random);
  // A protocol without checksums of its own cannot tell of a changed byte; it is not for a program to find out.
  affliction.to_server.corrupt_at.reset();
  affliction.to_client.corrupt_at.reset();
  scene.database->afflict(affliction, 6);
  scene.database->cut_all();
  scene.start_backfill();
  std::this_thread::sleep_for(2 * kWhile);
  scene.database->heal();
  scene.database->cut_all();
  return "";
}

std::string cut_database_wire(Scene& scene, Random& random) {
  for (int times = 0; times < 5; ++times) {
    pass_time(random, 200ms);
    scene.database->cut_all();
  }
  return "";
}

// --- no room -----------------------------------------------------------------------------------------------------

// What the server needs to notice that its disk is full, where none could be mounted.
void start_again_with(const SmallDisk& disk) {
  if (!disk.is_mounted()) cluster().restart();
}

// A tablespace on such a disk, and all its tables elsewhere again at the end.
class Tablespace {
 public:
  Tablespace(const Scene& scene, SmallDisk& disk) : scene_(scene), disk_(disk) {
    cluster().query("CREATE TABLESPACE tight LOCATION '" + disk.files().string() + "'");
  }
  ~Tablespace() {
    try {
      disk_.make_room();
      scene_.odetl.sql("ALTER TABLE ALL IN TABLESPACE tight SET TABLESPACE pg_default");
      cluster().query("DROP TABLESPACE tight");
    } catch (const std::runtime_error& error) {
      std::cerr << "remove the tablespace: " << error.what() << std::endl;  // what follows it fails
    }
  }
  Tablespace(const Tablespace&) = delete;
  Tablespace& operator=(const Tablespace&) = delete;

 private:
  const Scene& scene_;
  SmallDisk& disk_;
};

// The table that the newest rows are in, on a disk without room.
std::string full_tablespace(Scene& scene, Random&) {
  const std::scoped_lock lock(cluster_mutex());
  SmallDisk disk(cluster(), std::size_t{24} << 20);
  start_again_with(disk);
  const Tablespace tight(scene, disk);
  const std::string table = scene.odetl.sql("SELECT tableoid::regclass FROM opendialog.interactions ORDER BY occurred_at DESC LIMIT 1");
  scene.odetl.sql("ALTER TABLE " + table + " SET TABLESPACE tight");
  const std::string lame = loads_soon(scene, kSoonRoom);
  const Trouble trouble(scene);
  disk.fill();
  scene.say(3000);
  const std::string wrong = lame + trouble.tells("No space left on device");
  disk.make_room();
  return wrong + loads_soon(scene, kSoonRoom);
}

// The server panics, tries to recover, and ends.
bool ends_of_full_disk() {
  const auto has_ended = [] {
    try {
      cluster().query("SELECT pg_switch_wal(); SELECT pg_logical_emit_message(true, 'full', 'disk')");
    } catch (const std::runtime_error&) {
      return !cluster().running();
    }
    return false;
  };
  return test::eventually(has_ended, 30s);
}

void move_wal(const std::string& script, const SmallDisk& disk) {
  const fs::path wal = cluster().directory() / "data" / "pg_wal";
  cluster().stop();
  const test::RunResult moved = test::run({"sh", "-ec", script, wal.string(), disk.files().string()});
  if (moved.exit_code != 0) throw std::runtime_error("move the write-ahead log: " + moved.err);
  cluster().start();
}

// The write-ahead log on such a disk, and back at the end.
class WalElsewhere {
 public:
  explicit WalElsewhere(SmallDisk& disk) : disk_(disk) {
    move_wal("mv \"$0\" \"$0.before\"; cp -a \"$0.before/.\" \"$1\"; ln -s \"$1\" \"$0\"", disk);
  }
  ~WalElsewhere() {
    try {
      disk_.make_room();
      if (!cluster().running()) cluster().start();
      move_wal("rm \"$0\"; rm -rf \"$0.before\"; cp -a \"$1\" \"$0\"", disk_);
    } catch (const std::runtime_error& error) {
      std::cerr << error.what() << std::endl;  // what follows it fails
    }
  }
  WalElsewhere(const WalElsewhere&) = delete;
  WalElsewhere& operator=(const WalElsewhere&) = delete;

 private:
  SmallDisk& disk_;
};

// The disk of the write-ahead log; then the whole server is down, and does not come up again before there is room.
std::string full_wal_disk(Scene& scene, Random&) {
  const std::scoped_lock lock(cluster_mutex());
  SmallDisk disk(cluster(), std::size_t{160} << 20);
  const WalElsewhere elsewhere(disk);
  const std::string lame = loads_soon(scene, kSoon);  // what it tells of the restart is over
  const Trouble trouble(scene);
  disk.fill();
  if (!ends_of_full_disk()) return "the server does not end of a full disk:\n" + cluster().log_tail();
  const std::string wrong = lame + trouble.tells("connect to the database");
  disk.make_room();
  cluster().start();
  return wrong + loads_soon(scene, kSoon);
}

// As an administrator makes it, and as managed servers do when their disk is nearly full.
std::string read_only(Scene& scene, Random&) {
  const std::scoped_lock lock(cluster_mutex());
  const Trouble trouble(scene);
  cluster().set_parameter("default_transaction_read_only", "on");
  scene.say();
  std::string wrong = trouble.tells("read-only");
  cluster().reset_parameter("default_transaction_read_only");
  return wrong + loads_soon(scene, kSoonRoom);
}

}  // namespace

const std::vector<Incident>& database_incidents() {
  static const std::vector<Incident> all{
      {"RestartDatabaseFast", restart_fast},
      {"RestartDatabaseImmediate", restart_immediate},
      {"KillPostmaster", kill_postmaster},
      {"KillBackend", kill_backend},
      {"TerminateSessions", terminate_sessions},
      {"HoldLocks", hold_locks},
      {"TooManyConnections", too_many_connections},
      {"SwallowCommits", swallow_commits},
      {"SickDatabaseWire", sick_database_wire},
      {"CutDatabaseWire", cut_database_wire},
      {"FullTablespace", full_tablespace},
      {"FullWalDisk", full_wal_disk},
      {"ReadOnly", read_only},
  };
  return all;
}

}  // namespace odetl::chaos
