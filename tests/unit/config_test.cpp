#include "daemon/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "tests/unit/config_parsing.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Config, WithABaseUrlAloneIsAllDefaults) {
  Config expected;
  expected.api.base_url = "https://acme.example";
  EXPECT_EQ(parse(kBase), expected);
}

TEST(Config, SetsEveryKey) {
  const Config config = parse(R"(
api:
  base_url: http://tenant.internal:8080/prefix
  allow_http: true
  endpoint: path
  check_echo: off
  token_file: relative/token
  filters: {selected_scenario: 0x1a2b, platform: "web chat", n: 007}
  connect_timeout: 500ms
  timeout: 1m30s
  max_response: 1GiB
  rate_limit: 120
  ca_file: /etc/ca.pem
  proxy: socks5h://proxy:1080
warehouse: {dsn: "host=/run/postgresql dbname=w", schema: _chat2, auto_migrate: false}
windows:
  start: 2024-01-31T08:00:00+01:00
  poll_interval: 5s
  width: 2h
  min_width: 2s
  max_width: 7d
  lookback: 0s
  settle: 0
  rechecks: [{span: 2d, every: 30m}]
  on_missing: delete
  on_poison: hold
backfill: {workers: 64}
unknown_users: reject
http: {listen: "[::1]:0"}
state_dir: /srv/etl
log: {level: critical, format: logfmt}
)");
  Config expected;
  expected.api = {.base_url = "http://tenant.internal:8080/prefix",
                  .endpoint = Endpoint::path,
                  .check_echo = EchoCheck::off,
                  .token = "",
                  .token_file = "relative/token",
                  .filters = {{"selected_scenario", "0x1a2b"}, {"platform", "web chat"}, {"n", "007"}},
                  .connect_timeout = 500ms,
                  .timeout = 90s,
                  .max_response = std::size_t{1} << 30,
                  .rate_limit = 120,
                  .ca_file = "/etc/ca.pem",
                  .proxy = "socks5h://proxy:1080",
                  .allow_http = true};
  expected.warehouse = {"host=/run/postgresql dbname=w", "_chat2", false};
  expected.windows = {.start = sys_seconds{1706684400s},
                      .poll_interval = 5s,
                      .width = 2h,
                      .min_width = 2s,
                      .max_width = 7 * 24h,
                      .lookback = 0s,
                      .settle = 0s,
                      .rechecks = {{30min, 48h}},
                      .on_missing = OnMissing::remove,
                      .on_poison = OnPoison::hold};
  expected.backfill_workers = 64;
  expected.unknown_users = UnknownUsers::reject;
  expected.http_listen = "[::1]:0";
  expected.state_dir = "/srv/etl";
  expected.log_level = "critical";
  expected.log_format = LogFormat::logfmt;
  EXPECT_EQ(config, expected);
}

TEST(Config, ReportsAllProblemsAtOnceInTheOrderOfTheFile) {
  const std::string text =
      "api:\n  timeout: 60\n  endpoit: public\nwindows:\n  width: soon\n  poll_intervall: 60s\nbackfill: {workers: "
      "0}\n";
  EXPECT_EQ(problems(text, {"log.level=loud"}),
            "c.yaml:2:12: api.timeout: 60 has no unit; write 60s\n"
            "c.yaml:3:3: api.endpoit: is no known key; did you mean api.endpoint?\n"
            "c.yaml:5:10: windows.width: soon is no duration; one such as 90s, 15m, 1h30m or 7d is accepted\n"
            "c.yaml:6:3: windows.poll_intervall: is no known key; did you mean windows.poll_interval?\n"
            "c.yaml:7:21: backfill.workers: 0 is out of range; 1 to 64 is accepted\n"
            "--set log.level: loud is not known; trace, debug, info, warn, error or critical is accepted\n"
            "c.yaml:1:1: api.base_url: is required; the address of your tenant such as "
            "https://acme.cloud.opendialog.ai is accepted");
}

TEST(Config, ProblemsKeepWhereKeyAndMessageApart) {
  try {
    parse(kBase + "state_dir: \"\"\n");
    FAIL();
  } catch (const ConfigError& error) {
    ASSERT_EQ(error.problems().size(), 1U);
    EXPECT_EQ(error.problems()[0].where, "c.yaml:2:12");
    EXPECT_EQ(error.problems()[0].key, "state_dir");
    EXPECT_EQ(error.problems()[0].message, "is empty; a path is accepted");
  }
}

