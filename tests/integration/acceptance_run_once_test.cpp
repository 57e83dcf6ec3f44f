#include "tests/integration/acceptance_fixture.hpp"

// What `run --once` does.
namespace odetl::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

Second watermark(const Installation& odetl) {
  return second(odetl.sql("SELECT to_char(watermark, 'YYYY-MM-DD HH24:MI:SS') FROM opendialog.stream_state"));
}

TEST(RunOnce, LoadsFromTheConfiguredStartToTheSettledPresent) {
  Installation odetl;
  const Second start = ago(2h);
  odetl.configure("windows.start", iso(start));
  odetl.tenant.generate({.seed = 3, .from = start - 1h, .to = ago(0s) + 1h, .rows = 2'000});
  const Second before = ago(0s);
  const RunResult result = odetl.etl({"run", "--once"});
  ASSERT_TRUE(ended(result, 0));
  const Second reached = watermark(odetl);
  EXPECT_THAT(result.out, HasSubstr("watermark " + iso(reached)));
  EXPECT_GE(reached, before - 12s);
  EXPECT_LE(reached, ago(0s) - 10s);
  EXPECT_THAT(odetl.differences_in(iso(start), iso(reached)), IsEmpty());
  EXPECT_EQ(odetl.sql("SELECT lower(coverage) = '" + iso(start) + "' FROM opendialog.stream_state"), "t");
}

TEST(RunOnce, WithoutAStartBeginsADayAgoAndKeepsToIt) {
  Installation odetl;
  odetl.tenant.add(said(ago(25h), "too-old"));
  odetl.tenant.add(said(ago(23h), "old"));
  odetl.tenant.add(said(ago(1min), "new"));
  ASSERT_TRUE(ended(odetl.etl({"run", "--once"}), 0));
  EXPECT_EQ(odetl.texts(), "old new");
  const std::string began = odetl.sql("SELECT lower(coverage) FROM opendialog.stream_state");
  ASSERT_TRUE(ended(odetl.etl({"run", "--once"}), 0));
  EXPECT_EQ(odetl.sql("SELECT lower(coverage) FROM opendialog.stream_state"), began);
}

TEST(RunOnce, Guarantee3TheWatermarkNeverPassesTheServersClock) {
  Installation odetl;
  odetl.configure("windows.start", iso(ago(3h)));
  odetl.tenant.clock().move_by(-1h);
  odetl.tenant.add({said(ago(61min), "settled"), said(ago(59min), "of-the-servers-future")});
  ASSERT_TRUE(ended(odetl.etl({"run", "--once"}), 0));
  EXPECT_LE(watermark(odetl), ago(1h + 10s));
  EXPECT_GE(watermark(odetl), ago(1h + 20s));
  EXPECT_EQ(odetl.texts(), "settled");
}

TEST(RunOnce, Guarantee3NorTheLocalClock) {
  Installation odetl;
  odetl.configure("windows.start", iso(ago(1h)));
  odetl.tenant.clock().move_by(1h);
  ASSERT_TRUE(ended(odetl.etl({"run", "--once"}), 0));
  EXPECT_LE(watermark(odetl), ago(10s));
}

TEST(RunOnce, PicksUpRowsThatAppearLateWithinLookback) {
  Installation odetl;
  odetl.configure("windows.start", iso(ago(2h)));
  odetl.tenant.add(said(ago(1h), "first"));
  ASSERT_TRUE(ended(odetl.etl({"run", "--once"}), 0));
  odetl.tenant.add({said(ago(14min), "late"), said(ago(30min), "later-than-lookback")});
  ASSERT_TRUE(ended(odetl.etl({"run", "--once"}), 0));
  EXPECT_EQ(odetl.texts(), "first late");
}

struct Missing {
  const char* setting;
  const char* kept;    // all rows after the row has vanished
  const char* marked;  // those with deleted_at
};

class OnMissing : public testing::TestWithParam<Missing> {};

TEST_P(OnMissing, DecidesAboutVanishedRows) {
  Installation odetl;
  odetl.configure("windows.on_missing", GetParam().setting);
  odetl.configure("windows.start", iso(ago(2h)));
  const Second when = ago(5min);
  const auto gone = odetl.tenant.add(said(when, "gone"));
  odetl.tenant.add(said(when, "stays"));
  ASSERT_TRUE(ended(odetl.etl({"run", "--once"}), 0));
  odetl.tenant.remove(gone);
  ASSERT_TRUE(ended(odetl.etl({"run", "--once"}), 0));
  EXPECT_EQ(odetl.sql("SELECT string_agg(text, ' ' ORDER BY text) FROM opendialog.interactions"), GetParam().kept);
  EXPECT_EQ(odetl.sql("SELECT text FROM opendialog.interactions WHERE deleted_at IS NOT NULL"), GetParam().marked);

  odetl.tenant.add(said(when, "gone"));
  ASSERT_TRUE(ended(odetl.etl({"run", "--once"}), 0));
  EXPECT_EQ(odetl.texts(), "gone stays");
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.interactions"), "2");
}

INSTANTIATE_TEST_SUITE_P(Acceptance, OnMissing,
                         testing::Values(Missing{"mark", "gone stays", "gone"}, Missing{"keep", "gone stays", ""},
                                         Missing{"delete", "stays", ""}),
                         [](const auto& missing) { return missing.param.setting; });

TEST(RunOnce, Guarantee11PoisonIsPassedOrHeldAsConfigured) {
  const Second bad = ago(10min);
  for (const bool hold : {false, true}) {
    Installation odetl;
    odetl.configure("windows.start", iso(ago(11min)));
    odetl.configure("windows.on_poison", hold ? "hold" : "pass");
    odetl.tenant.add({said(bad - 1s, "before"), said(bad, "poison"), said(bad + 1s, "after")});
    odetl.tenant.poison(bad);
    const RunResult result = odetl.etl({"run", "--once"});
    EXPECT_TRUE(ended(result, hold ? 75 : 0));
    EXPECT_EQ(odetl.texts(), hold ? "before" : "before after");
    if (hold) {
      EXPECT_LE(watermark(odetl), bad);
    } else {
      EXPECT_GT(watermark(odetl), ago(1min));
    }
  }
}

TEST(RunOnce, RefusesBesideAProcessThatPolls) {
  Installation odetl;
  odetl.configure("windows.start", iso(ago(1h)));
  const auto daemon = odetl.start({"run"});
  daemon->read_line("leading", Stream::err);
  const RunResult result = odetl.etl({"run", "--once"});
  EXPECT_TRUE(ended(result, 75));
  EXPECT_THAT(result.err, HasSubstr("another process polls"));
}

// PostgreSQL ends its session a moment later.
TEST(RunOnce, TakesOverFromAProcessThatWasJustKilled) {
  Installation odetl;
  odetl.configure("windows.start", iso(ago(1h)));
  const auto daemon = odetl.start({"run"});
  daemon->read_line("leading", Stream::err);
  const auto once = odetl.start({"--log-level", "debug", "run", "--once"});
  once->read_line("standing_by", Stream::err);
  daemon->kill(SIGKILL);
  EXPECT_EQ(once->wait(), ExitStatus{}) << once->err();
}

}  // namespace
}  // namespace odetl::test
