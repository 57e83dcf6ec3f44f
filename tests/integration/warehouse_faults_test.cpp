#include <future>
#include <thread>

#include "tests/integration/warehouse_fixture.hpp"

namespace odetl::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Answer some_rows() {
  Answer answer;
  answer.user("ann", R"({"first_name":"Ann"})").says("2024-01-31T08:00:00Z", R"("hello")");
  answer.user("bob").says("2024-01-31T09:00:00Z", R"("hi")").record(R"({"type":"text","date":"never"})");
  return answer;
}

// A statement of a load, and what another session does so that the load waits there.
struct Place {
  const char* name;
  const char* lock;
};

class Faults : public WarehouseTest {
 protected:
  // Loads in another thread until that waits for `lock`, does `injure`, and returns the error it meant for the load.
  template <typename Injure>
  DatabaseError error_at(const char* lock, Warehouse& warehouse, Injure injure) {
    OtherSession other(dsn_, std::string("SET search_path = opendialog; ") + lock);
    auto loading =
        std::async(std::launch::async, [&] { return error_of([&] { load(warehouse, kDay, some_rows()); }); });
    wait_until_blocked(dsn_);
    injure();
    return loading.get();
  }
  // Commits wait, and nothing else does.
  void make_commits_wait() const {
    query(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON window_log DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION wait()");
  }
  void terminate_waiting() const {
    query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'opendialog-etl' AND wait_event_type = 'Lock'");
  }
  void expect_untouched() const {
    EXPECT_EQ(count("interactions"), "0");
    EXPECT_EQ(count("window_log"), "0");
    EXPECT_EQ(query("SELECT coverage, load_number FROM stream_state"), "{}|0");
  }
};

class LostSessions : public Faults, public ::testing::WithParamInterface<Place> {};

TEST_P(LostSessions, LeaveNothingAndAreMadeAnew) {
  make_commits_wait();
  const auto warehouse = open();
  warehouse->read_state();
  const DatabaseError error = error_at(GetParam().lock, *warehouse, [&] { terminate_waiting(); });
  EXPECT_EQ(error.failure(), Failure::db_unreachable) << error.what();
  expect_untouched();
  EXPECT_EQ(load(*warehouse, kDay, some_rows()).report.inserted, 2U);
  EXPECT_EQ(load(*warehouse, kDay, some_rows()).report.unchanged, 2U);
}

INSTANTIATE_TEST_SUITE_P(
    At, LostSessions,
    ::testing::Values(
        Place{"begin", "LOCK stream_state"},
        Place{"partition", "SELECT pg_advisory_xact_lock(hashtextextended('opendialog.interactions partitions', 0))"},
        Place{"copy", "LOCK interactions IN EXCLUSIVE MODE"}, Place{"known_users", "LOCK users"},
        Place{"upsert_users", "INSERT INTO users (user_id) VALUES ('ann')"}, Place{"rejects", "LOCK rejected_records"},
        Place{"lock_state", "SELECT FROM stream_state FOR UPDATE"}, Place{"log", "LOCK window_log IN SHARE MODE"},
        Place{"commit", "SELECT pg_advisory_xact_lock(7)"}),
    [](const auto& value) { return std::string(value.param.name); });

// What every session of ours relies on, as a statement of the session itself saw it.
constexpr const char* kSettings =
    "CREATE TABLE public.seen (name text, setting text);"
    "CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    "  INSERT INTO public.seen SELECT name, setting FROM pg_settings WHERE name IN ('TimeZone', 'DateStyle',"
    "    'IntervalStyle', 'array_nulls', 'standard_conforming_strings', 'synchronous_commit', 'search_path',"
    "    'client_encoding', 'lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout',"
    "    'idle_session_timeout', 'client_connection_check_interval', 'transaction_isolation',"
    "    'transaction_read_only', 'jit');"
    "  RETURN NULL; END $$;"
    "CREATE TRIGGER look AFTER INSERT ON window_log FOR EACH ROW EXECUTE FUNCTION public.look()";
constexpr const char* kExpectedSettings =
    "DateStyle|ISO, YMD\nIntervalStyle|postgres\nTimeZone|UTC\narray_nulls|on\nclient_connection_check_interval|200\n"
    "client_encoding|UTF8\nidle_in_transaction_session_timeout|60000\nidle_session_timeout|0\njit|off\n"
    "lock_timeout|10000\nsearch_path|\"opendialog\", "
    "\"pg_temp\"\nstandard_conforming_strings|on\nstatement_timeout|300000\n"
    "synchronous_commit|on\ntransaction_isolation|read committed\ntransaction_read_only|off";

TEST_F(Faults, OddDefaultsOfTheServerDoNotMatterEvenAfterALostSession) {
  query(kSettings);
  const std::string database = query("SELECT quote_ident(current_database())");
  for (const char* setting : {"timezone = 'Asia/Kathmandu'",
                              "DateStyle = 'SQL, DMY'",
                              "IntervalStyle = 'sql_standard'",
                              "bytea_output = 'escape'",
                              "standard_conforming_strings = off",
                              "search_path = 'public'",
                              "default_transaction_isolation = 'serializable'",
                              "synchronous_commit = off",
                              "client_encoding = 'LATIN1'",
                              "lock_timeout = 1",
                              "statement_timeout = '1h'",
                              "idle_in_transaction_session_timeout = 0",
                              "idle_session_timeout = '1s'",
                              "extra_float_digits = 0",
                              "xmloption = document",
                              "quote_all_identifiers = on",
                              "enable_bitmapscan = off",
                              "escape_string_warning = on",
                              "backslash_quote = off",
                              "array_nulls = off"}) {
    cluster().query("ALTER DATABASE " + database + " SET " + setting);
  }
  const auto warehouse = open();
  Answer answer = some_rows();
  answer.says("2024-01-31T10:00:00.123456Z", R"("é😀 \\ ' \n")", R"({"a":"\\"})", R"(,"more":1)");
  for (int session = 0; session < 2; ++session) {
    EXPECT_EQ(load(*warehouse, kDay, answer).report.inserted, session == 0 ? 3U : 0U);
    EXPECT_EQ(load(*warehouse, kDay, answer).report.unchanged, 3U);
    EXPECT_EQ(
        cluster().query_at(dsn_ + " client_encoding=UTF8", "SELECT DISTINCT name, setting FROM public.seen ORDER BY 1"),
        kExpectedSettings);
    warehouse->set_last_recheck(std::chrono::hours(1), kDay.from);
    EXPECT_EQ(warehouse->read_state().rechecked.at(std::chrono::hours(1)), kDay.from);
    EXPECT_EQ(warehouse->read_state().watermark, kDay.to);
    cluster().query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'opendialog-etl'");
    EXPECT_EQ(error_of([&] { warehouse->read_state(); }).failure(), Failure::db_unreachable);
  }
}

TEST_F(Faults, ALostSessionNoLongerLeads) {
  const auto first = open();
  EXPECT_TRUE(first->try_lead());
  cluster().query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'opendialog-etl'");
  wait_for(dsn_, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "0");
  const auto second = open();
  EXPECT_TRUE(second->try_lead());
  EXPECT_EQ(error_of([&] { first->try_lead(); }).failure(), Failure::db_unreachable);
  EXPECT_FALSE(first->try_lead());
}

TEST_F(Faults, AFormerLeaderWritesNothingBeforeItHasAskedForTheLeadAgain) {
  const auto former = open();
  const auto next = open();
  ASSERT_TRUE(former->try_lead());
  query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted");
  wait_for(dsn_, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "0");
  ASSERT_TRUE(next->try_lead());
  EXPECT_EQ(error_of([&] { load(*former, kDay, two_people()); }).failure(), Failure::db_unreachable);
  for (int times = 0; times < 2; ++times) {
    EXPECT_EQ(error_of([&] { load(*former, kDay, two_people()); }).failure(), Failure::not_leader);
  }
  EXPECT_EQ(count("interactions"), "0");
  EXPECT_EQ(former->read_state().load_number, 0) << "it may look";
  EXPECT_FALSE(former->try_lead());
}

TEST_F(Faults, CancelEndsTheStatementThatRuns) {
  const auto warehouse = open();
  const DatabaseError error = error_at("LOCK users", *warehouse, [&] { warehouse->cancel(); });
  EXPECT_EQ(error.failure(), Failure::db_retry);
  EXPECT_EQ(error.sqlstate(), "57014");
  expect_untouched();
  warehouse->cancel();
  EXPECT_EQ(load(*warehouse, kDay, some_rows()).report.inserted, 2U);
}

TEST_F(Faults, ALockThatStaysHeldEndsTheLoadAfterItsTimeout) {
  const auto warehouse = open();
  const DatabaseError error = error_at("LOCK users", *warehouse, [] {});
  EXPECT_EQ(error.failure(), Failure::db_retry);
  EXPECT_EQ(error.sqlstate(), "55P03");
  expect_untouched();
}

TEST_F(Faults, ADeadlockIsTriedAgain) {
  // The other session holds what the load wants last, and wants what the load holds by then.
  OtherSession other(dsn_, "SET deadlock_timeout = '1h'; SET search_path = opendialog; LOCK rejected_records IN SHARE MODE",
                     "INSERT INTO users (user_id) VALUES ('ann')");
  const DatabaseError error = error_of([&] { load(*open(), kDay, some_rows()); });
  EXPECT_EQ(error.failure(), Failure::db_retry) << error.what();
  EXPECT_THAT(error.what(), HasSubstr("deadlock"));
  expect_untouched();
}

TEST_F(Faults, ALostTableIsForAHuman) {
  query("ALTER TABLE users RENAME TO elsewhere");
  const DatabaseError error = error_of([&] { load(*open(), kDay, some_rows()); });
  EXPECT_EQ(error.failure(), Failure::db_schema);
  EXPECT_THAT(error.what(), HasSubstr("users"));
  expect_untouched();
}

TEST_F(Faults, ALostRightIsForAHuman) {
  query(
      "DROP ROLE IF EXISTS loader; CREATE ROLE loader LOGIN;"
      "GRANT USAGE ON SCHEMA opendialog TO loader; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA opendialog TO "
      "loader;"
      "SELECT ensure_interactions_partition('2024-01-31T00:00:00Z');"
      "REVOKE INSERT ON interactions FROM loader");
  const auto connect = [this] { return connect_database(dsn_ + " user=loader", schema_); };
  const auto warehouse = make_warehouse(connect, OnMissing::mark);
  const DatabaseError error = error_of([&] { load(*warehouse, kDay, some_rows()); });
  EXPECT_EQ(error.failure(), Failure::db_denied);
  EXPECT_THAT(error.what(), HasSubstr("interactions"));
  query("GRANT INSERT ON interactions TO loader");
  EXPECT_EQ(load(*warehouse, kDay, some_rows()).report.inserted, 2U);
  warehouse->summarise(kDay, std::chrono::seconds(10));
  query("DROP OWNED BY loader; DROP ROLE loader");
}

TEST_F(Faults, ADeferredConstraintThatFailsAtCommitLeavesNothing) {
  query(
      "CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS"
      " $$ BEGIN RAISE 'never' USING ERRCODE = 'check_violation'; END $$;"
      "CREATE CONSTRAINT TRIGGER never AFTER INSERT ON window_log DEFERRABLE INITIALLY DEFERRED"
      " FOR EACH ROW EXECUTE FUNCTION never()");
  const DatabaseError error = error_of([&] { load(*open(), kDay, some_rows()); });
  EXPECT_EQ(error.failure(), Failure::db_schema);
  expect_untouched();
}

TEST_F(Faults, AConnectionThatFailsIsTriedAgainWithTheNextUse) {
  int attempts = 0;
  const auto warehouse = make_warehouse(
      [&] {
        if (++attempts == 1) throw DatabaseError(Failure::db_unreachable, "connect: away");
        return connect_database(dsn_, schema_);
      },
      OnMissing::mark);
  warehouse->cancel();
  EXPECT_EQ(error_of([&] { warehouse->read_state(); }).failure(), Failure::db_unreachable);
  EXPECT_EQ(warehouse->read_state().load_number, 0);
  EXPECT_EQ(attempts, 2);
}

TEST_F(Faults, ADatabaseThatWasMadeReadOnlyIsObeyedAndWaitedFor) {
  const std::string database = query("SELECT quote_ident(current_database())");
  const auto warehouse = open();
  load(*warehouse, kDay, two_people());
  const auto make = [&](const char* value) {
    cluster().query("ALTER DATABASE " + database + " SET default_transaction_read_only = " + value);
    cluster().query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'opendialog-etl'");
    EXPECT_EQ(error_of([&] { warehouse->read_state(); }).failure(), Failure::db_unreachable);
  };
  make("on");
  const DatabaseError error = error_of([&] { load(*warehouse, kDay, some_rows()); });
  EXPECT_EQ(error.failure(), Failure::db_exhausted);
  EXPECT_EQ(error.sqlstate(), "25006");
  EXPECT_EQ(warehouse->read_state().load_number, 1) << "it may be read";
  make("off");
  EXPECT_EQ(load(*warehouse, kDay, some_rows()).report.rows_read, 2U);
}

// What users said must be in no message and in nothing that a library prints, whatever the database makes of it.
TEST_F(Faults, NoMessageHoldsWhatUsersSaid) {
  const auto answer = [] {
    Answer rows;
    rows.user("canary-user", R"({"first_name":"canary-name"})").says("2024-01-31T08:00:00Z", R"("canary-text")");
    return rows;
  };
  struct Trap {
    const char* set;
    const char* undo;
  };
  const Trap traps[] = {
      {"ALTER TABLE users ADD CONSTRAINT trap CHECK (first_name IS NULL)", "ALTER TABLE users DROP CONSTRAINT trap"},
      {"ALTER TABLE users ALTER first_name TYPE int USING NULL", "ALTER TABLE users ALTER first_name TYPE text"},
      {"ALTER TABLE users ALTER first_name TYPE varchar(3)", "ALTER TABLE users ALTER first_name TYPE text"},
      {"ALTER TABLE users ADD CONSTRAINT trap UNIQUE (email), ALTER email SET NOT NULL",
       "ALTER TABLE users DROP CONSTRAINT trap, ALTER email DROP NOT NULL"},
      {"CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE '%', NEW; END $$;"
       "CREATE TRIGGER trap BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION trap()",
       "DROP FUNCTION trap CASCADE"},
      {"CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '%', NEW; RETURN NEW; END $$;"
       "CREATE TRIGGER trap BEFORE INSERT ON interactions FOR EACH ROW EXECUTE FUNCTION trap();"
       "ALTER TABLE users ADD CONSTRAINT trap CHECK (first_name IS NULL)",
       "DROP FUNCTION trap CASCADE; ALTER TABLE users DROP CONSTRAINT trap"},
      {"UPDATE stream_state SET coverage = '{}'; SELECT ensure_interactions_partition('2024-01-31T00:00:00Z');"
       "ALTER TABLE interactions ADD CONSTRAINT trap CHECK (false); ALTER TABLE rejected_records ALTER record TYPE int "
       "USING NULL",
       "ALTER TABLE interactions DROP CONSTRAINT trap"},
  };
  query("DROP VIEW current_users, current_interactions");
  ::testing::internal::CaptureStderr();
  std::string messages;
  for (const Trap& trap : traps) {
    query(trap.set);
    messages += std::string(error_of([&] { load(*open(), kDay, answer()); }).what()) + '\n';
    query(trap.undo);
  }
  messages += ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(messages, Not(HasSubstr("canary")));
}

// --- faults of a whole cluster, which has to be one of the test's own ---

class ClusterFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    dsn_ = cluster_.create_database();
    migrate(*connect_database(dsn_, "opendialog"));
    warehouse_ = make_warehouse([this] { return connect_database(dsn_, "opendialog"); }, OnMissing::mark);
  }
  std::string query(const std::string& sql) const {
    return cluster_.query_at(dsn_, "SET search_path = opendialog;" + sql);
  }

  PostgresCluster cluster_;
  std::string dsn_;
  std::unique_ptr<Warehouse> warehouse_;
};

TEST_F(ClusterFaults, AKilledServerLosesNothingThatWasCommitted) {
  load(*warehouse_, kDay, some_rows());
  const std::string before = query("SELECT ctid, xmin, interaction_id FROM interactions ORDER BY 1");
  cluster_.kill9();
  EXPECT_EQ(error_of([&] { warehouse_->read_state(); }).failure(), Failure::db_unreachable);
  EXPECT_EQ(error_of([&] { warehouse_->read_state(); }).failure(), Failure::db_unreachable);
  cluster_.start();
  EXPECT_EQ(load(*warehouse_, kDay, some_rows()).report.unchanged, 2U);
  EXPECT_EQ(query("SELECT ctid, xmin, interaction_id FROM interactions ORDER BY 1"), before);
}

TEST_F(ClusterFaults, ARestartIsOneLostSession) {
  for (const StopMode mode : {StopMode::fast, StopMode::immediate}) {
    warehouse_->read_state();
    cluster_.restart(mode);
    EXPECT_EQ(error_of([&] { load(*warehouse_, kDay, some_rows()); }).failure(), Failure::db_unreachable);
    EXPECT_EQ(load(*warehouse_, kDay, some_rows()).report.rows_read, 2U);
  }
}

TEST_F(ClusterFaults, AServerThatWasStartedAnewIsAnother) {
  const auto run = [this] { return connect_database(dsn_, "opendialog")->server_run(); };
  const std::string before = run();
  EXPECT_EQ(run(), before);
  cluster_.restart();
  EXPECT_NE(run(), before);
}

TEST_F(ClusterFaults, AStandbyIsWaitedForUntilItIsPromoted) {
  load(*warehouse_, kDay, some_rows());
  cluster_.stop();
  write_file(cluster_.directory() / "data" / "standby.signal", "");
  cluster_.start();
  EXPECT_EQ(error_of([&] { warehouse_->read_state(); }).failure(), Failure::db_unreachable);
  EXPECT_EQ(error_of([&] { warehouse_->read_state(); }).failure(), Failure::db_exhausted);

  const auto reader = make_warehouse(
      [this] { return connect_database(dsn_ + " target_session_attrs=any", "opendialog"); }, OnMissing::mark);
  EXPECT_EQ(reader->read_state().watermark, kDay.to);
  const DatabaseError error = error_of([&] { load(*reader, kDay, some_rows()); });
  EXPECT_EQ(error.failure(), Failure::db_exhausted);
  EXPECT_EQ(error.sqlstate(), "25006");

  query("SELECT pg_promote()");
  EXPECT_EQ(load(*warehouse_, kDay, some_rows()).report.unchanged, 2U);
  EXPECT_EQ(load(*reader, kDay, some_rows()).report.unchanged, 2U);
}

}  // namespace
}  // namespace odetl::test
