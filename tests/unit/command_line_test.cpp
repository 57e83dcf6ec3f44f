#include "daemon/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace odetl {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Timestamp kNow = *parse_timestamp("2024-06-01T12:00:00Z");

std::variant<Invocation, Farewell> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "opendialog-etl");
  return parse_command_line(static_cast<int>(words.size()), words.data(), kNow);
}

Invocation understood(const std::vector<const char*>& words) {
  auto parsed = parse(words);
  if (const auto* farewell = std::get_if<Farewell>(&parsed)) {
    ADD_FAILURE() << farewell->err;
    return {};
  }
  return std::get<Invocation>(parsed);
}

Farewell refused(const std::vector<const char*>& words) {
  auto parsed = parse(words);
  if (std::holds_alternative<Invocation>(parsed)) {
    ADD_FAILURE() << "it was understood";
    return {ExitCode::done, "", ""};
  }
  return std::get<Farewell>(parsed);
}

sys_seconds instant(const char* text) { return std::chrono::floor<std::chrono::seconds>(*parse_instant(text)); }

TEST(CommandLine, KnowsEveryCommand) {
  EXPECT_EQ(understood({"run"}).command, Command::run);
  EXPECT_EQ(understood({"backfill", "--from", "2024-01-01", "--to", "2024-01-02"}).command, Command::backfill);
  EXPECT_EQ(understood({"verify", "--from", "2024-01-01", "--to", "2024-01-02"}).command, Command::verify);
  EXPECT_EQ(understood({"status"}).command, Command::status);
  EXPECT_EQ(understood({"check"}).command, Command::check);
  EXPECT_EQ(understood({"migrate"}).command, Command::migrate);
  EXPECT_EQ(understood({"version"}).command, Command::version);
  EXPECT_EQ(understood({"--version"}).command, Command::version);
}

TEST(CommandLine, LeavesOutWhatIsNotTyped) {
  const Invocation run = understood({"run"});
  EXPECT_FALSE(run.config_file || run.log_level || run.log_format || run.window || run.workers);
  EXPECT_FALSE(run.once || run.reload || run.dry_run || run.json || run.offline);
  EXPECT_THAT(run.overrides, IsEmpty());
}

TEST(CommandLine, TakesGlobalOptionsBeforeAndAfterTheCommand) {
  for (const auto& words :
       std::vector<std::vector<const char*>>{{"--config", "/etc/a.yaml", "--set", "a.b=1", "--set", "c=[1, 2]",
                                              "--log-level", "debug", "--log-format", "json", "run"},
                                             {"run", "--config", "/etc/a.yaml", "--set", "a.b=1", "--set", "c=[1, 2]",
                                              "--log-level", "debug", "--log-format", "json"}}) {
    const Invocation run = understood(words);
    EXPECT_EQ(run.config_file, "/etc/a.yaml");
    EXPECT_THAT(run.overrides, ElementsAre("a.b=1", "c=[1, 2]"));
    EXPECT_EQ(run.log_level, "debug");
    EXPECT_EQ(run.log_format, "json");
  }
}

TEST(CommandLine, ReadsFlags) {
  EXPECT_TRUE(understood({"run", "--once"}).once);
  EXPECT_TRUE(understood({"status", "--json"}).json);
  EXPECT_TRUE(understood({"check", "--offline"}).offline);
  EXPECT_TRUE(understood({"migrate", "--dry-run"}).dry_run);
}

TEST(CommandLine, ReadsABackfill) {
  const Invocation backfill = understood({"backfill", "--from", "2024-01-01", "--to", "2024-01-31T08:00:00+02:00",
                                          "--window", "6h", "--workers", "4", "--reload", "--dry-run"});
  EXPECT_EQ(backfill.from, instant("2024-01-01T00:00:00Z"));
  EXPECT_EQ(backfill.to, instant("2024-01-31T06:00:00Z"));
  EXPECT_EQ(backfill.window, 6h);
  EXPECT_EQ(backfill.workers, 4);
  EXPECT_TRUE(backfill.reload && backfill.dry_run);
}

TEST(CommandLine, ReadsAVerification) {
  const Invocation verify = understood({"verify", "--from", "2024-01-01", "--to", "2024-01-02", "--repair"});
  EXPECT_EQ(verify.from, instant("2024-01-01T00:00:00Z"));
  EXPECT_EQ(verify.to, instant("2024-01-02T00:00:00Z"));
  EXPECT_TRUE(verify.repair);
}

TEST(CommandLine, ReadsWhatToDoWithRejects) {
  EXPECT_EQ(understood({"rejects", "list"}).command, Command::rejects_list);
  EXPECT_EQ(understood({"rejects", "list", "--json", "--limit", "7"}).limit, 7);
  const Invocation retry = understood({"rejects", "retry", "--id", "018DFC9A-ffe8-8611-9701-b868053e0200"});
  EXPECT_EQ(retry.command, Command::rejects_retry);
  EXPECT_THAT(retry.ids, ElementsAre("018dfc9a-ffe8-8611-9701-b868053e0200"));
  const Invocation purge = understood({"rejects", "purge", "--before", "2024-01-01", "--yes"});
  EXPECT_EQ(purge.command, Command::rejects_purge);
  EXPECT_EQ(purge.before, instant("2024-01-01T00:00:00Z"));
  EXPECT_TRUE(purge.yes);
}

