#include "tests/integration/warehouse_fixture.hpp"

namespace odetl::test {
namespace {

TEST_F(Loading, RecordsWindowsThatWereNotLoaded) {
  WindowReport report;
  report.window = kDay;
  report.outcome = Outcome::failed;
  report.error = "fetch window: 500";
  report.started_at = kDay.to;
  warehouse_->record(report);
  EXPECT_EQ(query("SELECT outcome, error, load_number FROM window_log"), "failed|fetch window: 500|");
  EXPECT_FALSE(warehouse_->read_state().coverage.overlaps(kDay));
  EXPECT_TRUE(warehouse_->read_state().poisoned.windows().empty());
}

TEST_F(Loading, KeepsPoisonedSecondsApartUntilTheyAreLoaded) {
  const auto second = window("2024-01-31T08:00:00Z", "2024-01-31T08:00:01Z");
  WindowReport report;
  report.window = second;
  report.outcome = Outcome::poisoned;
  report.started_at = kDay.to;
  warehouse_->record(report);
  EXPECT_EQ(warehouse_->read_state().poisoned.windows(), std::vector{second});
  load(*warehouse_, {kDay.from, second.from}, Answer());
  EXPECT_EQ(warehouse_->read_state().poisoned.windows(), std::vector{second});
  load(*warehouse_, kDay, Answer());
  EXPECT_TRUE(warehouse_->read_state().poisoned.windows().empty());
  warehouse_->record(report);
  EXPECT_TRUE(warehouse_->read_state().poisoned.windows().empty()) << "what is covered is not poisoned";
}

TEST_F(Loading, RemembersWherePollingBeganAndWhenRechecksWere) {
  EXPECT_EQ(warehouse_->read_state().poll_from, std::nullopt);
  warehouse_->set_poll_from(kDay.from);
  EXPECT_EQ(warehouse_->read_state().poll_from, kDay.from);

  EXPECT_TRUE(warehouse_->read_state().rechecked.empty());
  warehouse_->set_last_recheck(std::chrono::hours(24), kDay.from);
  warehouse_->set_last_recheck(std::chrono::hours(1), kDay.to);
  EXPECT_EQ(open()->read_state().rechecked,
            (std::map<std::chrono::seconds, sys_seconds>{{std::chrono::hours(1), kDay.to}, {std::chrono::hours(24), kDay.from}}));
  // What only a hand can have written counts as never.
  query(R"(UPDATE stream_state SET rechecked = '{"60":"infinity","61":"soon","x":"1","62":-1,"63":null,"64":100}')");
  EXPECT_EQ(open()->read_state().rechecked,
            (std::map<std::chrono::seconds, sys_seconds>{{std::chrono::seconds(64), sys_seconds(std::chrono::seconds(100))}}));
}

TEST_F(Loading, HasOneLeader) {
  auto second = open();
  EXPECT_TRUE(warehouse_->try_lead());
  EXPECT_TRUE(warehouse_->try_lead());
  EXPECT_FALSE(second->try_lead());
  warehouse_.reset();
  wait_for(dsn_, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "0");
  EXPECT_TRUE(second->try_lead());
}

TEST_F(Loading, SurvivesAStateThatAHandHasEdited) {
  query(
      "UPDATE stream_state SET coverage = '{(,2024-01-01 00:00:00.5Z),[2024-02-01 00:00:00.5Z,infinity)}',"
      " poisoned = '{[2024-01-10 00:00:00.5Z,2024-01-10 00:00:01.5Z]}', watermark = 'infinity'");
  const StreamState state = warehouse_->read_state();
  EXPECT_TRUE(state.coverage.windows().empty());
  EXPECT_EQ(state.poisoned.windows(), std::vector{window("2024-01-10T00:00:00Z", "2024-01-10T00:00:02Z")});
  EXPECT_EQ(state.watermark, std::nullopt);
  query(
      "UPDATE stream_state SET coverage = '{[2024-01-10 00:00:00.5Z,2024-01-10 00:00:09.5Z]}', watermark = '2024-01-10 "
      "00:00:09.5Z'");
  EXPECT_EQ(warehouse_->read_state().coverage.windows(),
            std::vector{window("2024-01-10T00:00:01Z", "2024-01-10T00:00:09Z")});
  EXPECT_EQ(warehouse_->read_state().watermark, at("2024-01-10T00:00:09Z"));
}

TEST_F(Loading, MissesItsStateLoudly) {
  query("DELETE FROM stream_state");
  EXPECT_EQ(error_of([&] { warehouse_->read_state(); }).failure(), Failure::db_schema);
  const Served served(two_people(), kDay);
  WindowReport report;
  EXPECT_EQ(error_of([&] { warehouse_->load(served.batch(), {}, report); }).failure(), Failure::db_schema);
  EXPECT_EQ(count("interactions"), "0");
}

TEST_F(Loading, ReadsOnlyTheBlocksOfAWindowOnceItsRangeIsSummarised) {
  Answer answer;
  for (int day = 1; day <= 5; ++day) {
    const auto from = at("2024-01-0" + std::to_string(day) + "T00:00:00Z");
    answer = Answer();
    answer.user("ann");
    for (int i = 0; i < 8000; ++i) answer.says(to_rfc3339(from + std::chrono::seconds(10 * i)), R"("some text")");
    load(*warehouse_, {from, from + std::chrono::days(1)}, answer);
  }
  warehouse_->summarise(window("2024-01-01T00:00:00Z", "2024-01-06T00:00:00Z"), std::chrono::seconds(10));

  // A session hands in its counts of blocks at its end at the latest.
  const auto blocks_so_far = [&] {
    warehouse_.reset();
    wait_for(dsn_, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'opendialog-etl'", "0");
    return std::stoi(query(
        "SELECT heap_blks_read + heap_blks_hit FROM pg_statio_user_tables WHERE relname = 'interactions_2024_01'"));
  };
  const int before = blocks_so_far();
  warehouse_ = open();
  const auto minute = window("2024-01-05T12:00:00Z", "2024-01-05T12:01:00Z");
  EXPECT_EQ(load(*warehouse_, minute, answer).report.unchanged, 6U);
  EXPECT_LT(blocks_so_far() - before, std::stoi(query("SELECT pg_relation_size('interactions_2024_01') / 8192 / 4")));
}

}  // namespace
}  // namespace odetl::test
