#include "tests/integration/acceptance_fixture.hpp"

// What `verify` finds, and what `verify --repair` mends.
namespace odetl::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kFrom = "2024-03-01";
const std::string kTo = "2024-03-03";

class Verify : public testing::Test {
 protected:
  void load() {
    converse(odetl.tenant, "2024-02-28", "2024-03-05", 600);
    say_at_the_seams(odetl.tenant, "2024-03-01 00:00:00", "2024-03-03 00:00:00");
    odetl.tenant.add({.user_id = "ann",
                      .at = at("2024-03-02 10:00:00"),
                      .text = "hello",
                      .data = R"({"value":"v","callback_id":"c","n":[1.50,9007199254740993]})",
                      .profile = R"({"first_name":"Ann","custom":{"plan":"gold"}})"});
    odetl.tenant.add({.user_id = "ann", .at = at("2024-03-02 10:00:01"), .text = std::string("nul \0 and more", 14), .profile = R"({"first_name":"Ann","custom":{"plan":"gold"}})"});
    ASSERT_TRUE(ended(odetl.backfill(kFrom, kTo), 0));
  }
  RunResult verify(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"verify", "--from", kFrom, "--to", kTo});
    return odetl.etl(more);
  }
  std::string contents() const {
    return odetl.sql(
        "SELECT md5(string_agg(i::text, ' ' ORDER BY interaction_id)) FROM opendialog.interactions AS i;"
        "SELECT md5(string_agg(u::text, ' ' ORDER BY user_id)) FROM opendialog.users AS u;"
        "SELECT coverage, watermark, poisoned, load_number FROM opendialog.stream_state;"
        "SELECT count(*) FROM opendialog.rejected_records");
  }
  void tamper(const std::string& with) const {
    odetl.sql("SET search_path = opendialog; " + with);
  }

  Installation odetl;
};

TEST_F(Verify, FindsNothingAfterABackfillAndWritesNothingButTheLedger) {
  load();
  const std::string before = contents();
  const RunResult result = verify();
  EXPECT_TRUE(ended(result, 0));
  EXPECT_THAT(result.out, AllOf(HasSubstr("0 missing, 0 surplus, 0 marked, 0 differing; 0 profiles"), HasSubstr("equal")));
  EXPECT_EQ(contents(), before);
  EXPECT_EQ(odetl.sql("SELECT bool_and(outcome = 'loaded' AND load_number IS NULL), max(window_to) - min(window_from), "
                      "sum(rows_read) = sum(unchanged) AND sum(unchanged) > 100 "
                      "FROM opendialog.window_log WHERE reason = 'verify'"),
            "t|2 days|t");
}

struct Tampering {
  const char* name;
  const char* statements;
  const char* told;
};

class Tampered : public Verify, public testing::WithParamInterface<Tampering> {};

// Guarantee 2.
TEST_P(Tampered, IsFoundAndRepaired) {
  load();
  tamper(GetParam().statements);
  const std::string before = contents();
  const RunResult found = verify();
  EXPECT_TRUE(ended(found, 1));
  EXPECT_THAT(found.out, AllOf(HasSubstr(GetParam().told), HasSubstr("--repair")));
  EXPECT_EQ(contents(), before);

  const RunResult repaired = verify({"--repair"});
  EXPECT_TRUE(ended(repaired, 0));
  EXPECT_THAT(repaired.out, AllOf(HasSubstr(GetParam().told), HasSubstr("equal")));
  EXPECT_TRUE(ended(verify(), 0));
  EXPECT_THAT(odetl.differences_in(kFrom, kTo), IsEmpty());
  EXPECT_EQ(odetl.sql("SELECT first_name, custom FROM opendialog.users WHERE user_id = 'ann'"), R"(Ann|{"plan": "gold"})");
}