Config with_state_dir(const std::string& value) { return parse(kBase + "state_dir: " + value + "\n"); }

TEST(Expansion, PutsInWhatTheEnvironmentHolds) {
  EXPECT_EQ(with_state_dir("${HOST}").state_dir, "db");
  EXPECT_EQ(with_state_dir("'/a/${HOST}/${FOUR}${FOUR}/'").state_dir, "/a/db/44/");
  EXPECT_EQ(with_state_dir("/a/${UNSET:-b:-c}/${EMPTY:-d}/${HOST:-e}").state_dir, "/a/b:-c/d/db");
  EXPECT_EQ(with_state_dir("/${EMPTY}").state_dir, "/");
}

TEST(Expansion, LeavesOtherDollarsAlone) {
  EXPECT_EQ(with_state_dir("/$$/$$$$/$HOST/$").state_dir, "/$/$$/$HOST/$");
  EXPECT_EQ(with_state_dir("/$${HOST}").state_dir, "/${HOST}");
}

TEST(Expansion, IsReadAsTheTypeOfTheKeyAndNeverAsYaml) {
  const Config config = parse(kBase +
                              "windows: {poll_interval: \"${SECONDS}\"}\nbackfill:\n  workers: ${FOUR}\n"
                              "warehouse: {auto_migrate: \"${NO}\"}\nstate_dir: ${YAML}\n");
  EXPECT_EQ(config.windows.poll_interval, 90s);
  EXPECT_EQ(config.backfill_workers, 4);
  EXPECT_FALSE(config.warehouse.auto_migrate);
  EXPECT_EQ(config.state_dir, "{every: 1h}");
}

TEST(Config, NeverShowsASecret) {
  const std::string text =
      "api:\n  base_url: https://u:hunter2@acme.example\n  token: hunter2 ${X\n"
      "  proxy: hunter2\nwarehouse:\n  dsn: \"postgresq://u:hunter2@h\"\n";
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 6);
  const std::string lines =
      problems(text, {"api.token=hunter2", "warehouse.dsn=host=h password=hunter2", "api.token hunter2"});
  EXPECT_THAT(lines, Not(HasSubstr("hunter2")));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n') + 1, 7);
}

TEST(Override, WinsOverTheFileAndTheLastOverTheFirst) {
  const Config config = parse(kBase + "log: {level: warn, format: json}\n", {"log.level=debug", "log.level=error"});
  EXPECT_EQ(config.log_level, "error");
  EXPECT_EQ(config.log_format, LogFormat::json);
}

TEST(Override, KeepsWhatItReplacesFromBeingEvaluated) {
  EXPECT_EQ(parse(kBase + "state_dir: ${NOPE}\n", {"state_dir=/b"}).state_dir, "/b");
}

TEST(Override, TakesItsValueAsItIsNotAsYaml) {
  EXPECT_EQ(parse("", {"api.base_url=https://acme.example/a"}).api.base_url, "https://acme.example/a");
  EXPECT_EQ(parse(kBase, {"state_dir=a: #b=[c]"}).state_dir, "a: #b=[c]");
  EXPECT_EQ(parse(kBase, {"api.token=${OPENDIALOG_TOKEN}"}).api.token, "hunter2");
}

TEST(Override, TakesListsAndMapsInFlowForm) {
  const Config config = parse(kBase, {"windows.rechecks=[{every: 2h, span: 30d}]", "api.filters={a: 1, b: x y}"});
  EXPECT_THAT(config.windows.rechecks, ElementsAre(Recheck{2h, 30 * 24h}));
  EXPECT_EQ(config.api.filters, (std::map<std::string, std::string>{{"a", "1"}, {"b", "x y"}}));
  EXPECT_THAT(parse(kBase, {"windows.rechecks=[]"}).windows.rechecks, testing::IsEmpty());
}

TEST(Override, SetsOneFilterBesideThoseOfTheFile) {
  const std::string text = "api: {base_url: \"https://acme.example\", filters: {a: 1, b: 2}}";
  const Config config = parse(text, {"api.filters.selected_scenario=0x1", "api.filters.a=3", "api.filters.b="});
  EXPECT_EQ(config.api.filters, (std::map<std::string, std::string>{{"a", "3"}, {"selected_scenario", "0x1"}}));
}

