#include "daemon/service_manager.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/support/child_process.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;

/// The service manager's end of the protocol: a datagram socket that NOTIFY_SOCKET names.
class ServiceManagerTest : public ::testing::Test {
 protected:
  ServiceManagerTest() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = directory_ / "notify";
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~ServiceManagerTest() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
    close(socket_);
  }

  /// The next message; empty when none has been sent.
  std::string received() const {
    char text[8192];
    const auto size = recv(socket_, text, sizeof text, 0);
    return size < 0 ? "" : std::string(text, static_cast<std::size_t>(size));
  }

  test::TempDirectory directory_;
  int socket_ = -1;
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