TEST(CommandLine, WidensFractionsOfARangeToWholeSeconds) {
  const Invocation backfill =
      understood({"backfill", "--from", "2024-01-01T00:00:00.9Z", "--to", "2024-01-01T00:00:01.1Z"});
  EXPECT_EQ(backfill.from, instant("2024-01-01T00:00:00Z"));
  EXPECT_EQ(backfill.to, instant("2024-01-01T00:00:02Z"));
}

struct Refused {
  const char* name;
  std::vector<const char*> words;
  const char* told;
};

class Refusal : public testing::TestWithParam<Refused> {};

TEST_P(Refusal, EndsWithUsageAndTheReason) {
  const Farewell farewell = refused(GetParam().words);
  EXPECT_EQ(farewell.code, ExitCode::usage);
  EXPECT_THAT(farewell.err, HasSubstr(GetParam().told));
  EXPECT_EQ(farewell.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    CommandLine, Refusal,
    testing::Values(
        Refused{"NoCommand", {}, "no command is given"}, Refused{"TwoCommands", {"run", "status"}, "opendialog-etl:"},
        Refused{"NothingToDoWithRejects", {"rejects"}, "opendialog-etl:"},
        Refused{"ActionOnRejectsMisspelt", {"rejects", "lits"}, "did you mean 'list'?"},
        Refused{"NoIdOfAReject", {"rejects", "retry", "--id", "7"}, "--id '7'"},
        Refused{"NoInstant", {"rejects", "purge", "--before", "soon"}, "--before 'soon'"},
        Refused{"NoLimit", {"rejects", "list", "--limit", "0"}, "--limit"},
        Refused{"CommandMisspelt", {"statsu"}, "did you mean 'status'?"},
        Refused{"CommandFarFromAny", {"frobnicate"}, "See opendialog-etl --help"},
        Refused{"GlobalOptionMisspelt", {"--confg", "x", "run"}, "did you mean '--config'?"},
        Refused{"OptionOfACommandMisspelt", {"run", "--onec"}, "did you mean '--once'?"},
        Refused{"OptionWithEqualsMisspelt", {"backfill", "--form=2024-01-01"}, "did you mean '--from'?"},
        Refused{"OptionOfAnotherCommand", {"run", "--reload"}, "--reload"},
        Refused{"NoFrom", {"backfill", "--to", "2024-01-02"}, "--from"},
        Refused{"NoTo", {"backfill", "--from", "2024-01-02"}, "--to"},
        Refused{"FromWithoutZone",
                {"backfill", "--from", "2024-01-01T00:00:00", "--to", "2024-01-02"},
                "with Z or an offset"},
        Refused{"ToWithoutZone",
                {"backfill", "--from", "2024-01-01", "--to", "2024-01-02 10:00"},
                "--to '2024-01-02 10:00'"},
        Refused{"NoSuchDay", {"backfill", "--from", "2024-02-30", "--to", "2024-03-02"}, "--from '2024-02-30'"},
        Refused{"Empty", {"backfill", "--from", "2024-01-02", "--to", "2024-01-02"}, "is empty"},
        Refused{"Turned", {"backfill", "--from", "2024-01-02", "--to", "2024-01-01"}, "is empty"},
        Refused{"Future",
                {"backfill", "--from", "2024-01-02", "--to", "2024-06-01T12:00:01Z"},
                "now is 2024-06-01T12:00:00Z"},
        Refused{"BeforeTime", {"backfill", "--from", "1969-12-31", "--to", "2024-01-01"}, "begins before 1970"},
        Refused{"WindowWithoutUnit",
                {"backfill", "--from", "2024-01-01", "--to", "2024-01-02", "--window", "90"},
                "--window '90'"},
        Refused{"WindowOfAFraction",
                {"backfill", "--from", "2024-01-01", "--to", "2024-01-02", "--window", "1500ms"},
                "whole seconds"},
        Refused{"WindowOfNothing",
                {"backfill", "--from", "2024-01-01", "--to", "2024-01-02", "--window", "0s"},
                "--window '0s'"},
        Refused{"NoWorkers", {"backfill", "--from", "2024-01-01", "--to", "2024-01-02", "--workers", "0"}, "1 to 64"},
        Refused{
            "ManyWorkers", {"backfill", "--from", "2024-01-01", "--to", "2024-01-02", "--workers", "65"}, "1 to 64"},
        Refused{"WorkersInWords",
                {"backfill", "--from", "2024-01-01", "--to", "2024-01-02", "--workers", "two"},
                "--workers"}),
    [](const auto& refusal) { return refusal.param.name; });

TEST(CommandLine, TheRangeMayEndNow) {
  EXPECT_EQ(understood({"backfill", "--from", "2024-01-01", "--to", "2024-06-01T12:00:00Z"}).to,
            instant("2024-06-01T12:00:00Z"));
}

TEST(CommandLine, HelpGoesToStandardOutput) {
  const Farewell general = refused({"--help"});
  EXPECT_EQ(general.code, ExitCode::done);
  EXPECT_EQ(general.err, "");
  for (const char* text : {"run", "backfill", "status", "check", "migrate", "version", "--config", "Exit codes:"}) {
    EXPECT_THAT(general.out, HasSubstr(text));
  }
  for (const char* command : {"run", "backfill", "status", "check", "migrate", "version"}) {
    const Farewell help = refused({command, "-h"});
    EXPECT_EQ(help.code, ExitCode::done);
    EXPECT_THAT(help.out, HasSubstr(std::string("Example:\n  opendialog-etl ") + command));
  }
}

}  // namespace
}  // namespace odetl
