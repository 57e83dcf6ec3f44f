#include "tests/integration/acceptance_fixture.hpp"

// The commands around loading, and how the program ends.
namespace odetl::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// --- usage

struct Misuse {
  const char* name;
  std::vector<std::string> arguments;
  std::string told;
};

class Usage : public testing::TestWithParam<Misuse> {};

TEST_P(Usage, EndsWith64AndSaysWhatIsMeant) {
  std::vector<std::string> argv = {ODETL_BINARY_DIR "/daemon/opendialog-etl"};
  argv.insert(argv.end(), GetParam().arguments.begin(), GetParam().arguments.end());
  const RunResult result = run(argv);
  EXPECT_TRUE(ended(result, 64));
  EXPECT_THAT(result.err, HasSubstr(GetParam().told));
  EXPECT_THAT(result.out, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Acceptance, Usage,
    testing::Values(
        Misuse{"NoCommand", {}, "no command is given"},
        Misuse{"CommandMisspelt", {"bacfill"}, "did you mean 'backfill'?"},
        Misuse{"OptionMisspelt", {"backfill", "--form", "2024-01-01", "--to", "2024-01-02"}, "did you mean '--from'?"},
        Misuse{"NoRange", {"backfill"}, "--from"},
        Misuse{"EmptyRange", {"backfill", "--from", "2024-01-02", "--to", "2024-01-02"}, "--from must be before --to"},
        Misuse{"TurnedRange", {"backfill", "--from", "2024-01-02", "--to", "2024-01-01"}, "--from must be before --to"},
        Misuse{"Future", {"backfill", "--from", "2024-01-02", "--to", "2124-01-01"}, "ends in the future"},
        Misuse{
            "WithoutZone", {"backfill", "--from", "2024-01-01T08:00:00", "--to", "2024-01-02"}, "with Z or an offset"},
        Misuse{"NoDate",
               {"backfill", "--from", "yesterday", "--to", "2024-01-02"},
               "--from 'yesterday' is not an instant"},
        Misuse{
            "NoWindow", {"backfill", "--from", "2024-01-01", "--to", "2024-01-02", "--window", "0s"}, "--window '0s'"},
        Misuse{"NoWorkers", {"backfill", "--from", "2024-01-01", "--to", "2024-01-02", "--workers", "0"}, "1 to 64"},
        Misuse{"Surplus", {"run", "fast"}, "fast"}),
    [](const auto& misuse) { return misuse.param.name; });

TEST(Commands, HelpAndVersionNeedNothing) {
  const std::string program = ODETL_BINARY_DIR "/daemon/opendialog-etl";
  const RunResult help = run({program, "--help"});
  EXPECT_TRUE(ended(help, 0));
  for (const char* command : {"run", "backfill", "status", "check", "migrate", "version"}) {
    EXPECT_THAT(help.out, HasSubstr(command));
    const RunResult of_command = run({program, command, "--help"});
    EXPECT_TRUE(ended(of_command, 0));
    EXPECT_THAT(of_command.out, HasSubstr(std::string("opendialog-etl ") + command));
  }
  const RunResult version = run({program, "version"});
  EXPECT_TRUE(ended(version, 0));
  EXPECT_THAT(version.out, AllOf(HasSubstr("opendialog-etl 0."), HasSubstr("libcurl"), HasSubstr("libpq")));
  EXPECT_EQ(run({program, "--version"}).out, version.out);
}

// --- configuration

TEST(Commands, ABadConfigurationEndsWith78AndTellsEverythingThatIsWrong) {
  Installation odetl;
  odetl.configure("windows.poll_intervall", "60s");
  odetl.configure("windows.settle", "soon");
  odetl.configure("api.timeout", "-1s");
  const RunResult result = odetl.etl({"run", "--once"});
  EXPECT_TRUE(ended(result, 78));
  const std::string file = odetl.config_file().string();
  EXPECT_THAT(result.err, testing::ContainsRegex(file + ":[0-9]+:[0-9]+: windows.poll_intervall: .*poll_interval"));
  EXPECT_THAT(result.err, testing::ContainsRegex(file + ":[0-9]+:[0-9]+: windows.settle: "));
  EXPECT_THAT(result.err, testing::ContainsRegex(file + ":[0-9]+:[0-9]+: api.timeout: "));
  EXPECT_EQ(odetl.server.connections(), 0U);
}

TEST(Commands, AMissingConfigurationEndsWith78) {
  const RunResult result = run({ODETL_BINARY_DIR "/daemon/opendialog-etl", "--config", "/nowhere/config.yaml", "run"});
  EXPECT_TRUE(ended(result, 78));
  EXPECT_THAT(result.err, HasSubstr("/nowhere/config.yaml"));
}

TEST(Commands, SetWinsOverTheFileAndTheFileMayComeFromTheEnvironment) {
  Installation odetl;
  const RunResult result =
      run({ODETL_BINARY_DIR "/daemon/opendialog-etl", "--set", "warehouse.schema=elsewhere", "migrate"},
          {{"OPENDIALOG_ETL_CONFIG", odetl.config_file().string()}});
  EXPECT_TRUE(ended(result, 0));
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM elsewhere.interactions"), "0");
}

TEST(Commands, AMissingTokenEndsWith78) {
  Installation odetl;
  odetl.configure("api.token_file", "/nowhere/token");
  const RunResult result = odetl.backfill("2024-03-01", "2024-03-02");
  EXPECT_TRUE(ended(result, 78));
  EXPECT_THAT(result.err, HasSubstr("/nowhere/token"));
}

// --- migrate

TEST(Commands, MigrateCreatesTheSchemaOnce) {
  Installation odetl;
  const RunResult plan = odetl.etl({"migrate", "--dry-run"});
  ASSERT_TRUE(ended(plan, 0));
  EXPECT_THAT(plan.out, HasSubstr("pending 0001_tables"));
  EXPECT_EQ(odetl.sql("SELECT to_regnamespace('opendialog')"), "");

  const RunResult first = odetl.etl({"migrate"});
  ASSERT_TRUE(ended(first, 0));
  EXPECT_THAT(first.out, HasSubstr("applied 0001_tables"));
  const RunResult second_time = odetl.etl({"migrate"});
  ASSERT_TRUE(ended(second_time, 0));
  EXPECT_THAT(second_time.out, AllOf(HasSubstr("up to date"), Not(HasSubstr("applied"))));
}

TEST(Commands, WithoutAutoMigrateTheSchemaMustBeThere) {
  Installation odetl;
  odetl.configure("warehouse.auto_migrate", "false");
  const RunResult refused = odetl.backfill("2024-03-01", "2024-03-02");
  EXPECT_TRUE(ended(refused, 78));
  EXPECT_THAT(refused.err, HasSubstr("opendialog-etl migrate"));
  EXPECT_EQ(odetl.sql("SELECT to_regnamespace('opendialog')"), "");
  ASSERT_TRUE(ended(odetl.etl({"migrate"}), 0));
  EXPECT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02"), 0));
}

// --- status

TEST(Commands, StatusBeforeTheFirstLoadSaysWhatToDo) {
  Installation odetl;
  const RunResult without_schema = odetl.etl({"status"});
  EXPECT_TRUE(ended(without_schema, 78));
  EXPECT_THAT(without_schema.err, HasSubstr("opendialog-etl migrate"));
  ASSERT_TRUE(ended(odetl.etl({"migrate"}), 0));
  const std::string status = odetl.status();
  EXPECT_EQ(json_at(status, "{watermark}"), "");
  EXPECT_EQ(json_at(status, "{coverage}"), "[]");
  EXPECT_EQ(json_at(status, "{ready}"), "nothing was loaded yet");
}

TEST(Commands, StatusTellsWhatIsLoaded) {
  Installation odetl;
  odetl.tenant.add(message("u", "2024-03-01 10:00:00", "hello"));
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02"), 0));
  ASSERT_TRUE(ended(odetl.backfill("2024-03-03", "2024-03-04"), 0));
  const std::string status = odetl.status();
  EXPECT_EQ(json_at(status, "{stream}"), "interactions");
  EXPECT_EQ(json_at(status, "{watermark}"), "2024-03-04T00:00:00Z");
  EXPECT_EQ(json_at(status, "{coverage}"),
            R"([["2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z"], ["2024-03-03T00:00:00Z", "2024-03-04T00:00:00Z"]])");
  EXPECT_EQ(json_at(status, "{gaps}"), R"([["2024-03-02T00:00:00Z", "2024-03-03T00:00:00Z"]])");
  EXPECT_EQ(json_at(status, "{rows}"), R"({"users": 1, "interactions": 1, "interactions_estimated": false})");
  EXPECT_EQ(json_at(status, "{leader}"), "false");
  EXPECT_EQ(json_at(status, "{last_error}"), "");
  EXPECT_EQ(json_at(status, "{windows,0,outcome}"), "loaded");
  EXPECT_NE(json_at(status, "{last_success}"), "");
  EXPECT_GT(std::stol(json_at(status, "{lag_seconds}")), 0);
  EXPECT_THAT(json_at(status, "{ready}"), HasSubstr("no process polls"));

  const RunResult text = odetl.etl({"status"});
  EXPECT_TRUE(ended(text, 0));
  EXPECT_THAT(text.out, HasSubstr("gap           [2024-03-02T00:00:00Z, 2024-03-03T00:00:00Z)"));
}

TEST(Commands, StatusShowsACalendarAndKeepsItFresh) {
  Installation odetl;
  odetl.tenant.add(message("u", "2024-03-01 10:00:00", "hello"));
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-03"), 0));
  EXPECT_THAT(odetl.etl({"status"}).out, HasSubstr("\n2024-03       █·\n"));
  EXPECT_EQ(json_at(odetl.status(), "{calendar,0}"),
            R"({"day": "2024-03-01", "rows": 1, "state": "loaded", "covered": 1})");
  EXPECT_EQ(json_at(odetl.status(), "{calendar,1,state}"), "silent");
  EXPECT_EQ(json_at(odetl.status(), "{calendar,2}"), "");

  const auto watching = odetl.start({"status", "--watch"});
  watching->read_line("as of");
  watching->read_line("watermark     2024-03-03T00:00:00Z");
  watching->kill(SIGINT);
  EXPECT_EQ(watching->wait(2s), (ExitStatus{0, 0})) << watching->err();
}

// --- init

class Init : public testing::Test {
 protected:
  RunResult init(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {ODETL_BINARY_DIR "/daemon/opendialog-etl", "--config", file.string(), "init"});
    return run(arguments);
  }
  std::filesystem::perms mode() const { return std::filesystem::status(file).permissions(); }

  TempDirectory directory;
  const std::filesystem::path file = directory / "config.yaml";
};