TEST(Override, WithoutValueLeavesAKeyWithoutDefaultOut) {
  const std::string text = kBase + "windows: {start: 2024-01-01}\nwarehouse: {dsn: host=h}\n";
  const Config config = parse(text, {"windows.start=", "warehouse.dsn=", "api.token=", "http.listen="});
  EXPECT_EQ(config.windows.start, std::nullopt);
  EXPECT_EQ(config.warehouse.dsn, "");
  EXPECT_EQ(config.http_listen, "") << "which has a default, so this is its value";
}

TEST(Override, ProblemsNameTheArgument) {
  EXPECT_EQ(problems_of_sets({"windows.widht=1h"}),
            "--set windows.widht: is no known key; did you mean windows.width?");
  EXPECT_EQ(problems_of_sets({"width=1h"}), "--set width: is no known key; did you mean windows.width?");
  EXPECT_EQ(problems_of_sets({"windows.poll=1h"}).substr(0, 37), "--set windows.poll: is no known key; ");
  EXPECT_EQ(problems_of_sets({"windows.width"}), "--set windows.width: is followed by no value; KEY=VALUE is accepted");
  EXPECT_EQ(problems_of_sets({"log=info"}), "--set log: is a section; level, format below it are accepted");
  EXPECT_EQ(problems_of_sets({"log.level="}),
            "--set log.level: \"\" is not known; trace, debug, info, warn, error or critical is accepted");
  EXPECT_EQ(problems_of_sets({"windows.rechecks=[{every: 1h}]"}),
            "--set windows.rechecks: windows.rechecks[0]: has no span; one such as {every: 1h, span: 24h} is accepted");
  EXPECT_EQ(problems_of_sets({"windows.rechecks=[{"}).substr(0, 45), "--set windows.rechecks: is not valid YAML: en");
  EXPECT_EQ(problems_of_sets({"api.filters={a: 1, a: 2}"}).substr(0, 58),
            "--set api.filters: api.filters.a: is given twice, first at");
  EXPECT_EQ(problems_of_sets({"windows.width=60d"}),
            "--set windows.width: 60d is more than windows.max_width 31d (the default); change one of the two");
  EXPECT_THAT(problems_of_sets({"api.token=hunter2"}), testing::StartsWith("--set api.token: a secret here is seen"));
}

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() : path_(testing::TempDir() + "odetl-config-" + std::to_string(::getpid()) + ".yaml") {}
  ~ConfigFile() override { ::unlink(path_.c_str()); }

  std::string write(const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path_, std::ios::binary) << text;
    ::chmod(path_.c_str(), mode);
    return path_;
  }
  static std::string refusal(const std::string& path) {
    try {
      load_config(path, {}, environment);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return {};
  }
  std::string path_;
};

TEST_F(ConfigFile, IsReadAndNamedInProblems) {
  EXPECT_EQ(load_config(write(kBase), {}, environment).api.base_url, "https://acme.example");
  EXPECT_THAT(refusal(write(kBase + "x: 1")), testing::StartsWith(path_ + ":2:1: x: is no known key"));
}

TEST_F(ConfigFile, ThatCannotBeReadIsRefusedWithTheCause) {
  EXPECT_EQ(refusal("/nowhere/c.yaml"),
            "/nowhere/c.yaml: cannot be read: No such file or directory; --config or "
            "$OPENDIALOG_ETL_CONFIG names another file");
  EXPECT_EQ(refusal("/tmp"), "/tmp: is a directory; a YAML file is accepted");
  EXPECT_EQ(refusal("/dev/zero"), "/dev/zero: is too large; up to 1 MiB is accepted");
}

TEST_F(ConfigFile, ThatEveryoneCanReadComesWithAWarningWhenItHoldsASecret) {
  const std::string text = "api:\n  base_url: https://acme.example\n  token: ";
  const auto warnings = load_config(write(text + "hunter2\n", 0644), {}, environment).warnings;
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0],
              testing::StartsWith(path_ + ":3:10: api.token: is a secret in a file that every user can read"));
  EXPECT_TRUE(load_config(write(text + "hunter2\n", 0640), {}, environment).warnings.empty());
  EXPECT_TRUE(load_config(write(text + "${OPENDIALOG_TOKEN}\n", 0644), {}, environment).warnings.empty());
}

}  // namespace
}  // namespace odetl
