#include <algorithm>

#include "tests/integration/acceptance_fixture.hpp"

// What `run` does, the daemon.
namespace odetl::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

// A daemon that polls every second, up to the present second.
class Daemon : public testing::Test {
 protected:
  Daemon() {
    odetl.configure("windows.start", iso(ago(1h)));
    odetl.configure("windows.poll_interval", "1s");
    odetl.configure("windows.settle", "0s");
  }

  std::unique_ptr<ChildProcess> launch(int port) {
    odetl.configure("http.listen", "127.0.0.1:" + std::to_string(port));
    return odetl.start({"run"});
  }
  std::unique_ptr<ChildProcess> launch() { return launch(port_); }

  // Rows dated some seconds ago appear; how long until they are in the warehouse?
  bool appears(const std::string& text, std::chrono::milliseconds limit) {
    odetl.tenant.add(said(ago(5s), text));
    return eventually(
        [&] { return odetl.sql("SELECT count(*) FROM opendialog.interactions WHERE text = '" + text + "'") == "1"; },
        limit);
  }
  bool ready(int port) {
    return eventually([&] { return http_get(port, "/readyz").status == 200; });
  }
  bool ready() { return ready(port_); }
  std::string metrics(int port) { return http_get(port, "/metrics").body; }

  static void expect_stops(ChildProcess& daemon, std::chrono::milliseconds limit = 2s) {
    daemon.kill(SIGTERM);
    EXPECT_EQ(daemon.wait(limit), (ExitStatus{0, 0})) << daemon.err();
  }

  Installation odetl;
  const int port_ = free_port();
};

TEST_F(Daemon, MakesNewRowsVisibleWithinAPollAndASecond) {
  const auto daemon = launch();
  ASSERT_TRUE(ready());
  for (const char* text : {"one", "two", "three"}) EXPECT_TRUE(appears(text, 2s)) << text;
  expect_stops(*daemon);
}

TEST_F(Daemon, TellsAboutItselfOverHttp) {
  odetl.tenant.add(said(ago(1min), "hello"));
  const auto daemon = launch();
  EXPECT_TRUE(eventually([&] { return http_get(port_, "/healthz").status == 200; }));
  ASSERT_TRUE(ready());
  EXPECT_EQ(http_get(port_, "/readyz").body, "ready\n");

  const std::string text = metrics(port_);
  EXPECT_EQ(metric(text, "opendialog_etl_leader"), 1);
  EXPECT_EQ(metric(text, "opendialog_etl_interactions_total{result=\"inserted\"}"), 1);
  EXPECT_GE(metric(text, "opendialog_etl_api_requests_total{code=\"200\"}"), 1);
  EXPECT_LT(metric(text, "opendialog_etl_lag_seconds"), 10);
  EXPECT_GE(metric(text, "opendialog_etl_windows_total{outcome=\"loaded\",reason=\"poll\"}"), 1);

  const auto status = http_get(port_, "/status.json");
  EXPECT_EQ(status.status, 200);
  EXPECT_EQ(json_at(status.body, "{leader}"), "true");
  EXPECT_EQ(json_at(status.body, "{ready}"), "true");
  EXPECT_EQ(json_at(status.body, "{rows,interactions}"), "1");
  EXPECT_EQ(http_get(port_, "/nothing").status, 404);
  expect_stops(*daemon);
}

TEST_F(Daemon, LoadsAlsoWhenItsPortIsTaken) {
  const simulator::Server neighbour(odetl.tenant, {});
  const auto daemon = launch(neighbour.port());
  EXPECT_THAT(daemon->read_line("http_endpoint_off", Stream::err), HasSubstr(std::to_string(neighbour.port())));
  daemon->read_line("leading", Stream::err);
  EXPECT_TRUE(appears("one", 5s));
  expect_stops(*daemon);
}

TEST_F(Daemon, IsNotReadyWhileTheApiIsAway) {
  const auto daemon = launch();
  ASSERT_TRUE(ready());
  odetl.fault("status code=500 next=0");
  EXPECT_TRUE(eventually([&] { return http_get(port_, "/readyz").status == 503; }));
  EXPECT_THAT(http_get(port_, "/readyz").body, HasSubstr("500"));
  EXPECT_EQ(http_get(port_, "/healthz").status, 200);
  expect_stops(*daemon);
}

