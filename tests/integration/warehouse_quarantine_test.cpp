#include <random>

#include "tests/integration/warehouse_fixture.hpp"

namespace odetl::test {
namespace {

// Guarantee 6.
TEST_F(Loading, KeepsRejectsOnceAndCountsHowOftenTheyCame) {
  const auto answer = [] {
    return bob_says("fine").record(R"({"type":"text","date":"never","text":"x","data":null})");
  };
  EXPECT_EQ(load(*warehouse_, kDay, answer()).report.rejected, 1U);
  EXPECT_EQ(load(*warehouse_, kDay, answer()).report.rejected, 1U);
  EXPECT_EQ(
      query("SELECT stream, user_id, record, attempts, last_seen_at > first_seen_at, window_to FROM rejected_records"),
      R"(interactions|bob|{"type":"text","date":"never","text":"x","data":null}|2|t|2024-02-01 00:00:00+00)");
  EXPECT_EQ(count("interactions"), "1");
}

TEST_F(Loading, KeepsIdenticalRejectsApart) {
  Answer answer;
  answer.user("bob");
  for (int i = 0; i < 3; ++i) answer.record(R"({"type":"text","date":"never"})");
  load(*warehouse_, kDay, answer);
  load(*warehouse_, kDay, answer);
  EXPECT_EQ(query("SELECT count(*), min(attempts), max(attempts) FROM rejected_records"), "3|2|2");
}

TEST_F(Loading, KeepsRejectsThatHoldAnyBytes) {
  Answer answer;
  answer.user("bob").record("{\"type\":\"a\\u0000\xFF\xC3\",\"date\":\"2024-01-31T09:00:00Z\",\"text\":\"\\ud800\"}");
  answer.record("{\"type\":\"b\\u0000\",\"date\":\"never\"}");
  EXPECT_EQ(load(*warehouse_, kDay, answer).report.rejected, 2U);
  EXPECT_EQ(count("rejected_records WHERE record LIKE '%\\\\u0000%'"), "2");
}

class ClearedRejects : public Loading {
 protected:
  static Answer bad() { return bob_says("fine").record(R"({"type":"text","date":"never"})"); }
  static TimeWindow part(const std::string& from, const std::string& to) {
    return window("2024-01-31T" + from + ":00Z", to == "24:00" ? "2024-02-01T00:00:00Z" : "2024-01-31T" + to + ":00Z");
  }
  std::string windows() const {
    return query("SELECT string_agg(to_char(window_from, 'DD HH24:MI') || '-' || to_char(window_to, 'DD HH24:MI'), ' ') "
                 "FROM rejected_records");
  }
  void SetUp() override {
    Loading::SetUp();
    load(*warehouse_, kDay, bad());
  }
};

TEST_F(ClearedRejects, GoWithTheFirstReadingThatHasThemNoMore) {
  EXPECT_EQ(load(*warehouse_, kDay, bob_says("fine")).report.rejects_cleared, 1U);
  EXPECT_EQ(count("rejected_records"), "0");
}

TEST_F(ClearedRejects, StayWithTheRestOfTheirWindow) {
  EXPECT_EQ(load(*warehouse_, part("00:00", "08:00"), Answer()).report.rejects_cleared, 0U);
  EXPECT_EQ(windows(), "31 08:00-01 00:00");
  load(*warehouse_, part("12:00", "24:00"), Answer());
  EXPECT_EQ(windows(), "31 08:00-31 12:00");
  load(*warehouse_, part("09:00", "10:00"), bob_says("fine"));
  EXPECT_EQ(windows(), "31 08:00-31 12:00") << "which of the two parts is not known";
  EXPECT_EQ(load(*warehouse_, part("08:00", "12:00"), bob_says("fine")).report.rejects_cleared, 1U);
  EXPECT_EQ(count("rejected_records"), "0");
}

TEST_F(ClearedRejects, AreFoundAgainInTheWindowThatStillHasThem) {
  load(*warehouse_, part("00:00", "12:00"), bad());
  EXPECT_EQ(windows(), "31 00:00-31 12:00");
  EXPECT_EQ(load(*warehouse_, part("12:00", "24:00"), Answer()).report.rejects_cleared, 0U);
  EXPECT_EQ(query("SELECT attempts FROM rejected_records"), "2");
}

TEST_F(ClearedRejects, AreNotTakenAwayByAnOlderAnswer) {
  EXPECT_EQ(load(*warehouse_, kDay, bob_says("fine"), {false, 0}).report.rejects_cleared, 0U);
  EXPECT_EQ(count("rejected_records"), "1");
}

class RefusedRows : public Loading {
 protected:
  static constexpr int kRows = 5000;
  static Answer answer() {
    Answer answer;
    for (int i = 0; i < kRows; ++i) {
      if (i % 100 == 0) answer.user("u" + std::to_string(i / 100));
      const auto date = kDay.from + std::chrono::seconds(i);
      answer.says(to_rfc3339(date), i == 3456 ? R"("bad\twords")" : json("row " + std::to_string(i)), R"({"a":[1]})");
    }
    return answer;
  }
  void refuse() const {
    query("ALTER TABLE interactions ADD CONSTRAINT decent CHECK (text NOT LIKE 'bad%') NOT VALID");
  }
};

TEST_F(RefusedRows, AreQuarantinedAloneOfFiveThousand) {
  refuse();
  const Loaded loaded = load(*warehouse_, kDay, answer());
  EXPECT_EQ(loaded.report.rejected, 1U);
  EXPECT_EQ(loaded.report.inserted, kRows - 1U);
  EXPECT_EQ(loaded.report.rows_read, kRows - 1U);
  EXPECT_EQ(count("interactions"), std::to_string(kRows - 1));
  EXPECT_EQ(query("SELECT reason FROM rejected_records"),
            "the database refuses it: constraint 'decent' (SQLSTATE 23514)");
  EXPECT_EQ(query("SELECT user_id, record FROM rejected_records"),
            R"(u34|{"date":"2024-01-31T00:57:36Z","type":"text","text":"bad\twords","data":{"a":[1]}})");
}

TEST_F(RefusedRows, AreFoundAgainAmongRowsThatAreHeld) {
  refuse();
  load(*warehouse_, kDay, answer());
  const std::string before = row_versions();
  const Loaded again = load(*warehouse_, kDay, answer());
  EXPECT_EQ(again.report.rejected, 1U);
  EXPECT_EQ(again.report.unchanged, kRows - 1U);
  EXPECT_EQ(row_versions(), before);
  EXPECT_EQ(query("SELECT attempts FROM rejected_records"), "2");
}

TEST_F(RefusedRows, ThatAreHeldAlreadyAreLeftAlone) {
  load(*warehouse_, kDay, answer());
  refuse();
  const Loaded again = load(*warehouse_, kDay, answer());
  EXPECT_EQ(again.report.rejected, 0U);
  EXPECT_EQ(again.report.unchanged, 0U + kRows);
}

TEST_F(RefusedRows, ComeInOnceTheyAreWelcome) {
  refuse();
  load(*warehouse_, kDay, answer());
  query("ALTER TABLE interactions DROP CONSTRAINT decent");
  EXPECT_EQ(load(*warehouse_, kDay, answer()).report.inserted, 1U);
  EXPECT_EQ(count("rejected_records"), "0");
}

TEST_F(RefusedRows, TellTheirColumnAndNeverAValue) {
  const auto reason = [this](const Answer& answer) {
    load(*warehouse_, kDay, answer);
    return query("SELECT reason FROM rejected_records");
  };
  query("DROP VIEW current_interactions; ALTER TABLE interactions ALTER COLUMN text TYPE varchar(20)");
  EXPECT_EQ(reason(bob_says(std::string(30, 'x'))), "the database refuses it: column 'text' (SQLSTATE 22001)");
  EXPECT_EQ(reason(bob_says("a\n\nCONTEXT:  COPY x, line 1, column secret: y")),
            "the database refuses it: column 'text' (SQLSTATE 22001)");
  query("ALTER TABLE interactions ALTER COLUMN value SET NOT NULL");
  EXPECT_EQ(reason(bob_says("no value")), "the database refuses it: column 'value' (SQLSTATE 23502)");
}

TEST_F(RefusedRows, AreKeptUpToAMebibyte) {
  refuse();
  load(*warehouse_, kDay, bob_says("bad" + std::string(2'000'000, 'x')));
  EXPECT_EQ(query("SELECT octet_length(record) = 1048576, reason LIKE '%(the first 1048576 of 20000%' FROM "
                  "rejected_records"),
            "t|t");
}

TEST_F(RefusedRows, BringNoUserOfTheirOwn) {
  std::string id;  // a key that does not fit into an index, and cannot be compressed
  std::mt19937 random(3);
  for (int i = 0; i < 9000; ++i) id += static_cast<char>('a' + random() % 26);
  Answer answer = bob_says("fine");
  answer.user(id, R"({"first_name":"Long"})")
      .says("2024-01-31T09:00:00Z", R"("a")")
      .says("2024-01-31T09:00:01Z", R"("b")");
  EXPECT_EQ(load(*warehouse_, kDay, answer).report.rejected, 2U);
  EXPECT_EQ(query("SELECT user_id FROM users"), "bob");
  EXPECT_EQ(count("interactions"), "1");
}

TEST_F(RefusedRows, OfATriggerAreQuarantinedToo) {
  query(
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      "  IF NEW.text LIKE 'bad%' THEN RAISE 'no %', NEW.text; END IF; RETURN NEW; END $$;"
      "CREATE TRIGGER refuse BEFORE INSERT ON interactions FOR EACH ROW EXECUTE FUNCTION refuse()");
  EXPECT_EQ(load(*warehouse_, kDay, answer()).report.rejected, 1U);
}

TEST_F(RefusedRows, PastTheLimitAreAnErrorAndNothingIsLoaded) {
  query("ALTER TABLE interactions ADD CONSTRAINT never CHECK (false) NOT VALID");
  Answer answer;
  answer.user("bob");
  for (int i = 0; i < 101; ++i) answer.says("2024-01-31T09:00:00Z", json(std::to_string(i)));
  EXPECT_EQ(error_of([&] { load(*warehouse_, kDay, answer); }).failure(), Failure::db_data);
  EXPECT_EQ(count("rejected_records"), "0");
  EXPECT_FALSE(warehouse_->read_state().coverage.overlaps(kDay));
}

TEST_F(RefusedRows, AreNotBlamedForAConstraintOnUsers) {
  query("ALTER TABLE users ADD CONSTRAINT never CHECK (false)");
  EXPECT_EQ(error_of([&] { load(*warehouse_, kDay, bob_says("a")); }).failure(), Failure::db_schema);
  EXPECT_EQ(count("rejected_records"), "0");
}

}  // namespace
}  // namespace odetl::test
