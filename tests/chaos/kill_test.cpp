// Killed at random, killed at its socket calls, starved of descriptors, memory and allocations: guarantee 1 of the contract.
#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/chaos/scene.hpp"

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using test::ended;
using test::RunResult;

constexpr const char* kFrom = "2024-03-01 00:00:00";
constexpr const char* kTo = "2024-03-02 00:00:00";
constexpr int kRandomKills = 8;
constexpr int kSocketCallStride = 11;  // of some 120; 1 strikes them all
constexpr int kMostSocketCalls = 3000;
constexpr int kKilled = 128 + SIGKILL;

// How a day of conversations is loaded.
struct Command {
  const char* name;
  std::vector<std::string> arguments;
};
void PrintTo(const Command& command, std::ostream* out) { *out << command.name; }
const Command kBackfill{"Backfill", {"backfill", "--from", "2024-03-01", "--to", "2024-03-02", "--window", "2h", "--workers", "4"}};
const Command kRunOnce{"RunOnce", {"run", "--once"}};

// Such a day, which has just ended by the tenant's clock.
class Killed : public testing::TestWithParam<Command> {
 protected:
  Killed() : odetl({}, canary_server()) {
    std::vector<simulator::Interaction> rows;
    for (std::uint64_t i = 0; i < 600; ++i) {
      rows.push_back(canary_row(test::second(kFrom) + std::chrono::seconds(i * 144), i / 2));
    }
    odetl.tenant.add(rows);
    odetl.tenant.clock().stand_at(test::second(kTo) + 10min);
    odetl.configure("windows.start", "2024-03-01");
    odetl.configure("windows.settle", "0s");
    odetl.configure("windows.max_width", "2h");
  }

  std::vector<std::string> wrapped(std::vector<std::string> wrapper) const {
    const auto command = odetl.command(arguments());
    wrapper.insert(wrapper.end(), command.begin(), command.end());
    return wrapper;
  }
  void start_over() const { odetl.sql("DROP SCHEMA IF EXISTS opendialog CASCADE"); }
  virtual std::vector<std::string> arguments() const { return GetParam().arguments; }
  // Whatever happened before, this goes on to the end, and everything is there.
  void expect_recovery(const std::string& after) {
    const RunResult rest = odetl.etl(arguments());
    ASSERT_TRUE(ended(rest, 0)) << after;
    Oracle oracle;  // another history each time
    ASSERT_EQ(oracle.judge(odetl, kFrom, kTo), "") << after;
    ASSERT_EQ(Oracle::judge_words("the log", rest.out + rest.err), "") << after;
  }

  Installation odetl;
};

TEST_P(Killed, AtAnyMomentItGoesOnWhereItEnded) {
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(ended(odetl.etl(arguments()), 0));
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
  Random random(seed());
  for (int kill = 0; kill < cases(kRandomKills); ++kill) {
    start_over();
    const auto after = whole * static_cast<long>(random.below(1000)) / 1000;
    const auto process = odetl.start(arguments());
    std::this_thread::sleep_for(after);
    process->kill(SIGKILL);
    process->wait();
    expect_recovery("killed after " + std::to_string(after.count()) + " us");
    if (HasFatalFailure()) return;
  }
}

TEST_P(Killed, AtASocketCallItGoesOnWhereItEnded) {
  int kills = 0;
  Random random(seed());
  for (int call = 1 + static_cast<int>(random.below(kSocketCallStride)); call < kMostSocketCalls; call += kSocketCallStride) {
    start_over();
    const std::string when = "inject=sendto,recvfrom:signal=SIGKILL:when=" + std::to_string(call);
    const RunResult result = test::run(wrapped({"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto,recvfrom", "-e", when}));
    if (result.exit_code == 0) break;
    ASSERT_TRUE(ended(result, kKilled)) << "at socket call " << call;
    ++kills;
    expect_recovery("killed at socket call " + std::to_string(call));
    if (HasFatalFailure()) return;
  }
  EXPECT_GE(kills, 5) << "so few socket calls?";
}

INSTANTIATE_TEST_SUITE_P(Chaos, Killed, testing::Values(kBackfill, kRunOnce),
                         [](const auto& instance) { return std::string(instance.param.name); });

class Starved : public Killed {
 protected:
  std::vector<std::string> arguments() const override { return kBackfill.arguments; }
};

TEST_F(Starved, TwoBackfillsAtOnceLoadEverythingOnce) {
  const auto first = odetl.start(arguments());
  const auto second = odetl.start(arguments());
  EXPECT_EQ(first->wait().code, 0) << first->err();
  EXPECT_EQ(second->wait().code, 0) << second->err();
  Oracle oracle;
  EXPECT_EQ(oracle.judge(odetl, kFrom, kTo), "");
}

constexpr auto kStarving = 2s;

// Runs with too little of something for a while: it may end with a code that the contract has for what cannot be done, in
// words, or go on trying; then it ends when it is told to.
std::string starve(std::vector<std::string> command) {
  ChildProcess process(std::move(command));
  const auto begun = std::chrono::steady_clock::now();
  while (process.running() && std::chrono::steady_clock::now() - begun < kStarving) std::this_thread::sleep_for(10ms);
  process.kill(SIGTERM);
  const auto status = process.wait(10s);
  constexpr int kNotEvenItsLibraries = 127;
  for (const int promised : {0, 69, 70, 75, kNotEvenItsLibraries}) {
    if (status.signal == 0 && status.code == promised && (promised == 0 || !process.err().empty())) return "";
  }
  return "ends with " + std::to_string(status.code) + "\n" + process.err();
}

TEST_F(Starved, TooFewDescriptorsAreToldAndLoseNothing) {
  for (const char* limit : {"--nofile=8", "--nofile=12", "--nofile=16"}) {
    start_over();
    EXPECT_EQ(starve(wrapped({"prlimit", limit})), "") << limit;
    expect_recovery(limit);
  }
}

TEST_F(Starved, TooLittleMemoryIsToldAndLosesNothing) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer needs more address space than there is memory";
#endif
  for (const char* limit : {"--as=120000000", "--as=200000000", "--as=300000000"}) {
    start_over();
    EXPECT_EQ(starve(wrapped({"prlimit", limit})), "") << limit;
    expect_recovery(limit);
  }
}

}  // namespace
}  // namespace odetl::chaos