// What ann said.
#define ANN " WHERE user_id = 'ann' AND text = 'hello'"
INSTANTIATE_TEST_SUITE_P(
    Acceptance, Tampered,
    testing::Values(
        Tampering{"DeletedRow", "DELETE FROM interactions" ANN, "1 missing"},
        Tampering{"AllRowsDeleted", "DELETE FROM interactions; DELETE FROM users", "missing  "},
        Tampering{"AddedRow",
                  "INSERT INTO interactions SELECT gen_random_uuid(), user_id, occurred_at, type, 'x', NULL, NULL, NULL, "
                  "NULL, 0 FROM interactions" ANN,
                  "1 surplus"},
        Tampering{"RowUnderTwoUsers",
                  "INSERT INTO interactions SELECT interaction_id, 'bob', occurred_at, type, text, value, callback_id, "
                  "data, extra, occurrence FROM interactions" ANN,
                  "it is there more than once"},
        Tampering{"Marked", "UPDATE interactions SET deleted_at = now()" ANN, "1 marked"},
        Tampering{"Text", "UPDATE interactions SET text = 'goodbye'" ANN, "user \"ann\": text"},
        Tampering{"Data", "UPDATE interactions SET data = jsonb_set(data, '{n,1}', '9007199254740992')" ANN, ": data"},
        Tampering{"DataToJsonNull", "UPDATE interactions SET data = 'null'" ANN, ": data"},
        Tampering{"Lifted", "UPDATE interactions SET value = NULL, callback_id = 'd'" ANN, ": value, callback_id"},
        Tampering{"Extra", "UPDATE interactions SET extra = '{\"x\": 1}'" ANN, ": extra"},
        Tampering{"Occurrence", "UPDATE interactions SET occurrence = 7" ANN, ": occurrence"},
        Tampering{"Instant", "UPDATE interactions SET occurred_at = occurred_at + interval '1 s'" ANN, ": occurred_at"},
        Tampering{"User", "UPDATE interactions SET user_id = 'bob'" ANN, ": user_id"},
        Tampering{"Id", "UPDATE interactions SET interaction_id = gen_random_uuid()" ANN, "1 missing, 1 surplus"},
        Tampering{"UserMissing", "DELETE FROM users WHERE user_id = 'ann'", "its user is missing"},
        Tampering{"LostUserMissing", "DELETE FROM users WHERE user_id LIKE 'unknown:%'", "its user is missing"},
        Tampering{"Profile", "UPDATE users SET first_name = 'Anna' WHERE user_id = 'ann'", "user \"ann\": first_name"}),
    [](const auto& tampering) { return tampering.param.name; });

TEST_F(Verify, TellsWhatWasNeverLoadedAndRepairLoadsIt) {
  converse(odetl.tenant, "2024-03-01", "2024-03-03", 600);
  ASSERT_TRUE(ended(odetl.backfill(kFrom, "2024-03-02"), 0));
  const RunResult found = verify();
  EXPECT_TRUE(ended(found, 1));
  EXPECT_THAT(found.out, AllOf(HasSubstr("not covered [2024-03-02T00:00:00Z, 2024-03-03T00:00:00Z)"),
                               HasSubstr("262 missing")));
  EXPECT_TRUE(ended(verify({"--repair"}), 0));
  EXPECT_THAT(odetl.differences_in(kFrom, kTo), IsEmpty());
  EXPECT_EQ(odetl.sql("SELECT coverage FROM opendialog.stream_state"),
            R"({["2024-03-01 00:00:00+00","2024-03-03 00:00:00+00")})");
}

