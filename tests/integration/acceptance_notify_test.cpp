#include "tests/integration/acceptance_fixture.hpp"
#include "tests/support/notify_socket.hpp"

// What the service manager is told, and when. Each test is systemd to the daemon.
namespace odetl::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

class Notify : public testing::Test {
 protected:
  Notify() {
    odetl.configure("windows.start", iso(ago(1h)));
    odetl.configure("windows.poll_interval", "1s");
  }

  // A start that cannot succeed ends with `code` and was never ready.
  void expect_never_ready(int code) {
    const auto daemon = odetl.start({"run"});
    EXPECT_EQ(daemon->wait(10s), (ExitStatus{code, 0})) << daemon->err();
    EXPECT_THAT(systemd.next_of("READY=1", 1ms), IsEmpty());
  }

  Installation odetl;
  NotifySocket systemd;
};

TEST_F(Notify, ReadyThenWhatIsLoadedThenStopping) {
  const auto daemon = odetl.start({"run"});
  EXPECT_EQ(systemd.next(20s), "READY=1") << "the first thing that is told";
  EXPECT_NE(odetl.sql("SELECT count(*) FROM opendialog.schema_version"), "0");
  EXPECT_THAT(systemd.next_of("STATUS="), HasSubstr("loaded up to 20"));
  daemon->kill(SIGTERM);
  EXPECT_EQ(systemd.next_of("STOPPING=1"), "STOPPING=1");
  EXPECT_EQ(daemon->wait(5s), (ExitStatus{0, 0}));
}

TEST_F(Notify, NotReadyBeforeTheDatabaseIs) {
  cluster().stop();
  const auto daemon = odetl.start({"run"});
  EXPECT_THAT(systemd.next(20s), testing::StartsWith("STATUS=connect to the database")) << "what it waits for";
  cluster().start();
  EXPECT_EQ(systemd.next_of("READY=1"), "READY=1");
}

TEST_F(Notify, NeverReadyWithABadConfiguration) {
  odetl.configure("windows.width", "0s");
  expect_never_ready(78);
}

TEST_F(Notify, NeverReadyWithoutAToken) {
  std::filesystem::remove(odetl.token_file());
  expect_never_ready(78);
}

TEST_F(Notify, NeverReadyWhenItMayNotEnterTheDatabase) {
  odetl.configure("warehouse.dsn", cluster().dsn("postgres") + " user=nobody_by_this_name");
  expect_never_ready(77);
}

TEST_F(Notify, NeverReadyWithASchemaThatIsMissing) {
  odetl.configure("warehouse.auto_migrate", "false");
  expect_never_ready(78);
}

TEST_F(Notify, AReloadBeginsAtAMomentAndEndsWithReady) {
  const auto daemon = odetl.start({"run"});
  ASSERT_EQ(systemd.next_of("READY=1"), "READY=1");
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
  for (const char* width : {"2h", "no width"}) {
    const auto before = now();
    odetl.configure("windows.width", width);
    daemon->kill(SIGHUP);
    const std::string reloading = systemd.next_of("RELOADING=1");
    const std::string prefix = "RELOADING=1\nMONOTONIC_USEC=";
    ASSERT_THAT(reloading, testing::StartsWith(prefix)) << width;
    const auto told = std::stoll(reloading.substr(prefix.size()));
    EXPECT_LE(before, told);
    EXPECT_LE(told, now());
    EXPECT_EQ(systemd.next_of("READY=1"), "READY=1") << "also when the new configuration is not taken";
  }
}

TEST_F(Notify, TheWatchdogIsFedByWorkAndStarvesWhenTheWorkHangs) {
  const auto daemon = odetl.start({"run"});
  ASSERT_EQ(systemd.next_of("READY=1"), "READY=1");
  for (int polls = 0; polls < 3; ++polls) EXPECT_EQ(systemd.next_of("WATCHDOG=1", 5s), "WATCHDOG=1");
  odetl.fault("black-hole next=0");
  // What was under way may end first; then more than a poll interval is silent.
  bool starves = false;
  for (int messages = 0; messages < 20 && !starves; ++messages) starves = systemd.next(2500ms).empty();
  EXPECT_TRUE(starves);
  daemon->kill(SIGTERM);
  EXPECT_EQ(daemon->wait(5s), (ExitStatus{0, 0}));
}

}  // namespace
}  // namespace odetl::test
