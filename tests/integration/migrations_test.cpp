#include "etl/migrations.hpp"

#include <future>

#include "tests/integration/warehouse_fixture.hpp"

namespace odetl::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Migrations : public ::testing::Test {
 protected:
  std::unique_ptr<Database> connect(const std::string& schema = "opendialog") const {
    return connect_database(dsn_, schema);
  }
  std::string query(const std::string& sql) const { return cluster().query_at(dsn_, sql); }
  std::string count(const std::string& from) const { return query("SELECT count(*) FROM " + from); }

  std::string dsn_ = cluster().create_database();
};

TEST_F(Migrations, MakeTheSchemaOutOfNothingAndRecordWhatTheyDid) {
  const auto database = connect();
  EXPECT_THAT(migrate(*database), SizeIs(known_migrations().size()));
  EXPECT_EQ(count("opendialog.schema_version"), std::to_string(known_migrations().size()));
  EXPECT_EQ(query("SELECT checksum FROM opendialog.schema_version WHERE version = 1"), known_migrations()[0].checksum);
}

TEST_F(Migrations, DoNothingTheSecondTime) {
  migrate(*connect());
  const std::string before = query("SELECT xmin, ctid, applied_at FROM opendialog.schema_version");
  EXPECT_THAT(migrate(*connect()), IsEmpty());
  EXPECT_EQ(query("SELECT xmin, ctid, applied_at FROM opendialog.schema_version"), before);
}

TEST_F(Migrations, AreListedWithoutBeingApplied) {
  const auto database = connect();
  EXPECT_THAT(pending_migrations(*database), SizeIs(known_migrations().size()));
  EXPECT_EQ(count("pg_namespace WHERE nspname = 'opendialog'"), "0");
  migrate(*database);
  EXPECT_THAT(pending_migrations(*database), IsEmpty());
}

TEST_F(Migrations, AreAppliedOnceByManyProcessesAtOnce) {
  std::vector<std::future<std::size_t>> processes;
  for (int i = 0; i < 8; ++i) {
    processes.push_back(std::async(std::launch::async, [this] { return migrate(*connect()).size(); }));
  }
  std::size_t applied = 0;
  for (auto& process : processes) applied += process.get();
  EXPECT_EQ(applied, known_migrations().size());
}

// An event trigger lets the n-th command fail, for every n.
TEST_F(Migrations, LeaveNothingHalfWhereverTheyFail) {
  query(
      "CREATE SEQUENCE public.command;"
      "CREATE TABLE public.fuse (command bigint); INSERT INTO public.fuse VALUES (0);"
      "CREATE FUNCTION public.burn() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
      "  IF nextval('public.command') = (SELECT command FROM public.fuse) THEN RAISE 'burnt'; END IF; END $$;"
      "CREATE EVENT TRIGGER fuse ON ddl_command_end WHEN TAG IN ('CREATE SCHEMA', 'CREATE TABLE', 'CREATE INDEX',"
      "  'CREATE VIEW', 'CREATE FUNCTION') EXECUTE FUNCTION public.burn()");
  for (int command = 1;; ++command) {
    query("UPDATE public.fuse SET command = " + std::to_string(command) +
          "; SELECT setval('public.command', 1, false)");
    try {
      migrate(*connect());
      EXPECT_GT(command, 8);
      break;
    } catch (const DatabaseError&) {
      ASSERT_EQ(count("pg_namespace WHERE nspname = 'opendialog'"), "0") << "after command " << command;
    }
    ASSERT_LT(command, 100);
  }
  EXPECT_THAT(pending_migrations(*connect()), IsEmpty());
}

TEST_F(Migrations, LeaveNothingHalfWhenTheirSessionIsKilled) {
  query(
      "CREATE FUNCTION public.wait() RETURNS event_trigger LANGUAGE plpgsql AS"
      "  $$ BEGIN PERFORM pg_advisory_xact_lock(7); END $$;"
      "CREATE EVENT TRIGGER wait ON ddl_command_end WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION public.wait()");
  OtherSession other(dsn_, "SELECT pg_advisory_xact_lock(7)");
  auto migrating = std::async(std::launch::async, [this] { return error_of([&] { migrate(*connect()); }); });
  wait_until_blocked(dsn_);
  query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
  EXPECT_EQ(migrating.get().failure(), Failure::db_unreachable);
  other.release();
  EXPECT_EQ(count("pg_namespace WHERE nspname = 'opendialog'"), "0");
  EXPECT_THAT(migrate(*connect()), SizeIs(known_migrations().size()));
}

