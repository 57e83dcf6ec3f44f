#include "daemon/service_manager.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "tests/support/notify_socket.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;

class ServiceManagerTest : public ::testing::Test {
 protected:
  ~ServiceManagerTest() override {
    for (const char* name : {"WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }

  /// The next message; empty when none has been sent.
  std::string received() const { return socket_.next(); }

  test::TempDirectory directory_;
  test::NotifySocket socket_;
  std::unique_ptr<ServiceManager> manager_ = make_service_manager();
};

TEST_F(ServiceManagerTest, TellsEachState) {
  manager_->ready();
  EXPECT_EQ(received(), "READY=1");
  manager_->alive();
  EXPECT_EQ(received(), "WATCHDOG=1");
  manager_->stopping();
  EXPECT_EQ(received(), "STOPPING=1");
}

TEST_F(ServiceManagerTest, TellsWhenAReloadBegan) {
  const auto microseconds_now = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
  const auto before = microseconds_now();
  manager_->reloading();
  const std::string message = received();
  const std::string expected = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_EQ(message.substr(0, expected.size()), expected);
  const auto told = std::stoll(message.substr(expected.size()));
  EXPECT_LE(before, told);
  EXPECT_LE(told, microseconds_now());
}

TEST_F(ServiceManagerTest, KeepsAStatusToOneAssignment) {
  manager_->status("window\nREADY=1\r\x1b[2J\tdone");
  EXPECT_EQ(received(), "STATUS=window READY=1  [2J done");
}

TEST_F(ServiceManagerTest, CutsALongStatusBetweenCharacters) {
  manager_->status(std::string(999, 'x') + "\u00e9 and more");
  EXPECT_EQ(received(), "STATUS=" + std::string(999, 'x'));
}

TEST_F(ServiceManagerTest, LeavesTheEnvironmentForOthers) {
  manager_->ready();
  EXPECT_NE(getenv("NOTIFY_SOCKET"), nullptr);
}

TEST_F(ServiceManagerTest, SaysNothingWithoutAServiceManager) {
  unsetenv("NOTIFY_SOCKET");
  manager_->ready();
  manager_->status("running");
  manager_->alive();
  EXPECT_EQ(received(), "");
}

TEST_F(ServiceManagerTest, OutlivesAServiceManagerThatIsGone) {
  setenv("NOTIFY_SOCKET", (directory_ / "nobody").c_str(), 1);
  EXPECT_NO_THROW(manager_->ready());
}

TEST_F(ServiceManagerTest, AsksForHalfTheWatchdogTime) {
  setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(manager_->watchdog_interval(), 15s);
}

TEST_F(ServiceManagerTest, HasNoWatchdogUnlessOneIsSetForThisProcess) {
  EXPECT_EQ(manager_->watchdog_interval(), std::nullopt);
  setenv("WATCHDOG_USEC", "30000000", 1);
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(manager_->watchdog_interval(), std::nullopt);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(manager_->watchdog_interval(), 15s);
}

}  // namespace
}  // namespace odetl
