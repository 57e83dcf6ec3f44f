#include "etl/copy_rows.hpp"
#include "etl/database.hpp"
#include "etl/load_rows.hpp"
#include "etl/sql_text.hpp"

#include <tuple>

#include "tests/integration/warehouse_fixture.hpp"

namespace odetl::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(SqlState, SaysWhatToDo) {
  const std::pair<const char*, Failure> kCases[] = {
      {"26000", Failure::db_unreachable}, {"42P05", Failure::db_unreachable},
      {"08006", Failure::db_unreachable}, {"57P01", Failure::db_unreachable}, {"57P02", Failure::db_unreachable},
      {"57P03", Failure::db_unreachable}, {"25P03", Failure::db_unreachable}, {"57P05", Failure::db_unreachable},
      {"40001", Failure::db_retry},       {"40P01", Failure::db_retry},       {"57014", Failure::db_retry},
      {"55P03", Failure::db_retry},       {"55006", Failure::db_retry},       {"23505", Failure::db_conflict},
      {"53100", Failure::db_exhausted},   {"53300", Failure::db_exhausted},   {"25006", Failure::db_exhausted},
      {"58030", Failure::db_exhausted},   {"22P02", Failure::db_data},        {"22021", Failure::db_data},
      {"23514", Failure::db_data},        {"23502", Failure::db_data},        {"21000", Failure::db_data},
      {"54000", Failure::db_data},        {"P0001", Failure::db_data},        {"42501", Failure::db_denied},
      {"28P01", Failure::db_denied},      {"28000", Failure::db_denied},      {"3D000", Failure::db_denied},
      {"3F000", Failure::db_schema},      {"42P01", Failure::db_schema},      {"42703", Failure::db_schema},
      {"XX000", Failure::db_retry},       {"08P01", Failure::db_unreachable}, {"08003", Failure::db_unreachable},
      {"25P04", Failure::db_unreachable}, {"57P04", Failure::db_denied},      {"40003", Failure::db_retry},
      {"53200", Failure::db_exhausted},   {"53400", Failure::db_exhausted},   {"22001", Failure::db_data},
      {"44000", Failure::db_data},        {"42883", Failure::db_schema},      {"0A000", Failure::db_schema},
      {"25P02", Failure::db_retry},       {"55000", Failure::db_retry},       {"", Failure::db_retry},
  };
  for (const auto& [state, failure] : kCases) EXPECT_EQ(classify_sqlstate(state), failure) << state;
}

// What libpq, servers and PgBouncer say of an attempt to connect.
TEST(ConnectError, SaysWhatToDo) {
  const std::pair<const char*, Failure> kCases[] = {
      {"connection to server on socket failed: No such file or directory", Failure::db_unreachable},
      {"FATAL:  the database system is starting up", Failure::db_unreachable},
      {"FATAL:  the database system is in recovery mode", Failure::db_unreachable},
      {"FATAL:  the database system is shutting down", Failure::db_unreachable},
      {"could not translate host name \"db\" to address: Name or service not known", Failure::db_unreachable},
      {"timeout expired", Failure::db_unreachable},
      {"FATAL:  sorry, too many clients already", Failure::db_exhausted},
      {"FATAL:  remaining connection slots are reserved", Failure::db_exhausted},
      {"FATAL:  too many connections for role \"etl\"", Failure::db_exhausted},
      {"FATAL:  no more connections allowed (max_client_conn)", Failure::db_exhausted},
      {"server is in hot standby mode", Failure::db_exhausted},
      {"session is read-only", Failure::db_exhausted},
      {"FATAL:  password authentication failed for user \"etl\"", Failure::db_denied},
      {"fe_sendauth: no password supplied", Failure::db_denied},
      {"FATAL:  no pg_hba.conf entry for host", Failure::db_denied},
      {"FATAL:  role \"etl\" does not exist", Failure::db_denied},
      {"FATAL:  database \"dw\" does not exist", Failure::db_denied},
      {"server does not support SSL, but SSL was required", Failure::db_denied},
      {"SSL error: certificate verify failed", Failure::db_denied},
      {"root certificate file \"/x\" does not exist", Failure::db_denied},
  };
  for (const auto& [message, failure] : kCases) EXPECT_EQ(classify_connect_error(message), failure) << message;
}

class Connecting : public ::testing::Test {
 protected:
  static DatabaseError error_at(const std::string& dsn) {
    return error_of([&] { connect_database(dsn, "opendialog"); });
  }
};