TEST_F(Daemon, StopsAtOnceInAFetchThatHangs) {
  odetl.fault("black-hole next=0");
  const auto daemon = launch();
  EXPECT_TRUE(eventually([&] { return odetl.server.request_count() > 0; }));
  expect_stops(*daemon);
}

TEST_F(Daemon, StopsAtOnceInBackOff) {
  odetl.fault("status code=429 retry_after=600 next=0");
  const auto daemon = launch();
  EXPECT_TRUE(eventually([&] { return odetl.server.request_count() > 0; }));
  expect_stops(*daemon);
}

TEST_F(Daemon, StopsAtOnceWhileTheDatabaseIsLocked) {
  ASSERT_TRUE(ended(odetl.etl({"migrate"}), 0));
  ChildProcess locker({"psql", "-XAtq", "-d", odetl.database, "-c",
                       "BEGIN; LOCK TABLE opendialog.stream_state; SELECT 'locked'; SELECT pg_sleep(60)"});
  EXPECT_TRUE(eventually([&] {
    return odetl.sql(
               "SELECT count(*) FROM pg_locks WHERE relation = 'opendialog.stream_state'::regclass "
               "AND mode = 'AccessExclusiveLock' AND granted") == "1";
  }));
  const auto daemon = launch();
  EXPECT_TRUE(eventually([&] { return odetl.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0"; }));
  expect_stops(*daemon);
}

TEST_F(Daemon, TakesUpANewConfigurationOnSighup) {
  odetl.configure("windows.poll_interval", "1h");
  const auto daemon = launch();
  ASSERT_TRUE(ready());
  odetl.configure("windows.poll_interval", "1s");
  daemon->kill(SIGHUP);
  daemon->read_line("configuration_reloaded", Stream::err);
  EXPECT_TRUE(appears("one", 2s));
  EXPECT_TRUE(appears("two", 2s));
  expect_stops(*daemon);
}

TEST_F(Daemon, KeepsItsConfigurationWhenTheNewOneIsBad) {
  const auto daemon = launch();
  ASSERT_TRUE(ready());
  odetl.configure("windows.poll_intervall", "1h");
  daemon->kill(SIGHUP);
  EXPECT_THAT(daemon->read_line("configuration_kept", Stream::err), HasSubstr("windows.poll_intervall"));
  EXPECT_EQ(metric(metrics(port_), "opendialog_etl_configuration_last_load_successful"), 0);
  EXPECT_TRUE(appears("one", 2s));
  odetl.configure("windows.poll_intervall", "");
  daemon->kill(SIGHUP);
  daemon->read_line("configuration_reloaded", Stream::err);
  EXPECT_EQ(metric(metrics(port_), "opendialog_etl_configuration_last_load_successful"), 1);
  expect_stops(*daemon);
}

TEST_F(Daemon, RecoversWhenTheTokensFileIsReplaced) {
  const auto daemon = launch();
  ASSERT_TRUE(ready());
  odetl.server.set_token("renewed-token");
  EXPECT_THAT(daemon->read_line("request_failed", Stream::err), HasSubstr("unauthorised"));
  odetl.write_token("renewed-token");
  EXPECT_TRUE(appears("one", 10s));
  daemon->read_line("token_replaced", Stream::err);
  expect_stops(*daemon);
}

// However the token is refused: the daemon stays up, tells, and needs no restart.
TEST_F(Daemon, SaysThatItsTokenIsRefusedAndGoesOnWithAnother) {
  const auto daemon = launch();
  ASSERT_TRUE(ready());
  int renewed = 0;
  for (const char* fault : {"status code=403 next=0", "html next=0"}) {
    SCOPED_TRACE(fault);
    odetl.fault(fault);
    EXPECT_TRUE(eventually([&] { return http_get(port_, "/readyz").status == 503; }));
    EXPECT_THAT(http_get(port_, "/readyz").body, HasSubstr("the token is not accepted"));
    EXPECT_EQ(http_get(port_, "/healthz").status, 200);
    odetl.server.faults().clear();
    odetl.server.set_token("token-" + std::to_string(++renewed));
    odetl.write_token("token-" + std::to_string(renewed));
    EXPECT_TRUE(appears(fault, 5s));
    EXPECT_TRUE(ready());
  }
  expect_stops(*daemon);
}

TEST_F(Daemon, SurvivesARestartOfTheDatabase) {
  const auto daemon = launch();
  ASSERT_TRUE(ready());
  cluster().restart(StopMode::immediate);
  EXPECT_TRUE(appears("one", 8s));
  expect_stops(*daemon);
}

TEST_F(Daemon, WaitsForADatabaseThatIsDownAtTheStart) {
  cluster().stop();
  const auto daemon = launch();
  daemon->read_line("database_failed", Stream::err);
  EXPECT_EQ(http_get(port_, "/readyz").status, 503);
  cluster().start();
  EXPECT_TRUE(ready());
  expect_stops(*daemon);
}

TEST_F(Daemon, SurvivesAnOutageOfTheApi) {
  const auto daemon = launch();
  ASSERT_TRUE(ready());
  for (const char* fault : {"reset next=2", "truncate next=2", "html next=1", "status code=502 next=2"})
    odetl.fault(fault);
  EXPECT_TRUE(appears("one", 20s));
  odetl.remember_truth(iso(ago(1h)), iso(ago(4s)));
  EXPECT_THAT(odetl.differences(), IsEmpty());
  EXPECT_EQ(odetl.sql("SELECT poisoned FROM opendialog.stream_state"), "{}");
  expect_stops(*daemon);
}

TEST_F(Daemon, ASecondOneStandsByAndTakesOver) {
  const int other_port = free_port();
  const auto first = launch();
  ASSERT_TRUE(ready());
  const auto second_one = launch(other_port);
  ASSERT_TRUE(ready(other_port));
  EXPECT_EQ(metric(metrics(other_port), "opendialog_etl_leader"), 0);
  EXPECT_TRUE(appears("one", 2s));
  EXPECT_EQ(metric(metrics(other_port), "opendialog_etl_interactions_total{result=\"inserted\"}"), 0);

  first->kill(SIGKILL);
  first->wait();
  EXPECT_TRUE(appears("two", 8s));
  EXPECT_TRUE(eventually([&] { return metric(metrics(other_port), "opendialog_etl_leader") == 1; }));
  expect_stops(*second_one);
}

TEST_F(Daemon, RechecksPickUpWhatPollsNoLongerSee) {
  odetl.configure("windows.lookback", "1m");
  odetl.configure("windows.rechecks", "[{every: 2s, span: 1h}]");
  const auto vanishing = odetl.tenant.add(said(ago(30min), "vanishing"));
  const auto daemon = launch();
  ASSERT_TRUE(ready());
  odetl.tenant.remove(vanishing);
  odetl.tenant.add(said(ago(20min), "late"));
  EXPECT_TRUE(eventually([&] { return odetl.texts() == "late"; }));
  EXPECT_NE(odetl.sql("SELECT count(*) FROM opendialog.window_log WHERE reason = 'recheck'"), "0");
  expect_stops(*daemon);
}

TEST_F(Daemon, Guarantee12ABackfillLeavesRequestsToPolling) {
  odetl.server.set_rate_limit(60);
  const auto daemon = launch();
  ASSERT_TRUE(ready());
  const auto backfill = odetl.start({"backfill", "--from", "2024-03-01", "--to", "2024-03-02", "--window", "5m"});
  const auto asked_by_backfill = [&] {
    const auto requests = odetl.server.requests();
    return std::count_if(requests.begin(), requests.end(),
                         [](const auto& request) { return request.from.starts_with("2024-03-01"); });
  };
  // The backfill takes its share and then waits…
  EXPECT_TRUE(eventually([&] { return asked_by_backfill() >= 15; }));
  EXPECT_TRUE(backfill->running());
  // … while polls go on and are never refused.
  for (const char* text : {"one", "two", "three"}) EXPECT_TRUE(appears(text, 2s)) << text;
  for (const auto& request : odetl.server.requests()) EXPECT_NE(request.status, 429);
  backfill->kill(SIGTERM);
  EXPECT_EQ(backfill->wait(2s), (ExitStatus{0, 0}));
  expect_stops(*daemon);
}

}  // namespace
}  // namespace odetl::test