TEST_F(Migrations, DoNotTouchTablesOfOthersInTheSchema) {
  query("CREATE SCHEMA opendialog; CREATE TABLE opendialog.users (mine text)");
  EXPECT_EQ(error_of([&] { migrate(*connect()); }).failure(), Failure::db_schema);
  EXPECT_EQ(count("pg_class WHERE relnamespace = 'opendialog'::regnamespace"), "1");
}

TEST_F(Migrations, NeedNoRightOnTheDatabaseWhenTheSchemaIsGiven) {
  query(
      "DROP ROLE IF EXISTS tenant; CREATE ROLE tenant LOGIN; CREATE SCHEMA opendialog;"
      "GRANT USAGE, CREATE ON SCHEMA opendialog TO tenant");
  const auto database = connect_database(dsn_ + " user=tenant", "opendialog");
  EXPECT_THAT(migrate(*database), SizeIs(known_migrations().size()));
  query("DROP OWNED BY tenant; DROP ROLE tenant");
}

TEST_F(Migrations, AreRefusedWithoutTheRightTo) {
  query("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN");
  const auto database = connect_database(dsn_ + " user=stranger", "opendialog");
  EXPECT_EQ(error_of([&] { migrate(*database); }).failure(), Failure::db_denied);
  query("DROP ROLE stranger");
}

TEST_F(Migrations, RefuseANewerDatabase) {
  migrate(*connect());
  query("INSERT INTO opendialog.schema_version VALUES (999, '0999_future', 'x')");
  for (const auto& error :
       {error_of([&] { migrate(*connect()); }), error_of([&] { pending_migrations(*connect()); })}) {
    EXPECT_EQ(error.failure(), Failure::db_schema);
    EXPECT_THAT(error.what(), HasSubstr("0999_future"));
  }
}

TEST_F(Migrations, RefuseATextThatIsNotTheirs) {
  migrate(*connect());
  query("UPDATE opendialog.schema_version SET checksum = 'tampered'");
  EXPECT_EQ(error_of([&] { migrate(*connect()); }).failure(), Failure::db_schema);
  EXPECT_EQ(error_of([&] { pending_migrations(*connect()); }).failure(), Failure::db_schema);
}

TEST_F(Migrations, DescribeEveryTableViewAndColumn) {
  migrate(*connect());
  query("SELECT opendialog.ensure_interactions_partition('2024-01-31T08:00:00Z')");
  EXPECT_EQ(
      query("SELECT relname, attname FROM pg_class LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0"
            " WHERE relnamespace = 'opendialog'::regnamespace AND relkind IN ('r', 'p', 'v')"
            "   AND (obj_description(pg_class.oid) IS NULL OR col_description(attrelid, attnum) IS NULL)"),
      "");
  EXPECT_EQ(query("SELECT obj_description('opendialog'::regnamespace) IS NOT NULL"), "t");
}

struct Table {
  const char* name;
  const char* columns;
};

class ContractTables : public Migrations, public ::testing::WithParamInterface<Table> {};

TEST_P(ContractTables, HaveTheColumnsThatUsersRelyOn) {
  migrate(*connect());
  const std::string columns = query(
      "SELECT string_agg(attname || ' ' || format_type(atttypid, NULL), ', ' ORDER BY attnum) FROM pg_attribute"
      " WHERE attrelid = 'opendialog." +
      std::string(GetParam().name) +
      "'::regclass AND attnum > 0"
      "   AND attname NOT IN ('profile_hash', 'poisoned', 'poll_from', 'rechecked', 'load_number', 'users_known', 'window_id')");
  EXPECT_EQ(columns, GetParam().columns);
}

