#include "tests/integration/warehouse_fixture.hpp"

// Answers from which too much is missing at once.
namespace odetl::test {
namespace {

class VanishedRows : public Loading {
 protected:
  // What Bob said in the seconds [from, to) of the day.
  static Answer bob(int from, int to) {
    Answer answer;
    answer.user("bob");
    for (int i = from; i < to; ++i) answer.says(to_rfc3339(kDay.from + std::chrono::seconds(i)), json(std::to_string(i)));
    return answer;
  }
  void SetUp() override {
    Loading::SetUp();
    load(*warehouse_, kDay, bob(0, 100));
  }
  std::string live() const { return count("current_interactions"); }
  std::string doubted() const { return count("vanished_interactions"); }
};

TEST_F(VanishedRows, AreBelievedAtOnceWhenTheyAreFew) {
  EXPECT_EQ(load(*warehouse_, kDay, bob(20, 100)).report.deleted, 20U);
  EXPECT_EQ(load(*warehouse_, kDay, bob(60, 100)).report.deleted, 40U) << "half of them";
  EXPECT_EQ(doubted(), "0");
}

TEST_F(VanishedRows, AreKeptAndToldWhenTheyAreTooMany) {
  const Loaded loaded = load(*warehouse_, kDay, bob(100, 101));
  EXPECT_EQ(loaded.report.deleted, 0U);
  EXPECT_EQ(loaded.report.inserted, 1U) << "what is new loads all the same";
  EXPECT_EQ(loaded.report.vanished_doubted, 100U);
  EXPECT_EQ(live(), "101");
  EXPECT_EQ(doubted(), "100");
  EXPECT_EQ(query("SELECT outcome, error FROM window_log WHERE error IS NOT NULL"),
            "loaded|100 of 100 interactions vanished at once; they stay until another reading misses them, too");
}

TEST_F(VanishedRows, AreBelievedWhenASecondReadingMissesThemToo) {
  load(*warehouse_, kDay, Answer());
  const Loaded again = load(*warehouse_, kDay, Answer());
  EXPECT_EQ(again.report.deleted, 100U);
  EXPECT_EQ(again.report.error, "");
  EXPECT_EQ(live(), "0");
  EXPECT_EQ(doubted(), "0");
}

TEST_F(VanishedRows, AreForgottenWhenASecondReadingHasThem) {
  load(*warehouse_, kDay, Answer());
  const std::string before = row_versions();
  EXPECT_EQ(load(*warehouse_, kDay, bob(0, 100)).report.unchanged, 100U);
  EXPECT_EQ(doubted(), "0");
  EXPECT_EQ(row_versions(), before);
  load(*warehouse_, kDay, Answer());
  EXPECT_EQ(live(), "100") << "the first reading counts no more";
}

TEST_F(VanishedRows, AreBelievedOneByOne) {
  EXPECT_EQ(load(*warehouse_, kDay, bob(60, 300)).report.vanished_doubted, 60U);
  const Loaded other = load(*warehouse_, kDay, bob(0, 40));
  EXPECT_EQ(other.report.deleted, 20U) << "missed by both";
  EXPECT_EQ(other.report.vanished_doubted, 240U);
  EXPECT_EQ(live(), "280");
  EXPECT_EQ(doubted(), "240");
}

TEST_F(VanishedRows, MayBeMissedByWindowsOfOtherWidths) {
  load(*warehouse_, kDay, Answer());
  const TimeWindow part{kDay.from, kDay.from + std::chrono::seconds(40)};
  EXPECT_EQ(load(*warehouse_, part, Answer()).report.deleted, 40U);
  EXPECT_EQ(doubted(), "60");
  EXPECT_EQ(load(*warehouse_, kDay, Answer()).report.deleted, 60U);
}

TEST_F(VanishedRows, AreDoubtedByNoAnswerThatIsOlderThanAnother) {
  const Loaded late = load(*warehouse_, kDay, Answer(), {false, 0});
  EXPECT_TRUE(late.report.marks_deferred);
  EXPECT_EQ(doubted(), "0");
}

TEST_F(VanishedRows, AreDoubtedBeforeTheyAreDeletedToo) {
  const auto deleting = open(OnMissing::remove);
  load(*deleting, kDay, Answer());
  EXPECT_EQ(count("interactions"), "100");
  load(*deleting, kDay, Answer());
  EXPECT_EQ(count("interactions"), "0");
}

TEST_F(VanishedRows, AreNoMatterWhereAllIsKept) {
  load(*open(OnMissing::keep), kDay, Answer());
  EXPECT_EQ(doubted(), "0");
}

}  // namespace
}  // namespace odetl::test