TEST_F(Connecting, ToNobodyIsUnreachable) {
  EXPECT_EQ(error_at("host=/nonexistent dbname=x").failure(), Failure::db_unreachable);
  EXPECT_EQ(error_at("host=127.0.0.1 port=" + std::to_string(free_port())).failure(), Failure::db_unreachable);
  EXPECT_EQ(error_at("postgresql://nobody.invalid/x").failure(), Failure::db_unreachable);
}

TEST_F(Connecting, WithAWrongNameIsDenied) {
  EXPECT_EQ(error_at(cluster().dsn() + " user=nobody_there").failure(), Failure::db_denied);
  EXPECT_EQ(error_at(cluster().dsn("nothing_there")).failure(), Failure::db_denied);
}

TEST_F(Connecting, WithoutTheRightPasswordIsDenied) {
  const auto rules = cluster().directory() / "data" / "pg_hba.conf";
  const std::string before = read_file(rules);
  write_file(rules, "local all careful scram-sha-256\nlocal all banned reject\nlocal all peer peer\n" + before);
  cluster().query(
      "CREATE ROLE careful LOGIN PASSWORD 'right'; CREATE ROLE banned LOGIN; CREATE ROLE peer LOGIN;"
      "CREATE ROLE groups NOLOGIN");
  cluster().set_parameter("log_temp_files", "0");  // has the rules read
  EXPECT_NO_THROW(connect_database(cluster().dsn() + " user=careful password=right", "opendialog"));
  for (const char* as : {"user=careful password=canary", "user=careful", "user=banned", "user=peer", "user=groups"}) {
    const DatabaseError error = error_at(cluster().dsn() + " " + as);
    EXPECT_EQ(error.failure(), Failure::db_denied) << error.what();
    EXPECT_THAT(error.what(), Not(HasSubstr("canary")));
  }
  write_file(rules, before);
  cluster().reset_parameter("log_temp_files");
  cluster().query("DROP ROLE careful, banned, peer, groups");
}

TEST_F(Connecting, WithoutTheRightToConnectIsDenied) {
  cluster().query("CREATE DATABASE closed; REVOKE CONNECT ON DATABASE closed FROM PUBLIC; CREATE ROLE guest LOGIN");
  EXPECT_EQ(error_at(cluster().dsn("closed") + " user=guest").failure(), Failure::db_denied);
  cluster().query("DROP ROLE guest; DROP DATABASE closed");
}

TEST_F(Connecting, IsExhaustedWhenTheServerHasNoRoom) {
  cluster().query("CREATE ROLE crowd LOGIN CONNECTION LIMIT 0; CREATE DATABASE small CONNECTION LIMIT 0");
  EXPECT_EQ(error_at(cluster().dsn() + " user=crowd").failure(), Failure::db_exhausted);
  cluster().query("DROP ROLE crowd; DROP DATABASE small");
}

TEST_F(Connecting, RefusesADatabaseThatIsNotInUtf8) {
  cluster().query("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0");
  cluster().query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
  for (const char* name : {"ascii", "latin"}) {
    const DatabaseError error = error_at(cluster().dsn(name));
    EXPECT_EQ(error.failure(), Failure::db_schema);
    EXPECT_THAT(error.what(), HasSubstr("UTF8"));
  }
}

TEST_F(Connecting, NeverRepeatsAConnectionStringThatCannotBeRead) {
  for (const char* dsn : {"host=x password=two canary", "host=x password=two canary=1", "host=x password='canary",
                          "postgresql://u:canary@[::1/x", "postgresql://u:canary%zz@host/x",
                          "postgresql://u:canary%00@host/x", "postgresql://u:p@host/x?canary",
                          "postgresql://u:p@host/x?canary=1", "postgresql://u@h/x?password=canary=1=2"}) {
    const DatabaseError error = error_at(dsn);
    EXPECT_EQ(error.failure(), Failure::db_denied) << error.what();
    EXPECT_THAT(error.what(), Not(HasSubstr("canary")));
  }
}

TEST_F(Connecting, TakesEveryFormOfConnectionString) {
  const std::string host = cluster().directory().string();
  std::string escaped;
  for (const char c : host) escaped += c == '/' ? "%2F" : std::string(1, c);
  for (const std::string& dsn :
       {"host=" + host + " user=postgres", "host='" + host + "' user=postgres connect_timeout=3",
        "postgresql://postgres@" + escaped + "/postgres",
        "postgres://postgres@" + escaped + "/postgres?connect_timeout=3",
        "postgresql:///postgres?host=" + escaped + "&user=postgres"}) {
    EXPECT_NO_THROW(connect_database(dsn, "opendialog")) << dsn;
  }
}

TEST_F(Connecting, RefusesANamelessSchema) {
  EXPECT_EQ(error_of([] { connect_database(cluster().dsn(), ""); }).failure(), Failure::db_schema);
}