TEST_F(Init, WritesAConfigurationThatCheckAccepts) {
  Installation odetl;
  const RunResult written =
      init({"--url", odetl.server.url(), "--token-file", odetl.token_file().string(), "--database", odetl.database});
  ASSERT_TRUE(ended(written, 0));
  EXPECT_THAT(written.out, AllOf(HasSubstr("wrote " + file.string()), HasSubstr("check")));
  EXPECT_THAT(written.out, Not(HasSubstr("umask")));
  const RunResult checked = run({ODETL_BINARY_DIR "/daemon/opendialog-etl", "--config", file.string(), "check"});
  EXPECT_TRUE(ended(checked, 0));
}

TEST_F(Init, TellsHowToMakeTheTokensFile) {
  EXPECT_THAT(init({"--url", "https://acme.example"}).out,
              HasSubstr("(umask 077; cat >" + (directory / "token").string() + ")"));
}

TEST_F(Init, ReplacesNothingUnlessForced) {
  write_file(file, "precious");
  const RunResult refused = init({"--url", "https://acme.example"});
  EXPECT_TRUE(ended(refused, 1));
  EXPECT_THAT(refused.err, HasSubstr("--force"));
  EXPECT_EQ(read_file(file), "precious");
  EXPECT_TRUE(ended(init({"--url", "https://acme.example", "--force"}), 0));
  EXPECT_THAT(read_file(file), HasSubstr("https://acme.example"));
}

