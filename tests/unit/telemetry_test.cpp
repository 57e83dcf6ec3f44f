#include "daemon/telemetry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace odetl {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Tells to standard error, which is captured; the clock goes when it is told to.
class TelemetryTest : public testing::Test {
 protected:
  TelemetryTest() { capture(); }
  ~TelemetryTest() override { testing::internal::GetCapturedStderr(); }

  // What was told since the last call.
  std::string told() {
    std::string text = testing::internal::GetCapturedStderr();
    capture();
    return text;
  }

  WindowReport report(Outcome outcome = Outcome::loaded) const {
    WindowReport report;
    report.window = {sys_seconds(0s), sys_seconds(3600s)};
    report.outcome = outcome;
    report.rows_read = 5;
    report.inserted = 3;
    report.bytes = 100;
    if (outcome != Outcome::loaded) report.error = "it broke";
    return report;
  }
  void fail(int attempts, Failure failure = Failure::server_error, Action action = Action::again,
            std::chrono::milliseconds wait = 100ms, Task::Kind kind = Task::Kind::window) {
    Task task;
    task.kind = kind;
    task.window = {sys_seconds(0s), sys_seconds(3600s)};
    task.attempts = attempts;
    telemetry.failed(task, {failure, "it broke", std::nullopt}, {action, wait, false});
  }

  std::chrono::steady_clock::time_point clock{1000s};
  Metrics metrics;
  const Surroundings surroundings{[] { return Timestamp{}; }, [this] { return clock; }, [] { return 0.5; }};
  Telemetry telemetry{metrics, surroundings, false};
  Telemetry quiet{metrics, surroundings, true};

 private:
  static void capture() {
    testing::internal::CaptureStderr();
    init_log("info", LogFormat::logfmt);
  }
};

TEST_F(TelemetryTest, TellsAWindowThatChangedSomething) {
  telemetry.window_done(report());
  EXPECT_THAT(told(),
              HasSubstr("level=info event=window_loaded reason=poll window=1970-01-01T00:00:00Z/1970-01-01T01:00:00Z "
                        "rows=5 inserted=3 bytes=100 http=0ms load=0ms"));
}

