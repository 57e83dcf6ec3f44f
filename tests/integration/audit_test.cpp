#include "etl/audit.hpp"

#include "tests/integration/warehouse_fixture.hpp"

namespace odetl::test {
namespace {

class Audits final : public AuditSink {
 public:
  void audited(WindowAudit audit) override { last = std::move(audit); }
  WindowAudit last;
};

class Auditing : public Loading {
 protected:
  void audit(const Answer& answer, bool repair = false) { audit(answer, warehouse_->read_state().load_number, repair); }
  void audit(const Answer& answer, std::int64_t seen_load, bool repair = false) {
    const auto auditing = make_auditing_warehouse([this] { return connect_database(dsn_, schema_); }, open(),
                                                  {repair, Coverage()}, audits_);
    const Served served(answer, kDay);
    report_ = {};
    report_.window = kDay;
    report_.reason = Reason::verify;
    number_ = auditing->load(served.batch(), {false, seen_load}, report_);
  }
  std::uint64_t found(Finding::Kind kind) const { return audits_.last.found[kind]; }

  Audits audits_;
  WindowReport report_;
  std::int64_t number_ = 0;
};

TEST_F(Auditing, ComparesWithoutWritingRowsOrState) {
  load(*warehouse_, kDay, two_people());
  const std::string before = row_versions(), state = query("SELECT * FROM stream_state");
  audit(two_people().user("eve").says("2024-01-31T10:00:00Z", R"("new")"));
  EXPECT_EQ(audits_.last.found.sum(), 1U);
  EXPECT_EQ(found(Finding::Kind::missing), 1U);
  EXPECT_EQ(audits_.last.findings.at(0).user_id, "eve");
  EXPECT_EQ(number_, 1);
  EXPECT_EQ(row_versions(), before);
  EXPECT_EQ(query("SELECT * FROM stream_state"), state);
  EXPECT_EQ(query("SELECT load_number IS NULL, rows_read, unchanged, inserted, error FROM window_log WHERE reason = 'verify'"),
            "t|4|3|0|1 missing");
}

TEST_F(Auditing, TakesWhatWasLoadedMeanwhileForNoDifference) {
  load(*warehouse_, kDay, two_people());
  const std::int64_t seen = warehouse_->read_state().load_number;
  load(*warehouse_, kDay, two_people().user("eve").says("2024-01-31T10:00:00Z", R"("new")"));
  audit(two_people(), seen, true);
  EXPECT_TRUE(audits_.last.again);
  EXPECT_EQ(audits_.last.found.sum(), 0U);
  EXPECT_EQ(count("current_interactions"), "4");
}

TEST_F(Auditing, ARepairWritesNothingTwiceAndCountsIt) {
  load(*warehouse_, kDay, two_people());
  query("UPDATE interactions SET text = 'x' WHERE user_id = 'ann'; DELETE FROM interactions WHERE user_id = 'bob';"
        "INSERT INTO interactions SELECT gen_random_uuid(), 'ann', occurred_at, type, text, NULL, NULL, NULL, NULL, 0 "
        "FROM interactions LIMIT 1");
  audit(two_people(), true);
  EXPECT_EQ(found(Finding::Kind::missing), 1U);
  EXPECT_EQ(found(Finding::Kind::differing), 2U);
  EXPECT_EQ(found(Finding::Kind::surplus), 1U);
  EXPECT_EQ(audits_.last.left.sum(), 0U);
  EXPECT_EQ(report_.inserted, 1U);
  EXPECT_EQ(report_.updated, 2U);
  EXPECT_EQ(report_.deleted, 1U);
  EXPECT_EQ(count("current_interactions"), "3");
  EXPECT_EQ(count("current_interactions WHERE text = 'x'"), "0");
}

TEST_F(Auditing, AComparisonPoisonsNothing) {
  const auto auditing = make_auditing_warehouse([this] { return connect_database(dsn_, schema_); }, open(), {}, audits_);
  WindowReport report;
  report.window = kDay;
  report.reason = Reason::verify;
  report.outcome = Outcome::poisoned;
  auditing->record(report);
  EXPECT_EQ(query("SELECT poisoned FROM stream_state"), "{}");
  EXPECT_EQ(query("SELECT reason, outcome FROM window_log"), "verify|poisoned");
}

}  // namespace
}  // namespace odetl::test