TEST_F(Init, TakesNoPasswordFromTheCommandLineAndRepeatsNone) {
  const RunResult refused = init({"--url", "https://acme.example", "--database", "postgresql://etl:hunter2@db/dw"});
  EXPECT_TRUE(ended(refused, 64));
  EXPECT_THAT(refused.err, AllOf(HasSubstr(".pgpass"), Not(HasSubstr("hunter2"))));
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(Init, AsksAtATerminalUntilAnAnswerWillDo) {
  LaunchOptions typed;
  typed.input = "acme\nhttps://acme.example\n\npostgresql://etl:hunter2@db/dw\n";
  const RunResult result = run(
      {"script", "-qec", ODETL_BINARY_DIR "/daemon/opendialog-etl --config " + file.string() + " init", "/dev/null"},
      {}, 20s, typed);
  EXPECT_TRUE(ended(result, 0));
  const std::string written = read_file(file);
  EXPECT_THAT(written, AllOf(HasSubstr("base_url: \"https://acme.example\""), HasSubstr("etl:hunter2@db")));
  EXPECT_EQ(mode(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

// --- check

TEST(Check, SaysOkOfEverything) {
  Installation odetl;
  const RunResult result = odetl.etl({"check"});
  EXPECT_TRUE(ended(result, 0));
  for (const char* what : {"configuration", "token", "api", "clock", "database", "schema", "privileges"}) {
    EXPECT_THAT(result.out, HasSubstr(std::string("ok    ") + what)) << what;
  }
  EXPECT_THAT(result.out, Not(HasSubstr("FAIL")));
}

TEST(Check, OfflineConnectsToNothing) {
  Installation odetl;
  odetl.configure("warehouse.dsn", "postgresql://127.0.0.1:1/nothing");
  EXPECT_TRUE(ended(odetl.etl({"check", "--offline"}), 0));
  EXPECT_EQ(odetl.server.connections(), 0U);
  odetl.configure("api.token_file", "/nowhere/token");
  EXPECT_TRUE(ended(odetl.etl({"check", "--offline"}), 78));
}

TEST(Check, TellsEveryFailureAndEndsWithTheFirstOnes) {
  Installation odetl;
  odetl.write_token("expired");
  odetl.configure("warehouse.dsn", "postgresql://127.0.0.1:" + std::to_string(free_port()) + "/nothing");
  const RunResult result = odetl.etl({"check"});
  EXPECT_TRUE(ended(result, 77));
  EXPECT_THAT(result.out, AllOf(HasSubstr("FAIL  api"), HasSubstr("renew the token"), HasSubstr("ok    clock"),
                                HasSubstr("FAIL  database")));
}

TEST(Check, AnUnreachableApiEndsWith69) {
  Installation odetl;
  odetl.configure("api.base_url", "http://127.0.0.1:" + std::to_string(free_port()));
  const RunResult result = odetl.etl({"check"});
  EXPECT_TRUE(ended(result, 69));
  EXPECT_THAT(result.out, AllOf(HasSubstr("FAIL  api"), HasSubstr("ok    database")));
}

TEST(Check, AClockThatIsWrongEndsWith1) {
  Installation odetl;
  odetl.tenant.clock().move_by(-10min);
  const RunResult result = odetl.etl({"check"});
  EXPECT_TRUE(ended(result, 1));
  EXPECT_THAT(result.out, testing::ContainsRegex("FAIL  clock .*(599|600|601) s behind"));
}

TEST(Check, AMissingSchemaEndsWith78WhenNobodyMayMakeIt) {
  Installation odetl;
  odetl.configure("warehouse.auto_migrate", "false");
  const RunResult result = odetl.etl({"check"});
  EXPECT_TRUE(ended(result, 78));
  EXPECT_THAT(result.out, HasSubstr("FAIL  schema"));
}

TEST(Check, MissingPrivilegesEndWith77AndAreNamed) {
  Installation odetl;
  odetl.sql("DO $$ BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  odetl.configure("warehouse.dsn", '"' + odetl.database + " user=stranger\"");
  const RunResult result = odetl.etl({"check"});
  EXPECT_TRUE(ended(result, 77));
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("FAIL  privileges"), HasSubstr("\nCREATE SCHEMA opendialog AUTHORIZATION stranger;\n")));
}

// --- embedded PostgreSQL

TEST(Embedded, WithoutADsnADatabaseOfItsOwnIsUsedAndPsqlReachesIt) {
  Installation odetl;
  odetl.configure("warehouse.dsn", "");
  odetl.configure("windows.start", "2024-03-03");
  odetl.tenant.add(
      {message("u", "2024-03-01 10:00:00", "hello"), message("447700900123", "2024-03-01 11:00:00", "there")});
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02"), 0));

  const auto daemon = odetl.start({"run"});
  daemon->read_line("leading", Stream::err);
  const RunResult status = odetl.etl({"status"});
  ASSERT_TRUE(ended(status, 0));
  EXPECT_THAT(status.out, HasSubstr("interactions  2\n"));
  const std::string label = "psql          ";
  const auto line = status.out.find(label);
  ASSERT_NE(line, std::string::npos) << status.out;
  const std::string psql = status.out.substr(line + label.size(), status.out.find('\n', line) - line - label.size());
  const RunResult pasted = run(
      {"sh", "-c", psql + " -XAtc \"SELECT string_agg(text, ' ' ORDER BY occurred_at) FROM opendialog.interactions\""});
  EXPECT_TRUE(ended(pasted, 0));
  EXPECT_EQ(pasted.out, "hello there\n");
  daemon->kill(SIGTERM);
  EXPECT_EQ(daemon->wait(10s), (ExitStatus{0, 0})) << daemon->err();
}

}  // namespace
}  // namespace odetl::test