TEST_F(TelemetryTest, KeepsQuietAboutAWindowThatChangedNothing) {
  WindowReport unchanged = report();
  unchanged.inserted = 0;
  telemetry.window_done(unchanged);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(TelemetryTest, KeepsQuietAboutTheWindowsOfABackfillUnlessRecordsAreRejected) {
  quiet.window_done(report());
  EXPECT_THAT(told(), IsEmpty());
  WindowReport rejecting = report();
  rejecting.rejected = 2;
  quiet.window_done(rejecting);
  EXPECT_THAT(told(), HasSubstr("level=warn event=window_loaded"));
}

TEST_F(TelemetryTest, WarnsOfPoison) {
  quiet.window_done(report(Outcome::poisoned));
  EXPECT_THAT(told(), HasSubstr("level=warn event=window_poisoned"));
}

TEST_F(TelemetryTest, AFirstFailureThatIsTriedAgainIsNoNews) {
  fail(0);
  EXPECT_THAT(told(), IsEmpty());
  fail(1);
  EXPECT_THAT(told(), HasSubstr("level=warn event=request_failed cause=server_error error=\"it broke\""));
}

TEST_F(TelemetryTest, AFirstFailureThatIsWaitedForLongIsNews) {
  fail(0, Failure::throttled, Action::again, 600s);
  EXPECT_THAT(told(), HasSubstr("level=warn event=request_failed cause=throttled"));
}

TEST_F(TelemetryTest, AFailedProbeIsNews) {
  fail(0, Failure::server_error, Action::again, 100ms, Task::Kind::probe);
  EXPECT_THAT(told(), HasSubstr("level=warn event=request_failed cause=server_error"));
}

TEST_F(TelemetryTest, AFailureThatNoRetryCanHelpIsToldAtOnce) {
  fail(0, Failure::unauthorised, Action::stop);
  EXPECT_THAT(told(), HasSubstr("event=request_failed cause=unauthorised"));
}

TEST_F(TelemetryTest, AFailureThatGoesOnIsToldRarelyWithACount) {
  for (int i = 0; i < 100; ++i) fail(i);
  const std::string first = told();
  EXPECT_EQ(first.find("request_failed"), first.rfind("request_failed"));
  clock += 5min;
  fail(100);
  EXPECT_THAT(told(), HasSubstr("failures=101"));
}

TEST_F(TelemetryTest, AFailureOfAnotherKindIsToldAtOnce) {
  for (int i = 0; i < 10; ++i) fail(i);
  told();
  fail(10, Failure::unauthorised);
  EXPECT_THAT(told(), HasSubstr("cause=unauthorised"));
}

TEST_F(TelemetryTest, FollowsAWindowByItsRequest) {
  Task task;
  task.window = {sys_seconds(0s), sys_seconds(3600s)};
  telemetry.request_done({}, {});
  telemetry.request_done(task, {});
  fail(1);
  EXPECT_THAT(told(), HasSubstr("window=1970-01-01T00:00:00Z/1970-01-01T01:00:00Z again_in=100ms request=2"));
  telemetry.request_done(task, {});
  telemetry.window_done(report());
  EXPECT_THAT(told(), HasSubstr("window=1970-01-01T00:00:00Z/1970-01-01T01:00:00Z request=3 rows=5"));
}

TEST_F(TelemetryTest, TellsOfARecoveryOnlyAfterATroubleThatWasTold) {
  fail(0);
  telemetry.window_done(report());
  EXPECT_THAT(told(), Not(HasSubstr("recovered")));
  fail(1);
  telemetry.window_done(report());
  EXPECT_THAT(told(), HasSubstr("event=recovered after_failures=1"));
  telemetry.window_done(report());
  EXPECT_THAT(told(), Not(HasSubstr("recovered")));
}

TEST_F(TelemetryTest, TellsOnceThatTheEchoDiffers) {
  WindowReport differing = report();
  differing.echo_differs = true;
  telemetry.window_done(differing);
  EXPECT_THAT(told(), HasSubstr("echo_differs"));
  telemetry.window_done(differing);
  EXPECT_THAT(told(), Not(HasSubstr("echo_differs")));
}

TEST_F(TelemetryTest, IsReadyWhileSomethingWasLoadedLately) {
  EXPECT_EQ(telemetry.not_ready(180s), "nothing was loaded yet");
  telemetry.window_done(report());
  EXPECT_EQ(telemetry.not_ready(180s), std::nullopt);
  clock += 180s;
  EXPECT_EQ(telemetry.not_ready(180s), std::nullopt);
  clock += 1s;
  EXPECT_THAT(telemetry.not_ready(180s).value_or(""), HasSubstr("nothing was loaded for"));
  telemetry.all_well();
  EXPECT_EQ(telemetry.not_ready(180s), std::nullopt);
}

TEST_F(TelemetryTest, ALoadThatDidNotHappenMakesNothingReady) {
  telemetry.window_done(report(Outcome::failed));
  telemetry.window_done(report(Outcome::split));
  EXPECT_EQ(telemetry.not_ready(180s), "nothing was loaded yet");
}

TEST_F(TelemetryTest, SaysWhyItIsNotReady) {
  telemetry.trouble(Event::database_failed, Failure::db_unreachable, "the database is away");
  EXPECT_EQ(telemetry.not_ready(180s), "the database is away");
  EXPECT_THAT(told(),
              HasSubstr("level=error event=database_failed cause=db_unreachable error=\"the database is away\""));
}

TEST_F(TelemetryTest, SumsWhatWasLoadedAndCountsRequests) {
  telemetry.window_done(report());
  telemetry.window_done(report());
  telemetry.request_done({}, {});
  EXPECT_EQ(telemetry.totals().inserted, 6U);
  EXPECT_EQ(telemetry.totals().rows_read, 10U);
  EXPECT_EQ(telemetry.requests(), 1U);
}

TEST_F(TelemetryTest, FeedsTheWatchdogWithEverySignOfLife) {
  int fed = 0;
  telemetry.on_progress([&] { ++fed; });
  telemetry.request_done({}, {});
  telemetry.idle();
  EXPECT_EQ(fed, 2);
}

}  // namespace
}  // namespace odetl