class Copying : public WarehouseTest {};

TEST_F(Copying, MayBeGivenUpInTheMiddle) {
  const auto database = connect_database(dsn_, schema_);
  database->begin();
  database->run("load/ensure_partition", {"2024-01-01T00:00:00Z"});
  database->copy_begin("users", {"user_id", "first_name"});
  CopyRows rows;
  rows.begin_row(2);
  rows.text("ann");
  rows.null();
  database->copy(rows.bytes());
  database->roll_back();
  EXPECT_EQ(count("users"), "0");

  database->begin();
  EXPECT_EQ(database->run("state/read", {"interactions"})->size(), 1U);
  database->commit();
}

TEST_F(Copying, TellsNullFromEmptyAndFromItsOwnMark) {
  const auto database = connect_database(dsn_, schema_);
  database->begin();
  database->copy_begin("users", {"user_id", "first_name", "last_name", "email"});
  CopyRows rows;
  rows.begin_row(4);
  rows.text("ann");
  rows.null();
  rows.text("");
  rows.text("\\N");
  database->copy(rows.bytes());
  database->copy_end();
  database->commit();
  EXPECT_EQ(query("SELECT first_name IS NULL, last_name = '', email FROM users"), "t|t|\\N");
}

TEST_F(Copying, FailsWithTheClassOfTheErrorAndWithoutTheValue) {
  query(
      "CREATE TABLE traps (id int, name varchar(3), born timestamptz, data jsonb, few text CHECK (few = 'few'));"
      "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      "  IF NEW.few LIKE 'raise%' THEN RAISE 'no %', NEW; END IF; RETURN NEW; END $$;"
      "CREATE TRIGGER trap BEFORE INSERT ON traps FOR EACH ROW EXECUTE FUNCTION trap()");
  const auto jsonb = [](std::string_view text) { return "\1" + std::string(text); };
  const std::tuple<const char*, std::string, const char*, Failure> kTraps[] = {
      {"id", "canary", "22P03", Failure::db_schema},  // a column of another type than ours
      {"name", "canary", "22001", Failure::db_data},
      {"name", "a\xFF canary", "22021", Failure::db_data},
      {"name", std::string("a\0canary", 8), "22021", Failure::db_data},
      {"data", jsonb("{canary"), "22P02", Failure::db_data},
      {"data", jsonb(R"(["canary\u0000"])"), "22P05", Failure::db_data},
      {"few", "canary", "23514", Failure::db_data},
      {"few", "raise canary", "P0001", Failure::db_data}};
  const auto database = connect_database(dsn_, schema_);
  for (const auto& [column, value, state, failure] : kTraps) {
    SCOPED_TRACE(value);
    database->begin();
    database->copy_begin("traps", {column});
    CopyRows rows;
    rows.begin_row(1);
    rows.text(value);
    const DatabaseError error = error_of([&] {
      database->copy(rows.bytes());
      database->copy_end();
    });
    EXPECT_EQ(error.failure(), failure);
    EXPECT_EQ(error.sqlstate(), state);
    EXPECT_THAT(error.what(), Not(HasSubstr("canary")));
    database->roll_back();
    database->begin();
    EXPECT_EQ(database->run("state/read", {"interactions"})->size(), 1U);
    database->roll_back();
  }
}

class BinaryParameters : public WarehouseTest {
 protected:
  static std::vector<SqlParam> users(std::string_view id, std::string_view custom) {
    Batch batch;
    User& user = batch.users.emplace_back();
    user.user_id = id;
    user.custom = custom;
    std::vector<SqlParam> params = user_arrays(batch, {0});
    params.emplace_back("2024-01-01T00:00:00Z");
    return params;
  }
};

TEST_F(BinaryParameters, AreAnsweredAsTextAndCounted) {
  const auto database = connect_database(dsn_, schema_);
  database->begin();
  const auto written = database->run("load/upsert_users", users("ann", R"({"k":[1.50,"\""]})"));
  EXPECT_EQ(written->size(), 1U);
  EXPECT_EQ(written->affected(), 1U);
  EXPECT_TRUE(written->boolean(0, 0)) << "new";
  database->commit();
  EXPECT_EQ(query("SELECT user_id, custom, extra IS NULL, observed_at IS NULL FROM users"), R"(ann|{"k": [1.50, "\""]}|t|t)");
}

