#include "daemon/embedded_postgres.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <string>
#include <thread>

#include "etl/error.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/test_program.hpp"

namespace odetl {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::ChildProcess;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Uses the embedded server until it is killed or told to end.
void use_the_server() {
  const auto postgres = start_embedded_postgres(getenv("ODETL_STATE_DIR"));
  std::cout << "using " << postgres->dsn() << std::endl;
  std::cin.get();
}
const test::TestProgram kUserOfTheServer("user-of-the-server", use_the_server);

/// Another process that uses the server of `state_dir`.
class User {
 public:
  explicit User(const fs::path& state_dir) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
    test::LaunchOptions options;
    options.input_fd = fds[0];
    tell_ = fds[1];
    process_ = std::make_unique<ChildProcess>(
        kUserOfTheServer.argv(), test::EnvChanges{{"ODETL_STATE_DIR", state_dir.string()}}, options);
    close(fds[0]);
  }
  ~User() {
    if (tell_ >= 0) close(tell_);
  }
  void await() { process_->read_line("using "); }
  void kill9() {
    process_->kill(SIGKILL);
    process_->wait();
  }
  void end() {
    close(std::exchange(tell_, -1));
    EXPECT_EQ(process_->wait(), (test::ExitStatus{0, 0}));
  }
  ChildProcess& process() { return *process_; }

 private:
  int tell_ = -1;
  std::unique_ptr<ChildProcess> process_;
};

std::string query(const EmbeddedPostgres& postgres, const std::string& sql) {
  auto result = test::run({"psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", postgres.dsn(), "-c", sql});
  if (result.exit_code != 0) throw std::runtime_error(result.err);
  result.out.erase(result.out.find_last_not_of('\n') + 1);
  return result.out;
}

/// Until `sql` answers; a server that is starting again refuses for a while.
std::string query_in_time(const EmbeddedPostgres& postgres, const std::string& sql) {
  for (const auto deadline = std::chrono::steady_clock::now() + 30s;;) {
    try {
      return query(postgres, sql);
    } catch (const std::exception&) {
      if (std::chrono::steady_clock::now() > deadline) throw;
    }
    std::this_thread::sleep_for(20ms);
  }
}

std::string error_of(const fs::path& state_dir) {
  try {
    start_embedded_postgres(state_dir);
  } catch (const EmbeddedPostgresError& error) {
    return error.what();
  }
  return "";
}

class EmbeddedPostgresTest : public ::testing::Test {
 protected:
  ~EmbeddedPostgresTest() override {
    for (pid_t pid = postmaster(); pid > 0 && pid == postmaster();) {  // of a test that failed midway
      kill(pid, SIGQUIT);
      std::this_thread::sleep_for(5ms);
    }
  }

  fs::path data() const { return state_dir_ / "postgres" / "data"; }

  /// The server's process; 0 when there is none.
  pid_t postmaster() const {
    std::ifstream file(data() / "postmaster.pid");
    pid_t pid = 0;
    file >> pid;
    return pid > 0 && fs::exists("/proc/" + std::to_string(pid) + "/exe") ? pid : 0;
  }

  void kill_postmaster() const {
    const pid_t pid = postmaster();
    ASSERT_GT(pid, 0);
    kill(pid, SIGKILL);
    while (postmaster() == pid) std::this_thread::sleep_for(1ms);
  }

  /// A cluster with the row `1` in the table `kept`, not running.
  void make_cluster_with_a_row() const {
    query(*start_embedded_postgres(state_dir_), "CREATE TABLE kept (id integer); INSERT INTO kept VALUES (1)");
  }

  test::TempDirectory directory_;
  fs::path state_dir_ = directory_ / "state";
};

TEST_F(EmbeddedPostgresTest, FirstUseMakesAClusterThatOnlyItsOwnerCanReach) {
  const auto postgres = start_embedded_postgres(state_dir_);
  EXPECT_EQ(query(*postgres, "SELECT current_user, current_database(), current_setting('server_encoding')"),
            "opendialog|opendialog|UTF8");
  EXPECT_EQ(query(*postgres, "SELECT current_setting('listen_addresses'), current_setting('fsync')"), "|on");
  for (const char* name : {"", "run", "data", "log"}) {
    struct stat found {};
    ASSERT_EQ(stat((state_dir_ / "postgres" / name).c_str(), &found), 0) << name;
    EXPECT_EQ(found.st_mode & 0777, 0700u) << name;
    EXPECT_NE(found.st_uid, 0u) << name;
  }
}

