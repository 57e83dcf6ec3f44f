#include "tests/integration/warehouse_fixture.hpp"

// What windows looked like on the wire, and when that is no longer true.
namespace odetl::test {
namespace {

constexpr AnswerHash kHash{1, 2, 255};
constexpr AnswerHash kOther{3};

class KnownAnswers : public Loading {
 protected:
  Loaded load_known(const TimeWindow& window, const Answer& answer, const AnswerHash& hash = kHash) {
    return load(*warehouse_, window, answer, {.seen_load = seen(), .answer = hash});
  }
  std::int64_t seen() { return warehouse_->read_state().load_number; }
  std::optional<std::int64_t> confirm(const TimeWindow& window = kDay, const AnswerHash& hash = kHash) {
    report_ = {};
    report_.window = window;
    return warehouse_->confirm(window, hash, report_);
  }
  std::vector<TimeWindow> windows(const TimeWindow& range) {
    std::vector<TimeWindow> all;
    for (const KnownAnswer& known : warehouse_->known_answers(range)) all.push_back(known.window);
    return all;
  }

  WindowReport report_;
};

TEST_F(KnownAnswers, AreConfirmedWithoutWritingARow) {
  load_known(kDay, two_people());
  const std::string before = row_versions();
  EXPECT_EQ(confirm(), 2);
  EXPECT_EQ(row_versions(), before);
  EXPECT_EQ(report_.rows_read, 3U);
  EXPECT_EQ(report_.unchanged, 3U);
  EXPECT_EQ(report_.users_unchanged, 2U);
  EXPECT_EQ(report_.outcome, Outcome::loaded);
  EXPECT_EQ(query("SELECT rows_read, unchanged, inserted FROM window_log WHERE load_number = 2"), "3|3|0");
  EXPECT_EQ(confirm(), 3);
}

TEST_F(KnownAnswers, ComeBackAsTheyWereStored) {
  load_known(kDay, two_people());
  const auto all = warehouse_->known_answers(kDay);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].window, kDay);
  EXPECT_EQ(all[0].hash, kHash);
  EXPECT_EQ(all[0].rows, 3U);
}

TEST_F(KnownAnswers, AreNotConfirmedWithAnotherHashOrForAnotherWindow) {
  load_known(kDay, two_people());
  EXPECT_EQ(confirm(kDay, kOther), std::nullopt);
  EXPECT_EQ(confirm({kDay.from, kDay.to - std::chrono::seconds(1)}), std::nullopt);
  EXPECT_EQ(seen(), 1);
}

TEST_F(KnownAnswers, AreOfDisjointWindows) {
  const TimeWindow morning = window("2024-01-31T00:00:00Z", "2024-01-31T08:30:00Z");
  const TimeWindow noon = window("2024-01-31T08:30:00Z", "2024-01-31T12:00:00Z");
  const TimeWindow across = window("2024-01-31T08:00:01Z", "2024-01-31T10:00:00Z");
  const TimeWindow next = window("2024-02-01T00:00:00Z", "2024-02-02T00:00:00Z");
  load_known(next, Answer());
  load_known(morning, two_people());
  load_known(noon, two_people());
  EXPECT_EQ(windows({morning.from, next.to}), (std::vector{morning, noon, next}));
  EXPECT_EQ(windows({morning.from + std::chrono::seconds(1), next.from}), std::vector{noon});
  load_known(across, two_people());
  EXPECT_EQ(windows({morning.from, next.to}), (std::vector{across, next}));
  load_known(kDay, two_people());
  EXPECT_EQ(windows({morning.from, next.to}), (std::vector{kDay, next}));
}

TEST_F(KnownAnswers, AreForgottenWhenALoadChangesARow) {
  load_known(kDay, two_people());
  const TimeWindow hour = window("2024-01-31T09:00:00Z", "2024-01-31T10:00:00Z");
  load(*warehouse_, hour, two_people(), {.seen_load = seen()});
  EXPECT_EQ(windows(kDay), std::vector{kDay}) << "nothing was changed";
  load(*warehouse_, hour, bob_says("something else"), {.seen_load = seen()});
  EXPECT_EQ(windows(kDay), std::vector<TimeWindow>());
  EXPECT_EQ(confirm(), std::nullopt);
}

TEST_F(KnownAnswers, AreNotKeptWhereARecordWasRejected) {
  load_known(kDay, two_people());
  load_known(kDay, two_people().user("eve").record(R"({"type":1,"date":"2024-01-31T08:00:00Z"})"), kOther);
  EXPECT_EQ(windows(kDay), std::vector<TimeWindow>());
}

TEST_F(KnownAnswers, AreNotConfirmedWhileARecordOfTheWindowIsInQuarantine) {
  load_known(kDay, two_people());
  query("INSERT INTO rejected_records VALUES (gen_random_uuid(), 'interactions', '2024-01-31', '2024-02-01', 'eve', 'why', "
        "'{}', now(), now())");
  EXPECT_EQ(confirm(), std::nullopt);
}

TEST_F(KnownAnswers, AreNotConfirmedWhereRowsWereTakenAwayOrMarkedByHand) {
  load_known(kDay, two_people());
  query("UPDATE interactions SET deleted_at = now() WHERE user_id = 'bob'");
  EXPECT_EQ(confirm(), std::nullopt);
  query("UPDATE interactions SET deleted_at = NULL");
  EXPECT_TRUE(confirm());
  query("DELETE FROM interactions WHERE user_id = 'bob'");
  EXPECT_EQ(confirm(), std::nullopt);
}

TEST_F(KnownAnswers, EndWhereUsersWereTakenAwayByHand) {
  load_known(kDay, two_people());
  query("DELETE FROM users WHERE user_id = 'bob'");
  EXPECT_EQ(windows(kDay), std::vector<TimeWindow>());
  EXPECT_EQ(load_known(kDay, two_people()).report.users_inserted, 1U);
  EXPECT_EQ(windows(kDay), std::vector{kDay}) << "and are known again once those are back";
}

TEST_F(KnownAnswers, AreAConflictWhenAnotherLoadCameBetweenLookingAndLocking) {
  load_known(kDay, two_people());
  OtherSession other(dsn_,
                     "SET search_path = opendialog;"
                     "SELECT * FROM stream_state FOR UPDATE;"
                     "INSERT INTO window_log (load_number, stream, window_from, window_to, reason, outcome, started_at, "
                     "finished_at) VALUES (2, 'interactions', '2024-01-31', '2024-02-01', 'poll', 'loaded', now(), now());"
                     "UPDATE stream_state SET load_number = 2",
                     "COMMIT");
  EXPECT_EQ(error_of([&] { confirm(); }).failure(), Failure::db_conflict);
}

}  // namespace
}  // namespace odetl::test