constexpr const char* kUsers =
    "user_id text, first_name text, last_name text, email text, external_id text, platform text, ip_address text, "
    "country text, browser_language text, os text, browser text, timezone text, selected_scenario text, custom jsonb, "
    "extra jsonb, observed_at timestamp with time zone, first_loaded_at timestamp with time zone, "
    "updated_at timestamp with time zone, deleted_at timestamp with time zone";
constexpr const char* kInteractions =
    "interaction_id uuid, user_id text, occurred_at timestamp with time zone, type text, text text, value text, "
    "callback_id text, data jsonb, extra jsonb, occurrence integer, loaded_at timestamp with time zone, "
    "deleted_at timestamp with time zone";

INSTANTIATE_TEST_SUITE_P(
    Schema, ContractTables,
    ::testing::Values(
        Table{"users", kUsers}, Table{"current_users", kUsers}, Table{"interactions", kInteractions},
        Table{"current_interactions", kInteractions},
        Table{"stream_state",
              "stream text, watermark timestamp with time zone, coverage tstzmultirange, "
              "updated_at timestamp with time zone"},
        Table{"window_log",
              "stream text, window_from timestamp with time zone, window_to timestamp with time zone, reason text, "
              "outcome text, rows_read bigint, inserted bigint, updated bigint, unchanged bigint, deleted bigint, "
              "rejected bigint, bytes bigint, http_ms bigint, load_ms bigint, attempts integer, error text, "
              "started_at timestamp with time zone, finished_at timestamp with time zone"},
        Table{"rejected_records",
              "reject_id uuid, stream text, window_from timestamp with time zone, window_to timestamp with time zone, "
              "user_id text, reason text, record text, first_seen_at timestamp with time zone, "
              "last_seen_at timestamp with time zone, attempts integer"},
        Table{"schema_version", "version integer, name text, checksum text, applied_at timestamp with time zone"}),
    [](const auto& value) { return std::string(value.param.name); });

TEST_F(Migrations, GiveInteractionsTheKeyOfTheContract) {
  migrate(*connect());
  EXPECT_EQ(query("SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                  " WHERE conrelid = 'opendialog.interactions'::regclass AND contype = 'p'"),
            "PRIMARY KEY (user_id, occurred_at, interaction_id)");
  EXPECT_EQ(query("SELECT pg_get_partkeydef('opendialog.interactions'::regclass)"), "RANGE (occurred_at)");
  EXPECT_EQ(query("SELECT stream, watermark, coverage FROM opendialog.stream_state"), "interactions||{}");
}

class OddSchema : public WarehouseTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    schema_ = GetParam();
    WarehouseTest::SetUp();
  }
};

TEST_P(OddSchema, WorksInEveryStatement) {
  const auto database = connect_database(dsn_, schema_);
  EXPECT_THAT(migrate(*database), IsEmpty());
  EXPECT_THAT(pending_migrations(*database), IsEmpty());

  const auto january = window("2024-01-31T23:00:00Z", "2024-02-01T01:00:00Z");
  Answer answer;
  answer.user("u1")
      .says("2024-01-31T23:30:00Z", R"("a")", "null", R"(,"key":1)")
      .says("2024-02-01T00:30:00Z", R"("b")");
  const auto warehouse = open();
  EXPECT_EQ(load(*warehouse, january, answer).report.inserted, 2U);
  EXPECT_EQ(load(*warehouse, january, Answer().user("u1").says("2024-02-01T00:30:00Z", R"("b")")).report.deleted, 1U);
  EXPECT_EQ(load(*warehouse, january, answer).report.updated, 1U);
  warehouse->summarise(january, std::chrono::seconds(10));
  EXPECT_TRUE(warehouse->try_lead());
  EXPECT_EQ(warehouse->read_state().watermark, january.to);
}

INSTANTIATE_TEST_SUITE_P(Names, OddSchema,
                         ::testing::Values("My Schema", "it's", "select", "a$SCHEMAb", "100%s", "schéma_❄", "a.b",
                                           "sch\\ema", "say \"hi\""));

}  // namespace
}  // namespace odetl::test