TEST_F(EmbeddedPostgresTest, ThePsqlCommandWorksAsPrinted) {
  const auto postgres = start_embedded_postgres(state_dir_);
  const auto result = test::run({"sh", "-c", "echo 'SELECT 6 * 7' | " + postgres->psql_command() + " -XAt"});
  EXPECT_EQ(result.out, "42\n") << result.err;
}

TEST_F(EmbeddedPostgresTest, TheLastUserStopsTheServer) {
  auto first = start_embedded_postgres(state_dir_);
  const pid_t server = postmaster();
  auto second = start_embedded_postgres(state_dir_);
  EXPECT_EQ(postmaster(), server);
  first.reset();
  EXPECT_EQ(postmaster(), server);
  EXPECT_EQ(query(*second, "SELECT 1"), "1");
  second.reset();
  EXPECT_EQ(postmaster(), 0);
}

TEST_F(EmbeddedPostgresTest, ItIsSharedBetweenProcesses) {
  User other(state_dir_);
  other.await();
  const pid_t server = postmaster();
  const auto postgres = start_embedded_postgres(state_dir_);
  EXPECT_EQ(postmaster(), server);
  other.end();
  EXPECT_EQ(query(*postgres, "SELECT 1"), "1");
}

TEST_F(EmbeddedPostgresTest, DataOutliveAStop) {
  make_cluster_with_a_row();
  EXPECT_EQ(postmaster(), 0);
  EXPECT_EQ(query(*start_embedded_postgres(state_dir_), "SELECT id FROM kept"), "1");
}

TEST_F(EmbeddedPostgresTest, AKilledUserLeavesTheServerToTheNext) {
  User other(state_dir_);
  other.await();
  const pid_t server = postmaster();
  other.kill9();
  EXPECT_EQ(postmaster(), server);
  auto postgres = start_embedded_postgres(state_dir_);
  EXPECT_EQ(postmaster(), server);
  EXPECT_EQ(query(*postgres, "SELECT 1"), "1");
  postgres.reset();
  EXPECT_EQ(postmaster(), 0);
}

TEST_F(EmbeddedPostgresTest, AServerKilledUnusedRecoversAtTheNextUse) {
  make_cluster_with_a_row();
  User other(state_dir_);
  other.await();
  other.kill9();
  kill_postmaster();
  const auto postgres = start_embedded_postgres(state_dir_);
  // The socket of a server that was just killed can still take a connection for a moment.
  EXPECT_EQ(query_in_time(*postgres, "SELECT id FROM kept"), "1");
}

TEST_F(EmbeddedPostgresTest, AServerKilledInUseIsStartedAgain) {
  make_cluster_with_a_row();
  const auto postgres = start_embedded_postgres(state_dir_);
  query(*postgres, "INSERT INTO kept VALUES (2)");
  kill_postmaster();
  EXPECT_EQ(query_in_time(*postgres, "SELECT count(*) FROM kept"), "2");
}

TEST_F(EmbeddedPostgresTest, AServerKilledInUseByTwoIsStartedOnce) {
  User other(state_dir_);
  other.await();
  const auto postgres = start_embedded_postgres(state_dir_);
  for (int i = 0; i < 3; ++i) {
    kill_postmaster();
    query_in_time(*postgres, "SELECT 1");
  }
  EXPECT_GT(postmaster(), 0);
  other.end();
}

TEST_F(EmbeddedPostgresTest, AStaleProcessNumberOfALivingProcessDoesNotKeepItFromStarting) {
  make_cluster_with_a_row();
  test::LaunchOptions options;
  struct stat owner {};
  ASSERT_EQ(stat(data().c_str(), &owner), 0);
  if (geteuid() == 0) options.user = getpwuid(owner.st_uid)->pw_name;
  ChildProcess innocent({"sleep", "1000"}, {}, options);
  test::write_file(data() / "postmaster.pid", std::to_string(innocent.pid()) + "\n/gone\n0\n5432\n\n\n\nready   \n");
  EXPECT_EQ(query(*start_embedded_postgres(state_dir_), "SELECT id FROM kept"), "1");
  EXPECT_TRUE(innocent.running());
}

