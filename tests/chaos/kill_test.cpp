// Killed at random, killed at its socket calls, starved of descriptors, memory and allocations: guarantee 1 of the contract.
#include <array>
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
constexpr int kSocketCallStride = 23;  // of some 120 and 400
constexpr int kMostSocketCalls = 3000;
constexpr int kFailedAllocations = 12;
constexpr int kKilled = 128 + SIGKILL;
const test::EnvChanges kUnderStrace{{"LSAN_OPTIONS", "detect_leaks=0"}};  // where there is a leak checker, it cannot

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
  const int stride = stride_of(kSocketCallStride);
  for (int call = 1 + static_cast<int>(random.below(static_cast<std::uint64_t>(stride))); call < kMostSocketCalls; call += stride) {
    start_over();
    const std::string when = "inject=sendto,recvfrom:signal=SIGKILL:when=" + std::to_string(call);
    const RunResult result = test::run(wrapped({"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto,recvfrom", "-e", when}), kUnderStrace);
    if (result.exit_code == 0) break;
    ASSERT_TRUE(ended(result, kKilled)) << "at socket call " << call;
    ++kills;
    expect_recovery("killed at socket call " + std::to_string(call));
    if (HasFatalFailure()) return;
  }
  EXPECT_GE(kills, 3) << "so few socket calls?";
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
std::string starve(std::vector<std::string> command, const test::EnvChanges& env = {}) {
  ChildProcess process(std::move(command), env);
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

// The n-th allocation fails, and so do `fails` - 1 after it.
test::EnvChanges few_allocations(std::uint64_t n, std::uint64_t fails) {
  return {{"LD_PRELOAD", ODETL_FEW_ALLOCATIONS}, {"FAIL_ALLOCATION", std::to_string(n)}, {"FAIL_ALLOCATIONS", std::to_string(fails)}};
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

TEST_F(Starved, AnAllocationThatFailsIsToldAndLosesNothing) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer has an allocator of its own";
#endif
  const auto count = [&](std::vector<std::string> of) {
    const auto file = odetl.directory / "allocations";
    EXPECT_TRUE(ended(odetl.etl(std::move(of), {{"LD_PRELOAD", ODETL_FEW_ALLOCATIONS}, {"COUNT_ALLOCATIONS", file.string()}}), 0));
    return std::stoull(test::read_file(file));
  };
  // Until the command line is read nothing is at stake, and libraries give up by themselves.
  const std::uint64_t first = count({"version"});
  const std::uint64_t all = count(arguments());
  ASSERT_GT(all, 2 * first);
  Random random(seed());
  for (int i = 0; i < cases(kFailedAllocations); ++i) {
    const std::uint64_t n = first + random.below(all - first);
    const std::uint64_t fails = std::array<std::uint64_t, 3>{1, 1 + random.below(200), all}[random.below(3)];
    const std::string which = "allocation " + std::to_string(n) + " of " + std::to_string(all) + ", " + std::to_string(fails) + " in a row";
    start_over();
    const std::string wrong = starve(odetl.command(arguments()), few_allocations(n, fails));
    // Without memory for long, the libraries' destructors cannot but give up, and say so.
    const bool gave_up = fails > 1 && wrong.find("bad_alloc") != std::string::npos;
    EXPECT_TRUE(wrong.empty() || gave_up) << which << "\n" << wrong;
    expect_recovery(which);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace odetl::chaos
