// Sessions that end at the worst moment: while they commit, and before any statement of a load. Guarantee 1 of the contract.
#include <chrono>
#include <thread>

#include "tests/chaos/scene.hpp"

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using test::cluster;
using test::ended;
using test::eventually;
using Clock = std::chrono::steady_clock;

constexpr const char* kFrom = "2024-03-01 00:00:00";
constexpr int kFew = 20;              // commits in doubt
constexpr int kBegun = 80;            // windows that may be loaded before the first doubt
constexpr int kRestartEvery = 7;      // of them with a crash of the server, too
constexpr auto kSettledWithin = 2s;
constexpr int kStatementStride = 7;   // of some 60
constexpr int kMostStatements = 1000;
constexpr int kUnavailable = 69;

// A minute of rows for every case, and a wire to the database.
class Doubt : public testing::Test {
 protected:
  Doubt() : odetl({}, canary_server()), minutes(cases(kFew) + kBegun) {
    std::filesystem::permissions(sockets_.path(), std::filesystem::perms::all);
    wire = std::make_unique<FaultProxy>(Address{0, sockets_.path().string() + "/.s.PGSQL.5432"}, server_of(odetl.database));
    odetl.configure("warehouse.dsn", '"' + through(odetl.database, sockets_.path().string()) + '"');
    std::vector<simulator::Interaction> rows;
    for (int i = 0; i < 4 * minutes; ++i) {
      rows.push_back(canary_row(test::second(kFrom) + std::chrono::seconds(i * 15), static_cast<std::uint64_t>(i) / 2));
    }
    odetl.tenant.add(rows);
  }

  std::string end() const { return test::iso(test::second(kFrom) + std::chrono::minutes(minutes)); }
  std::vector<std::string> backfill(const std::string& width) const {
    return {"backfill", "--from", "2024-03-01", "--to", end(), "--window", width, "--workers", "1"};
  }
  std::string judge(const std::string& log) {
    Oracle oracle;
    const std::string to = simulator::wire_date(test::second(kFrom) + std::chrono::minutes(minutes)).substr(0, 19);
    return oracle.judge(odetl, kFrom, to) + Oracle::judge_words("the log", log);
  }

  Installation odetl;
  const int minutes;
  std::unique_ptr<FaultProxy> wire;

 private:
  test::TempDirectory sockets_;
};

TEST_F(Doubt, IsSettledWithinSeconds) {
  ASSERT_TRUE(ended(odetl.etl({"migrate"}), 0));
  const auto process = odetl.start(backfill("1m"));
  ASSERT_TRUE(eventually([&] { return odetl.sql("SELECT load_number > 0 FROM opendialog.stream_state") == "t"; }));
  int doubts = 0, late = 0;
  Clock::duration longest{0};
  while (doubts < cases(kFew)) {
    wire->swallow_answer_to("COMMIT");
    const auto struck = static_cast<std::uint64_t>(doubts) + 1;
    ASSERT_TRUE(eventually([&] { return wire->swallowed() == struck || !process->running(); })) << process->err();
    if (!process->running()) break;
    if (++doubts % kRestartEvery == 0) cluster().restart(test::StopMode::immediate);
    const auto ready = Clock::now();
    ASSERT_TRUE(eventually([&] { return wire->said_again() || !process->running(); })) << process->err();
    const auto took = Clock::now() - ready;
    longest = std::max(longest, took);
    if (took > kSettledWithin) ++late;
  }
  RecordProperty("doubts", doubts);
  RecordProperty("longest_ms", static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(longest).count()));
  EXPECT_EQ(doubts, cases(kFew)) << process->err();
  EXPECT_EQ(late, 0) << "the longest took " << std::chrono::duration<double>(longest).count() << " s";
  EXPECT_EQ(process->wait(120s), test::ExitStatus{}) << process->err();
  EXPECT_EQ(judge(process->err() + process->out()), "");
}

// The session is ended by the administrator (57P01) before its n-th message, for every n.
TEST_F(Doubt, IsNoneWhereASessionEndsBeforeAnyOfItsStatements) {
  Random random(seed());
  const int stride = stride_of(kStatementStride);
  int ends = 0;
  for (int statement = 1 + static_cast<int>(random.below(static_cast<std::uint64_t>(stride))); statement < kMostStatements; statement += stride) {
    odetl.sql("DROP SCHEMA IF EXISTS opendialog CASCADE");
    wire->freeze_at(static_cast<std::uint64_t>(statement));
    const auto process = odetl.start(backfill("1d"));
    ASSERT_TRUE(eventually([&] { return wire->holds_something() || !process->running(); }));
    const bool is_held = wire->holds_something();
    if (is_held) {
      ++ends;
      cluster().query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'opendialog-etl'");
    }
    wire->thaw();
    // Before there is work to do a lost session may end the command; then it says so, and the next goes on.
    const int code = process->wait().code;
    if (code == kUnavailable && is_held) {
      ASSERT_TRUE(ended(odetl.etl(backfill("1d")), 0));
    } else {
      ASSERT_EQ(code, 0) << "ended before statement " << statement << "\n" << process->err();
    }
    ASSERT_EQ(judge(process->err() + process->out()), "") << "ended before statement " << statement;
    if (!is_held) break;
  }
  EXPECT_GE(ends, 5) << "so few statements?";
}

}  // namespace
}  // namespace odetl::chaos