TEST_F(EmbeddedPostgresTest, AUserWithoutDescriptorsLeavesARunningServerAlone) {
  User user(state_dir_);
  user.await();
  const pid_t server = postmaster();
  rlimit before{};
  ASSERT_EQ(prlimit(user.process().pid(), RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit exhausted{0, before.rlim_max};
  ASSERT_EQ(prlimit(user.process().pid(), RLIMIT_NOFILE, &exhausted, nullptr), 0);
  std::this_thread::sleep_for(2500ms);  // two looks of its keeper
  ASSERT_EQ(prlimit(user.process().pid(), RLIMIT_NOFILE, &before, nullptr), 0);
  EXPECT_EQ(postmaster(), server);
  EXPECT_TRUE(fs::exists(data() / "postmaster.pid"));
  user.end();
}

TEST_F(EmbeddedPostgresTest, ManyFirstStartsAtOnceMakeOneCluster) {
  std::vector<std::unique_ptr<User>> users;
  for (int i = 0; i < 4; ++i) users.push_back(std::make_unique<User>(state_dir_));
  for (const auto& user : users) user->await();
  EXPECT_GT(postmaster(), 0);
  for (const auto& user : users) user->end();
  EXPECT_EQ(postmaster(), 0);
}

TEST_F(EmbeddedPostgresTest, AKillWhileTheClusterIsMadeIsRepairedByTheNextUse) {
  for (const auto delay : {50ms, 200ms, 400ms, 700ms, 1000ms}) {
    User victim(state_dir_);
    std::this_thread::sleep_for(delay);  // any moment will do
    victim.kill9();
  }
  EXPECT_EQ(query(*start_embedded_postgres(state_dir_), "SELECT 1"), "1");
  EXPECT_FALSE(fs::exists(state_dir_ / "postgres" / "data.new"));
}

TEST_F(EmbeddedPostgresTest, AStopRequestEndsTheWait) {
  std::stop_source stop;
  auto starting = std::async(std::launch::async, [&] { start_embedded_postgres(state_dir_, stop.get_token()); });
  while (!fs::exists(state_dir_ / "postgres" / "data.new")) std::this_thread::sleep_for(1ms);
  stop.request_stop();
  EXPECT_THROW(starting.get(), Stopped);
  EXPECT_FALSE(fs::exists(state_dir_ / "postgres" / "data.new"));
  EXPECT_EQ(postmaster(), 0);
}

TEST_F(EmbeddedPostgresTest, NothingOfThisProcessLeaksIntoTheServer) {
  setenv("OPENDIALOG_TOKEN", "canary-token", 1);
  const int leak = open("/dev/null", O_RDONLY);  // NOLINT: without O_CLOEXEC on purpose
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  const auto postgres = start_embedded_postgres(state_dir_);
  pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  unsetenv("OPENDIALOG_TOKEN");
  close(leak);

  const fs::path process = "/proc/" + std::to_string(postmaster());
  EXPECT_EQ(test::read_file(process / "environ").find("canary"), std::string::npos);
  EXPECT_NE(getsid(postmaster()), getsid(0));
  // The server opens descriptors of its own, none of them the null device but the first.
  for (const auto& entry : fs::directory_iterator(process / "fd")) {
    if (entry.path().filename() == "0") continue;
    EXPECT_NE(fs::read_symlink(entry), "/dev/null") << entry.path();
  }
  const auto is_blocked = [&] {
    const auto status = test::read_file(process / "status");
    return (std::stoull(status.substr(status.find("SigBlk:") + 7), nullptr, 16) & (1ULL << (SIGUSR1 - 1))) != 0;
  };
  // The server blocks all for the moments in which it handles one.
  for (int looks = 0; looks < 100 && is_blocked(); ++looks) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(is_blocked());
}

TEST_F(EmbeddedPostgresTest, ASocketPathThatIsTooLongIsMovedToTmp) {
  const fs::path deep = state_dir_ / std::string(100, 'x');
  fs::create_directories(deep);
  const auto postgres = start_embedded_postgres(deep);
  EXPECT_THAT(postgres->dsn(), StartsWith("host=/tmp/opendialog-etl-"));
  EXPECT_EQ(query(*postgres, "SELECT 1"), "1");
  EXPECT_EQ(start_embedded_postgres(deep)->dsn(), postgres->dsn());
  fs::remove_all(postgres->dsn().substr(5, postgres->dsn().find(' ') - 5));
}

TEST_F(EmbeddedPostgresTest, APathThatAConnectionStringCannotHoldWorks) {
  const fs::path odd = state_dir_ / "it's, \"a\" dir";
  fs::create_directories(odd);
  const auto postgres = start_embedded_postgres(odd);
  EXPECT_EQ(query(*postgres, "SELECT 1"), "1");
  fs::remove_all(postgres->dsn().substr(5, postgres->dsn().find(' ') - 5));
}

TEST_F(EmbeddedPostgresTest, ALogThatHasGrownIsCutToItsEnd) {
  start_embedded_postgres(state_dir_);
  const auto log = state_dir_ / "postgres" / "log" / "postgres.log";
  fs::resize_file(log, 20 << 20);
  start_embedded_postgres(state_dir_);
  EXPECT_LT(fs::file_size(log), 2u << 20);
}

TEST_F(EmbeddedPostgresTest, WhatUsersSaidDoesNotReachTheLog) {
  const auto postgres = start_embedded_postgres(state_dir_);
  query(*postgres, "CREATE TABLE users (id text PRIMARY KEY); INSERT INTO users VALUES ('canary')");
  EXPECT_THROW(query(*postgres, "INSERT INTO users VALUES ('canary')"), std::runtime_error);
  EXPECT_THROW(query(*postgres, "SELECT 'canary'::integer"), std::runtime_error);
  EXPECT_EQ(test::read_file(state_dir_ / "postgres" / "log" / "postgres.log").find("canary"), std::string::npos);
}

TEST_F(EmbeddedPostgresTest, AnotherVersionsClusterIsRefused) {
  make_cluster_with_a_row();
  test::write_file(data() / "PG_VERSION", "9\n");
  EXPECT_THAT(error_of(state_dir_), AllOf(HasSubstr("was made by PostgreSQL 9"), HasSubstr("install postgresql-9")));
}

TEST_F(EmbeddedPostgresTest, ADirectoryThatIsNoClusterIsLeftAlone) {
  make_cluster_with_a_row();
  fs::rename(data(), state_dir_ / "elsewhere");
  fs::create_directory(data());
  test::write_file(data() / "precious", "text");
  EXPECT_THAT(error_of(state_dir_), AllOf(HasSubstr("not a PostgreSQL cluster"), HasSubstr("move it away")));
  EXPECT_EQ(test::read_file(data() / "precious"), "text");
}

TEST_F(EmbeddedPostgresTest, ASymlinkInItsPlaceIsRefused) {
  fs::create_directories(state_dir_);
  fs::create_directory(directory_ / "victim");
  fs::create_directory_symlink(directory_ / "victim", state_dir_ / "postgres");
  EXPECT_THAT(error_of(state_dir_), HasSubstr("not a directory of its own"));
}

TEST_F(EmbeddedPostgresTest, ADirectoryThatOthersMayWriteToIsRefused) {
  make_cluster_with_a_row();
  fs::permissions(state_dir_ / "postgres" / "run", fs::perms(0777));
  EXPECT_THAT(error_of(state_dir_), HasSubstr("others may write to it"));
}

TEST_F(EmbeddedPostgresTest, AFailedStartShowsTheEndOfTheLog) {
  make_cluster_with_a_row();
  std::ofstream(data() / "postgresql.conf", std::ios::app) << "no_such_setting = 1\n";
  EXPECT_THAT(error_of(state_dir_), AllOf(HasSubstr("it ended"), HasSubstr("no_such_setting")));
}

TEST_F(EmbeddedPostgresTest, AStateDirectoryThatCannotBeMadeIsNamed) {
  test::write_file(directory_ / "file", "");
  EXPECT_THAT(error_of(directory_ / "file" / "state"), AllOf(HasSubstr("make"), HasSubstr("set state_dir")));
}

class AsRoot : public EmbeddedPostgresTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "NOT TESTED: needs root, which PostgreSQL refuses to run as";
  }
};

TEST_F(AsRoot, TheDirectoryThatTheServersUserMayNotEnterIsNamed) {
  const auto closed = directory_ / "closed";
  fs::create_directory(closed);
  fs::permissions(closed, fs::perms(0700));
  EXPECT_THAT(error_of(closed / "state"), AllOf(HasSubstr("enter '" + closed.string() + "'"), HasSubstr("chmod o+x")));
}

TEST_F(AsRoot, TheServerRunsAsTheOwnerOfTheStateDirectory) {
  const passwd* nobody = getpwnam("nobody");
  fs::create_directories(state_dir_);
  ASSERT_EQ(chown(state_dir_.c_str(), nobody->pw_uid, nobody->pw_gid), 0);
  const auto postgres = start_embedded_postgres(state_dir_);
  for (const auto& path : {data(), state_dir_ / "postgres.lock", fs::path("/proc") / std::to_string(postmaster())}) {
    struct stat found {};
    ASSERT_EQ(stat(path.c_str(), &found), 0) << path;
    EXPECT_EQ(found.st_uid, nobody->pw_uid) << path;
  }
}

}  // namespace
}  // namespace odetl