TEST_F(BinaryParameters, FailWithTheClassOfTheErrorAndWithoutTheValue) {
  const auto database = connect_database(dsn_, schema_);
  const std::tuple<std::string, std::string, const char*> kTraps[] = {{"a\xFF canary", "{}", "22021"},
                                                                      {std::string("a\0canary", 8), "{}", "22021"},
                                                                      {"a", "{canary", "22P02"},
                                                                      {"a", R"(["canary\u0000"])", "22P05"}};
  for (const auto& [id, custom, state] : kTraps) {
    SCOPED_TRACE(custom);
    database->begin();
    const DatabaseError error = error_of([&] { database->run("load/upsert_users", users(id, custom)); });
    EXPECT_EQ(error.failure(), Failure::db_data);
    EXPECT_EQ(error.sqlstate(), state);
    EXPECT_THAT(error.what(), Not(HasSubstr("canary")));
    database->roll_back();
    database->begin();
    EXPECT_EQ(database->run("load/upsert_users", users("ann", ""))->size(), 1U);
    database->roll_back();
  }
}

TEST_F(BinaryParameters, OfMoreThanTheServerTakesAreNotSent) {
  const auto database = connect_database(dsn_, schema_);
  database->begin();
  const DatabaseError error =
      error_of([&] { database->run_binary("load/known_users", {SqlParam::binary(std::string(std::size_t{1001} << 20, 'x'))}); });
  EXPECT_EQ(error.failure(), Failure::too_large);
  EXPECT_EQ(database->run("state/read", {"interactions"})->size(), 1U) << "the transaction goes on";
  database->commit();
}

class KeptPlans : public WarehouseTest {
 protected:
  // As PostgreSQL would make them now, for any parameters.
  std::string plans() const {
    std::string script = std::string(sql_text("session")) + "SET plan_cache_mode = force_generic_plan;\n";
    for (const SqlFile& file : sql_files()) {
      if (!keeps_plan(file.name)) continue;
      std::string nulls = "NULL";
      for (int i = 2; file.text.find("$" + std::to_string(i)) != std::string_view::npos; ++i) nulls += ", NULL";
      script += "PREPARE kept AS " + std::string(file.text) + ";\nEXPLAIN (COSTS OFF) EXECUTE kept(" + nulls +
                ");\nDEALLOCATE kept;\n";
    }
    return query(script);
  }

  void fill(int first, int last) const {
    const std::string of = " FROM generate_series(" + std::to_string(first) + ", " + std::to_string(last) + ") AS i;\n";
    const std::string hour = "now() - i * interval '1 hour', now() - (i - 1) * interval '1 hour'";
    query("INSERT INTO users (user_id) SELECT i" + of +  //
          "INSERT INTO rejected_records SELECT gen_random_uuid(), 'interactions', " + hour + ", 'ann', 'r', '{}', now(), now()" + of +
          "INSERT INTO vanished_interactions SELECT now() - i * interval '1 hour', gen_random_uuid(), now()" + of +
          "INSERT INTO known_answers SELECT 'interactions', " + hour + ", sha256('a'), 1, 1, 1, false" + of +
          "INSERT INTO window_claims SELECT 'interactions', " + hour + ", i" + of +
          "INSERT INTO window_log (load_number, stream, window_from, window_to, reason, outcome, started_at, finished_at) "
          "SELECT i, 'interactions', " + hour + ", 'poll', 'loaded', now(), now()" + of + "ANALYZE");
  }
};

// One that is made while the tables are small must not read the whole of them later.
TEST_F(KeptPlans, AreTheSameAtAnySizeOfTheTables) {
  query("ANALYZE");
  const std::string of_nothing = plans();
  EXPECT_THAT(of_nothing, HasSubstr("Index Cond"));
  for (const auto& [first, last] : {std::pair{1, 1}, {2, 3}, {4, 50}, {51, 20'000}}) {
    fill(first, last);
    EXPECT_EQ(plans(), of_nothing) << last;
  }
}

// A plan that was kept answers columns of other types than before with an error.
TEST_F(KeptPlans, AreNotOfOthersWhichSurviveAChangedColumn) {
  const auto database = connect_database(dsn_, schema_);
  const auto known_answers = [&] {
    database->begin();
    const auto rows = database->run("load/known_answers", {"interactions", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"});
    database->commit();
    return rows->size();
  };
  for (int i = 0; i < 10; ++i) EXPECT_EQ(known_answers(), 0U);
  query("ALTER TABLE known_answers ALTER COLUMN rows TYPE numeric");
  EXPECT_EQ(known_answers(), 0U);
}

TEST(SqlText, HasEveryFileAndNoOther) {
  EXPECT_THAT(std::string(sql_text("session")), HasSubstr("TIME ZONE"));
  EXPECT_THROW(sql_text("nothing"), std::logic_error);
}

}  // namespace
}  // namespace odetl::test
