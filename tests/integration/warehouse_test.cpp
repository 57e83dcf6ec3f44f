#include <algorithm>
#include <map>
#include <random>

#include "tests/integration/warehouse_fixture.hpp"

namespace odetl::test {
namespace {

TEST_F(Loading, WritesRowsUsersLedgerCoverageAndWatermark) {
  const Loaded loaded = load(*warehouse_, kDay, two_people());
  EXPECT_EQ(loaded.report.outcome, Outcome::loaded);
  EXPECT_EQ(loaded.report.rows_read, 3U);
  EXPECT_EQ(loaded.report.inserted, 3U);
  EXPECT_EQ(loaded.report.users_inserted, 2U);
  EXPECT_EQ(contents(),
            "ann|2024-01-31 08:00:00+00|text|hello|{\"n\": 1, \"value\": \"v\", \"callback_id\": \"c\"}|0\n"
            "ann|2024-01-31 08:00:01.5+00|chat_open|||0\n"
            "bob|2024-01-31 09:00:00+00|text|hi||0");
  EXPECT_EQ(
      query(
          "SELECT value, callback_id, extra, loaded_at IS NOT NULL, deleted_at FROM interactions ORDER BY occurred_at"),
      "v|c||t|\n||{\"mood\": \"good\"}|t|\n|||t|");
  EXPECT_EQ(query("SELECT user_id, first_name, custom, extra, observed_at FROM users ORDER BY 1"),
            "ann|Ann|{\"plan\": \"gold\"}|{\"height\": 1.80}|2024-01-31 08:00:00+00\nbob||||");
  EXPECT_EQ(query("SELECT watermark, coverage, load_number FROM stream_state"),
            "2024-02-01 00:00:00+00|{[\"2024-01-31 00:00:00+00\",\"2024-02-01 00:00:00+00\")}|1");
}

TEST_F(Loading, WritesOneRowOfTheLedgerAWindow) {
  Loaded loaded;
  const Served served(two_people(), kDay);
  WindowReport report;
  report.window = kDay;
  report.reason = Reason::recheck;
  report.bytes = 12;
  report.http = std::chrono::milliseconds(34);
  report.attempts = 5;
  report.started_at = at("2024-02-01T00:00:07Z");
  EXPECT_EQ(warehouse_->load(served.batch(), {}, report), 1);
  EXPECT_EQ(query("SELECT load_number, stream, window_from, window_to, reason, outcome, rows_read, inserted, updated, "
                  "unchanged, deleted, rejected, bytes, http_ms, attempts, error, started_at FROM window_log"),
            "1|interactions|2024-01-31 00:00:00+00|2024-02-01 00:00:00+00|recheck|loaded|3|3|0|0|0|0|12|34|5||"
            "2024-02-01 00:00:07+00");
  EXPECT_EQ(query("SELECT finished_at > now() - interval '1 minute', load_ms >= 0 FROM window_log"), "t|t");
}

TEST_F(Loading, CoversAnEmptyWindow) {
  EXPECT_EQ(load(*warehouse_, kDay, Answer()).report.rows_read, 0U);
  EXPECT_TRUE(warehouse_->read_state().coverage.contains(kDay));
}

TEST_F(Loading, TellsTheNumberOfEveryLoad) {
  EXPECT_EQ(load(*warehouse_, kDay, two_people()).number, 1);
  EXPECT_EQ(load(*warehouse_, kDay, two_people()).number, 2);
  EXPECT_EQ(warehouse_->read_state().load_number, 2);
}

// Guarantee 7.
TEST_F(Loading, WritesNoRowVersionWhenNothingChanged) {
  Answer answer;
  for (int person = 0; person < 50; ++person) {
    answer.user("u" + std::to_string(person), R"({"first_name":"F"})");
    for (int i = 0; i < 100; ++i) {
      answer.says("2024-01-31T08:00:" + std::to_string(10 + i % 50) + "Z", json("text " + std::to_string(i)), "null",
                  i % 10 == 0 ? R"(,"mood":"good")" : "");
    }
  }
  load(*warehouse_, kDay, answer);
  const std::string before = row_versions();
  const std::string position = query("SELECT pg_current_wal_insert_lsn()");
  const Loaded again = load(*warehouse_, kDay, answer);
  EXPECT_LT(std::stoi(query("SELECT pg_current_wal_insert_lsn() - '" + position + "'")), 16'384);
  EXPECT_EQ(row_versions(), before);
  EXPECT_EQ(again.report.unchanged, 5000U);
  EXPECT_EQ(again.report.users_unchanged, 50U);
  EXPECT_EQ(again.report.inserted + again.report.updated + again.report.deleted, 0U);
}

TEST_F(Loading, WritesNoRowVersionWhenPartsOfAWindowAreReadAgain) {
  load(*warehouse_, kDay, two_people());
  const std::string before = row_versions();
  load(*warehouse_, window("2024-01-31T08:00:00Z", "2024-01-31T08:00:01Z"), two_people());
  load(*warehouse_, window("2024-01-31T08:00:01Z", "2024-01-31T10:00:00Z"), two_people());
  EXPECT_EQ(row_versions(), before);
}

// Guarantee 2.
TEST_F(Loading, KeepsIdenticalTwinsApart) {
  Answer answer;
  answer.user("ann");
  for (int i = 0; i < 5; ++i) answer.says("2024-01-31T08:00:00Z", R"("yes")", R"({"a":1})");
  load(*warehouse_, kDay, answer);
  EXPECT_EQ(query("SELECT string_agg(occurrence::text, ',' ORDER BY occurrence), count(DISTINCT interaction_id) FROM "
                  "interactions"),
            "0,1,2,3,4|5");
  EXPECT_EQ(load(*warehouse_, kDay, answer).report.unchanged, 5U);
  EXPECT_EQ(load(*warehouse_, kDay, answer.says("2024-01-31T08:00:00Z", R"("yes")", R"({"a":1})")).report.inserted, 1U);
}

TEST_F(Loading, MayGoThroughWindowsInAnyOrder) {
  std::vector<TimeWindow> hours;
  for (int hour = 0; hour < 24; ++hour) {
    hours.push_back({kDay.from + std::chrono::hours(hour), kDay.from + std::chrono::hours(hour + 1)});
  }
  std::shuffle(hours.begin(), hours.end(), std::mt19937(7));
  for (const TimeWindow& hour : hours) load(*warehouse_, hour, two_people());
  EXPECT_EQ(count("interactions"), "3");
  EXPECT_EQ(warehouse_->read_state().coverage.windows(), std::vector{kDay});
  EXPECT_EQ(warehouse_->read_state().watermark, kDay.to);
}

TEST_F(Loading, TellsTheStateThatItLeaves) {
  warehouse_->set_poll_from(kDay.from);
  warehouse_->set_last_recheck(std::chrono::hours(1), kDay.to);
  load(*warehouse_, window("2023-01-01T00:00:00Z", "2023-01-02T00:00:00Z"), Answer());
  StreamState state;
  load(*warehouse_, kDay, two_people().record(R"({"no":"date"})"), {.state = &state});
  const StreamState read = warehouse_->read_state();
  EXPECT_EQ(state.watermark, kDay.to);
  EXPECT_EQ(state.watermark, read.watermark);
  EXPECT_EQ(state.coverage, read.coverage);
  EXPECT_EQ(state.coverage.windows().size(), 2U);
  EXPECT_EQ(state.poisoned, read.poisoned);
  EXPECT_EQ(state.poll_from, read.poll_from);
  EXPECT_EQ(state.load_number, read.load_number);
  EXPECT_EQ(state.rechecked, read.rechecked);
  EXPECT_EQ(state.rejected, 1);
}

TEST_F(Loading, NeverMovesTheWatermarkBack) {
  load(*warehouse_, kDay, Answer());
  load(*warehouse_, window("2023-01-01T00:00:00Z", "2023-01-02T00:00:00Z"), Answer());
  EXPECT_EQ(warehouse_->read_state().watermark, kDay.to);
  query("UPDATE stream_state SET coverage = '{}'");
  load(*warehouse_, window("2023-01-01T00:00:00Z", "2023-01-02T00:00:00Z"), Answer());
  EXPECT_EQ(warehouse_->read_state().watermark, kDay.to);
}

TEST_F(Loading, MakesThePartitionsOfAWindowThatCrossesMonths) {
  const auto winter = window("2023-12-31T00:00:00Z", "2024-03-01T00:00:00Z");
  Answer answer;
  answer.user("ann").says("2023-12-31T23:59:59.999999Z", R"("a")").says("2024-01-01T00:00:00Z", R"("b")");
  answer.says("2024-02-29T23:59:59Z", R"("c")");
  EXPECT_EQ(load(*warehouse_, winter, answer).report.inserted, 3U);
  EXPECT_EQ(query("SELECT tableoid::regclass, text FROM interactions ORDER BY 2"),
            "interactions_2023_12|a\ninteractions_2024_01|b\ninteractions_2024_02|c");
  EXPECT_EQ(load(*warehouse_, winter, answer).report.unchanged, 3U);
}

TEST_F(Loading, TakesTheFirstAndTheLastMonthOfTime) {
  Answer answer;
  answer.user("ann").says("0001-01-01T00:00:00Z", R"("first")").says("9999-12-31T23:59:58Z", R"("last")");
  const auto all = window("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z");
  EXPECT_EQ(load(*warehouse_, all, answer).report.inserted, 2U);
  EXPECT_EQ(load(*warehouse_, all, answer).report.unchanged, 2U);
  EXPECT_EQ(warehouse_->read_state().coverage.windows(), std::vector{all});
}

TEST_F(Loading, MakesAPartitionThatSomebodyDroppedAnew) {
  load(*warehouse_, kDay, two_people());
  query("DROP TABLE interactions_2024_01");
  const Loaded again = load(*warehouse_, kDay, two_people());
  EXPECT_EQ(again.report.inserted, 3U);
  EXPECT_EQ(again.report.rejected, 0U);
}

TEST_F(Loading, NeverTakesADetachedPartitionForOne) {
  load(*warehouse_, kDay, two_people());
  query("ALTER TABLE interactions DETACH PARTITION interactions_2024_01");
  EXPECT_EQ(error_of([&] { load(*warehouse_, kDay, two_people()); }).failure(), Failure::db_schema);
  EXPECT_EQ(count("rejected_records"), "0");
}

TEST_F(Loading, InsertsWhatIsNewInAReadWindow) {
  load(*warehouse_, kDay, bob_says("one"));
  const Loaded more = load(*warehouse_, kDay, bob_says("one").says("2024-01-31T10:00:00Z", R"("two")"));
  EXPECT_EQ(more.report.inserted, 1U);
  EXPECT_EQ(more.report.unchanged, 1U);
}

TEST_F(Loading, MarksWhatVanishedAndRevivesWhatReturns) {
  load(*warehouse_, kDay, two_people());
  EXPECT_EQ(load(*warehouse_, kDay, bob_says("hi")).report.deleted, 2U);
  EXPECT_EQ(count("current_interactions"), "1");
  EXPECT_EQ(count("interactions WHERE deleted_at IS NOT NULL"), "2");

  const std::string marked = row_versions();
  EXPECT_EQ(load(*warehouse_, kDay, bob_says("hi")).report.deleted, 0U) << "marked only once";
  EXPECT_EQ(row_versions(), marked);

  const Loaded back = load(*warehouse_, kDay, two_people());
  EXPECT_EQ(back.report.updated, 2U);
  EXPECT_EQ(back.report.unchanged, 1U);
  EXPECT_EQ(count("current_interactions"), "3");
}

TEST_F(Loading, KeepsWhatVanishedWhenToldTo) {
  load(*warehouse_, kDay, two_people());
  EXPECT_EQ(load(*open(OnMissing::keep), kDay, Answer()).report.deleted, 0U);
  EXPECT_EQ(count("current_interactions"), "3");
}

TEST_F(Loading, DeletesWhatVanishedWhenToldTo) {
  load(*warehouse_, kDay, two_people());
  EXPECT_EQ(load(*open(OnMissing::remove), kDay, bob_says("hi")).report.deleted, 2U);
  EXPECT_EQ(count("interactions"), "1");
}

TEST_F(Loading, MarksNothingOutsideOfTheWindow) {
  load(*warehouse_, kDay, two_people());
  load(*warehouse_, window("2024-01-31T08:00:01Z", "2024-01-31T09:00:00Z"), Answer());
  EXPECT_EQ(query("SELECT user_id, occurred_at FROM interactions WHERE deleted_at IS NOT NULL"),
            "ann|2024-01-31 08:00:01.5+00");
}

TEST_F(Loading, FollowsAChangedExtraInPlace) {
  const auto mood = [](const std::string& more) {
    return Answer()
        .user("ann")
        .says("2024-01-31T08:00:00Z", R"("a")", "null", more)
        .says("2024-01-31T08:00:01Z", R"("b")");
  };
  load(*warehouse_, kDay, mood(""));
  for (const auto& [more, extra] : std::map<std::string, std::string>{
           {R"(,"mood":"good")", R"({"mood": "good"})"}, {R"(,"mood":"bad")", R"({"mood": "bad"})"}, {"", ""}}) {
    SCOPED_TRACE(more);
    load(*warehouse_, kDay, mood(R"(,"mood":"other")"));
    const Loaded changed = load(*warehouse_, kDay, mood(more));
    EXPECT_EQ(changed.report.updated, 1U);
    EXPECT_EQ(changed.report.unchanged, 1U);
    EXPECT_EQ(query("SELECT extra FROM interactions WHERE text = 'a'"), extra);
    EXPECT_EQ(count("interactions"), "2");
  }
}

TEST_F(Loading, CountsARowOnceThatReturnsWithAnotherExtra) {
  load(*warehouse_, kDay, bob_says("a").says("2024-01-31T09:00:01Z", R"("b")", "null", R"(,"mood":1)"));
  load(*warehouse_, kDay, bob_says("a"));
  const Loaded back =
      load(*warehouse_, kDay, bob_says("a").says("2024-01-31T09:00:01Z", R"("b")", "null", R"(,"mood":2)"));
  EXPECT_EQ(back.report.updated, 1U);
  EXPECT_EQ(back.report.unchanged, 1U);
  EXPECT_EQ(query("SELECT extra FROM current_interactions WHERE text = 'b'"), R"({"mood": 2})");
}

TEST_F(Loading, DefersMarksWhenAnOverlappingLoadCameInBetween) {
  load(*warehouse_, kDay, bob_says("a"));
  const std::int64_t seen = warehouse_->read_state().load_number;
  load(*open(), window("2024-01-31T08:00:00Z", "2024-01-31T10:00:00Z"), bob_says("a"));

  const Loaded late = load(*warehouse_, kDay, Answer(), {false, seen});
  EXPECT_TRUE(late.report.marks_deferred);
  EXPECT_EQ(late.report.deleted, 0U);
  EXPECT_EQ(count("current_interactions"), "1");

  const Loaded recheck = load(*warehouse_, kDay, Answer());
  EXPECT_FALSE(recheck.report.marks_deferred);
  EXPECT_EQ(recheck.report.deleted, 1U);
}

TEST_F(Loading, DefersNoMarksForALoadOfAnotherWindow) {
  load(*warehouse_, kDay, bob_says("a"));
  const std::int64_t seen = warehouse_->read_state().load_number;
  load(*open(), window("2024-01-30T00:00:00Z", "2024-01-31T00:00:00Z"), Answer());
  load(*open(), window("2024-02-01T00:00:00Z", "2024-02-02T00:00:00Z"), Answer());
  EXPECT_EQ(load(*warehouse_, kDay, Answer(), {false, seen}).report.deleted, 1U);
}

}  // namespace
}  // namespace odetl::test
