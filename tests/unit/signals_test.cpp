#include "daemon/signals.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <thread>

#include "daemon/log.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/test_program.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;
using test::ChildProcess;
using test::ExitStatus;

// Tells what it hears.
void listen_to_signals() {
  init_log("info", LogFormat::logfmt);
  StopSignals signals;
  std::atomic<int> reloads = 0;
  const bool deaf = getenv("ODETL_DEAF") != nullptr;
  if (getenv("ODETL_ENDS") != nullptr) signals.end_with(ExitCode::temporary);
  std::cout << "listening" << std::endl;
  if (getenv("ODETL_LATE") != nullptr) std::cin.get();  // until the test closes it
  signals.on_reload([&] { std::cout << "reload " << ++reloads << std::endl; });
  while (!signals.token().stop_requested()) std::this_thread::sleep_for(1ms);
  std::cout << "stopping" << std::endl;
  while (deaf) pause();
}
const test::TestProgram kListener("listener", listen_to_signals);

class SignalsTest : public ::testing::Test {
 protected:
  static ChildProcess start(const test::EnvChanges& env = {}, test::LaunchOptions options = {}) {
    return ChildProcess(kListener.argv(), env, std::move(options));
  }
};

class EndingSignal : public SignalsTest, public ::testing::WithParamInterface<int> {};

TEST_P(EndingSignal, RequestsAStopAtFirst) {
  ChildProcess process = start();
  process.read_line("listening");
  process.kill(GetParam());
  process.read_line("stopping");
  EXPECT_EQ(process.wait(), (ExitStatus{0, 0}));
}

TEST_P(EndingSignal, EndsTheProcessAtOnceTheSecondTime) {
  ChildProcess process = start({{"ODETL_DEAF", "1"}});
  process.read_line("listening");
  process.kill(SIGTERM);
  process.read_line("stopping");
  process.kill(GetParam());
  EXPECT_EQ(process.wait(), (ExitStatus{128 + GetParam(), 0}));
}

INSTANTIATE_TEST_SUITE_P(Signals, EndingSignal, ::testing::Values(SIGTERM, SIGINT),
                         [](const auto& test) { return test.param == SIGTERM ? "Term" : "Int"; });

TEST_F(SignalsTest, AProcessThatCannotEndIsEndedAfterAWhile) {
  ChildProcess process = start({{"ODETL_DEAF", "1"}, {"ODETL_ENDS", "1"}});
  process.read_line("listening");
  process.kill(SIGTERM);
  process.read_line("stopping");
  EXPECT_EQ(process.wait(), (ExitStatus{75, 0}));
  EXPECT_NE(process.err().find("stop_forced"), std::string::npos) << process.err();
}

TEST_F(SignalsTest, HangupReloadsEveryTime) {
  ChildProcess process = start();
  process.read_line("listening");
  process.kill(SIGHUP);
  process.read_line("reload 1");
  process.kill(SIGHUP);
  process.read_line("reload 2");
}

TEST_F(SignalsTest, HangupBeforeTheCallbackIsKeptForIt) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  test::LaunchOptions options;
  options.input_fd = fds[0];
  ChildProcess process = start({{"ODETL_LATE", "1"}}, options);
  close(fds[0]);
  process.read_line("listening");
  process.kill(SIGHUP);
  close(fds[1]);
  process.read_line("reload 1");
}

TEST_F(SignalsTest, OthersAreIgnored) {
  ChildProcess process = start();
  process.read_line("listening");
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2}) process.kill(signal);
  process.kill(SIGHUP);
  process.read_line("reload 1");
  EXPECT_TRUE(process.running());
}

TEST_F(SignalsTest, AStormOfSignalsIsSurvived) {
  ChildProcess process = start();
  process.read_line("listening");
  for (int i = 0; i < 10000; ++i) process.kill(i % 2 == 0 ? SIGUSR1 : SIGHUP);
  process.kill(SIGTERM);
  EXPECT_EQ(process.wait(), (ExitStatus{0, 0}));
}

TEST_F(SignalsTest, CanBeMadeAgain) {
  { const StopSignals first; }
  const StopSignals second;
  EXPECT_FALSE(second.token().stop_requested());
}

}  // namespace
}  // namespace odetl