TEST_F(Verify, ShowsAHundredFindingsAndCountsAll) {
  converse(odetl.tenant, "2024-03-01", "2024-03-03", 1'100);
  ASSERT_TRUE(ended(odetl.etl({"migrate"}), 0));
  const RunResult found = verify();
  EXPECT_TRUE(ended(found, 1));
  EXPECT_THAT(found.out, AllOf(HasSubstr("and 1,000 more: 100 are shown"), HasSubstr("1,100 missing")));
}

TEST_F(Verify, FindsCoverageThatTheLedgerContradicts) {
  load();
  tamper("UPDATE stream_state SET coverage = '{[2024-02-29,2024-03-01 12:00),[2024-03-01 18:00,2024-03-03)}'");
  const RunResult found = odetl.etl({"verify", "--from", "2024-02-29", "--to", kTo});
  EXPECT_TRUE(ended(found, 1));
  EXPECT_THAT(found.out, AllOf(HasSubstr("unexplained [2024-02-29T00:00:00Z, 2024-03-01T00:00:00Z)"),
                               HasSubstr("forgotten [2024-03-01T12:00:00Z, 2024-03-01T18:00:00Z)")));
  const RunResult repaired = odetl.etl({"verify", "--from", "2024-02-29", "--to", kTo, "--repair"});
  EXPECT_TRUE(ended(repaired, 0));
  EXPECT_EQ(odetl.sql("SELECT coverage FROM opendialog.stream_state"),
            R"({["2024-02-29 00:00:00+00","2024-03-03 00:00:00+00")})");
}

TEST_F(Verify, SaysWhenALedgerThatWasPurgedProvesNothing) {
  load();
  tamper("DELETE FROM window_log");
  const RunResult found = verify();
  EXPECT_TRUE(ended(found, 0));
  EXPECT_THAT(found.out, HasSubstr("window_log was purged"));
}

TEST_F(Verify, CountsQuarantinedRecordsApart) {
  load();
  odetl.tenant.add({.user_id = "ann", .at = at("2024-03-02 11:00:00"), .verbatim = R"({"type":"text","date":"never"})"});
  odetl.tenant.add(message("ann", "2024-03-02 12:00:00", "bad words"));
  tamper("ALTER TABLE interactions ADD CONSTRAINT decent CHECK (text NOT LIKE 'bad%') NOT VALID");
  ASSERT_TRUE(ended(odetl.backfill(kFrom, kTo, {"--reload"}), 0));
  const RunResult result = verify();
  EXPECT_TRUE(ended(result, 0));
  EXPECT_THAT(result.out, HasSubstr("2 in quarantine"));
}

TEST_F(Verify, SaysWhatTheServerCannotServeAndWhatIsNotSettled) {
  load();
  odetl.tenant.poison(second("2024-03-02 11:00:00"));
  const RunResult found = verify();
  EXPECT_TRUE(ended(found, 1));
  EXPECT_THAT(found.out, HasSubstr("poisoned [2024-03-02T11:00:00Z, 2024-03-02T11:00:01Z)"));
  EXPECT_EQ(odetl.sql("SELECT poisoned FROM opendialog.stream_state"), "{}");

  odetl.tenant.clock().move_by(-1h);
  const RunResult early = odetl.etl({"verify", "--from", iso(ago(2h)), "--to", iso(ago(10min))});
  EXPECT_TRUE(ended(early, 75));
  EXPECT_THAT(early.out, HasSubstr("not settled ["));
}

TEST_F(Verify, LeavesWhatIsKeptOnPurpose) {
  odetl.configure("windows.on_missing", "keep");
  const auto gone = odetl.tenant.add(message("a", "2024-03-01 10:00:00", "gone"));
  ASSERT_TRUE(ended(odetl.backfill(kFrom, kTo), 0));
  odetl.tenant.remove(gone);
  const RunResult result = verify({"--repair"});
  EXPECT_TRUE(ended(result, 1));
  EXPECT_THAT(result.out, HasSubstr("windows.on_missing is keep"));
}

TEST_F(Verify, EndsWithTheCodeOfWhatStopsIt) {
  EXPECT_TRUE(ended(verify(), 78)) << "no schema";
  ASSERT_TRUE(ended(odetl.etl({"migrate"}), 0));
  odetl.write_token("no-longer-valid");
  EXPECT_TRUE(ended(verify(), 77));
}

}  // namespace
}  // namespace odetl::test
