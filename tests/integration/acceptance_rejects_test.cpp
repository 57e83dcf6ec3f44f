#include "tests/integration/acceptance_fixture.hpp"

// The quarantine as its keeper sees it.
namespace odetl::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class Rejects : public testing::Test {
 protected:
  // Two records that no date can be read from, and one that the database refuses.
  Rejects() {
    odetl.tenant.add(message("bob", "2024-03-01 09:00:00", "fine"));
    bad_ = odetl.tenant.add({.user_id = "ann\n\x1b[31m",
                             .at = at("2024-03-01 10:00:00"),
                             .verbatim = R"({"type":"text","date":"never","text":"private"})"});
    odetl.tenant.add({.user_id = "bob",
                      .at = at("2024-03-02 10:00:00"),
                      .verbatim = R"({"type":"text","date":"soon","text":"private"})"});
    odetl.tenant.add(message("bob", "2024-03-02 11:00:00", "bad words"));
    EXPECT_TRUE(ended(odetl.etl({"migrate"}), 0));
    odetl.sql("ALTER TABLE opendialog.interactions ADD CONSTRAINT decent CHECK (text NOT LIKE 'bad%')");
    EXPECT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-03"), 0));
    EXPECT_EQ(held(), "3");
  }
  std::string held() const { return odetl.sql("SELECT count(*) FROM opendialog.rejected_records"); }
  std::string id_of(const std::string& condition) const {
    return odetl.sql("SELECT reject_id FROM opendialog.rejected_records WHERE " + condition);
  }

  Installation odetl;
  simulator::RowId bad_ = 0;
};

TEST_F(Rejects, AreListedWithReasonsAndWithoutWhatTheySay) {
  const RunResult list = odetl.etl({"rejects", "list"});
  ASSERT_TRUE(ended(list, 0));
  EXPECT_THAT(list.out, AllOf(HasSubstr(R"(user "ann\n\u001b[31m")"), HasSubstr("'date' is not a date"),
                              HasSubstr("constraint 'decent'"), HasSubstr("3 records in quarantine\n")));
  EXPECT_EQ(list.out.find("private"), std::string::npos);
  EXPECT_THAT(odetl.etl({"rejects", "list", "--limit", "1"}).out, HasSubstr("the latest 1 are shown, see --limit"));

  const RunResult json = odetl.etl({"rejects", "list", "--json"});
  EXPECT_EQ(json_at(json.out, "{2,user_id}"), "ann\n\x1b[31m");
  EXPECT_EQ(json_at(json.out, "{2,attempts}"), "1");
  EXPECT_EQ(json.out.find("private"), std::string::npos);
}

TEST_F(Rejects, ThatCanBeLoadedNowAreLoadedByARetry) {
  const RunResult vain = odetl.etl({"rejects", "retry"});
  EXPECT_TRUE(ended(vain, 1));
  EXPECT_THAT(vain.out, HasSubstr("3 records retried: 0 left the quarantine, 3 stay in it"));
  EXPECT_EQ(odetl.sql("SELECT min(attempts), bool_and(last_seen_at > first_seen_at) FROM opendialog.rejected_records"),
            "2|t");

  odetl.tenant.change(bad_, message("ann", "2024-03-01 10:00:00", "mended"));
  odetl.sql("ALTER TABLE opendialog.interactions DROP CONSTRAINT decent");
  const std::string loads = odetl.sql("SELECT load_number FROM opendialog.stream_state");
  const RunResult one = odetl.etl({"rejects", "retry", "--id", id_of("user_id LIKE 'ann%'")});
  EXPECT_TRUE(ended(one, 0));
  EXPECT_EQ(odetl.texts(), "fine mended");
  EXPECT_EQ(held(), "2");
  EXPECT_EQ(odetl.sql("SELECT sum(inserted) FROM opendialog.window_log WHERE load_number > " + loads), "1");

  const RunResult rest = odetl.etl({"rejects", "retry"});
  EXPECT_TRUE(ended(rest, 1));
  EXPECT_THAT(rest.out, HasSubstr("2 records retried: 1 left the quarantine, 1 stay in it; 1 interactions inserted"));
  EXPECT_EQ(odetl.texts(), "fine mended bad words");
  EXPECT_TRUE(ended(odetl.etl({"rejects", "retry", "--id", "00000000-0000-8000-8000-000000000000"}), 1));
}

TEST_F(Rejects, AreDeletedOnlyWhenSomebodyIsSure) {
  const RunResult unsure = odetl.etl({"rejects", "purge"});
  EXPECT_TRUE(ended(unsure, 64));
  EXPECT_THAT(unsure.err, AllOf(HasSubstr("--yes"), HasSubstr("3 records")));
  EXPECT_EQ(held(), "3");
  EXPECT_THAT(odetl.etl({"rejects", "purge", "--before", "2024-03-01", "--yes"}).out, HasSubstr("0 records deleted"));
  EXPECT_THAT(odetl.etl({"rejects", "purge", "--id", id_of("user_id LIKE 'ann%'"), "--yes"}).out,
              HasSubstr("1 record deleted"));
  EXPECT_THAT(odetl.etl({"rejects", "purge", "--yes"}).out, HasSubstr("2 records deleted"));
  EXPECT_EQ(odetl.etl({"rejects", "list"}).out, "0 records in quarantine\n");
}

}  // namespace
}  // namespace odetl::test
