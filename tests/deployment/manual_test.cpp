#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "daemon/command_line.hpp"
#include "daemon/config.hpp"
#include "daemon/events.hpp"
#include "daemon/version.hpp"
#include "tests/support/child_process.hpp"

// The manual pages and completions that were built, the package's own configuration and its changelog.
namespace odetl::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string described(const std::string& file) {
  return read_file(std::string(ODETL_BINARY_DIR) + "/described/" + file);
}
std::string source(const std::string& file) { return read_file(std::string(ODETL_SOURCE_DIR) + "/" + file); }

// As roff writes hyphens.
std::string roff(std::string text) {
  for (std::size_t at = 0; (at = text.find('-', at)) != std::string::npos; at += 2) text.insert(at, 1, '\\');
  return text;
}

TEST(Manual, TellsOfEveryCommandAndOption) {
  const std::string page = described("man/man1/opendialog-etl.1");
  for (const CommandText& command : describe_command_line()) {
    EXPECT_THAT(page, HasSubstr(command.name.empty() ? "\n.SH COMMANDS\n" : "\n.SS " + command.name + "\n"));
    for (const OptionText& option : command.options) EXPECT_THAT(page, HasSubstr("\\fB" + roff(option.name) + "\\fR"));
    for (const std::string& example : command.examples) EXPECT_THAT(page, HasSubstr("\n" + roff(example) + "\n"));
  }
  for (const char* section : {"EXIT STATUS", "SIGNALS", "ENVIRONMENT", "FILES", "EXAMPLES"})
    EXPECT_THAT(page, HasSubstr(std::string("\n.SH ") + section + "\n"));
}

TEST(Manual, TellsOfEveryKeyItsDefaultAndWhatIsAccepted) {
  const std::string page = described("man/man5/opendialog-etl.yaml.5");
  for (const ConfigKey& key : config_keys()) {
    EXPECT_THAT(page, HasSubstr(".TP\n\\fB" + key.path + "\\fR\n"));
    EXPECT_THAT(page, HasSubstr(roff(key.range))) << key.path;
  }
}

TEST(Manual, TellsOfEveryEventOfTheLog) {
  const std::string page = described("man/man1/opendialog-etl.1");
  for (const EventKind& kind : all_events())
    EXPECT_THAT(page, HasSubstr(".TP\n\\fB" + std::string(kind.name) + "\\fR ["));
}

TEST(CommandLineText, NamesWhatAnOptionTakes) {
  for (const CommandText& command : describe_command_line()) {
    for (const OptionText& option : command.options) {
      EXPECT_NE(option.value, "TEXT") << option.name;
      EXPECT_NE(option.value, "INT") << option.name;
    }
  }
}

// What bash offers behind these words, the last of which is being typed.
std::vector<std::string> offered(const std::string& words) {
  const std::string script = "source " ODETL_BINARY_DIR
                             "/described/bash-completion/completions/opendialog-etl\n"
                             "COMP_WORDS=(opendialog-etl " +
                             words +
                             ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                             "_opendialog_etl\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  const RunResult result = run({"bash", "-c", script});
  EXPECT_EQ(result.err, "");
  std::vector<std::string> lines;
  std::istringstream out(result.out);
  for (std::string line; std::getline(out, line);) lines.push_back(line);
  return lines;
}

TEST(BashCompletion, OffersWhatFits) {
  EXPECT_THAT(offered("back"), ElementsAre("backfill"));
  EXPECT_THAT(offered("--config run ch"), ElementsAre("check")) << "'run' is a file here";
  EXPECT_THAT(offered("backfill --wo"), ElementsAre("--workers"));
  EXPECT_THAT(offered("run --wo"), ElementsAre(""));
  EXPECT_THAT(offered("rejects --config file pu"), ElementsAre("purge"));
  EXPECT_THAT(offered("rejects purge --be"), ElementsAre("--before"));
  EXPECT_THAT(offered("run --log-format j"), ElementsAre("json"));
  EXPECT_THAT(offered("--set windows.loo"), ElementsAre("windows.lookback="));
  EXPECT_THAT(offered("''"), Contains("migrate"));
}

TEST(ZshAndFishCompletion, KnowEveryOption) {
  const std::string zsh = described("zsh/vendor-completions/_opendialog-etl");
  const std::string fish = described("fish/vendor_completions.d/opendialog-etl.fish");
  EXPECT_THAT(zsh, StartsWith("#compdef opendialog-etl\n"));
  for (const CommandText& command : describe_command_line()) {
    for (const OptionText& option : command.options) {
      EXPECT_THAT(zsh, HasSubstr(option.name + "["));
      EXPECT_THAT(fish, HasSubstr(" -l " + option.name.substr(2) + " "));
    }
  }
}

TEST(PackagedConfiguration, TakesTheTokenFromTheServiceElseFromItsFile) {
  const std::string file = std::string(ODETL_SOURCE_DIR) + "/config/package.yaml";
  const auto by_hand = load_config(file, {}, [](const std::string&) { return std::optional<std::string>(); });
  EXPECT_EQ(by_hand.api.token_file, "/etc/opendialog-etl/token");
  const auto as_service = load_config(file, {}, [](const std::string& name) {
    return name == "OPENDIALOG_TOKEN_FILE" ? std::optional<std::string>("/run/credentials/x/opendialog-token")
                                           : std::nullopt;
  });
  EXPECT_EQ(as_service.api.token_file, "/run/credentials/x/opendialog-token");
}

TEST(Package, ItsChangelogIsOfThisVersion) {
  EXPECT_THAT(source("config/debian/changelog"), StartsWith(std::string("opendialog-etl (") + kVersion + ") "));
}

TEST(Container, IsBuiltByTheSameCommands) {
  const std::string text = source("config/Containerfile");
  EXPECT_THAT(text, HasSubstr("\nRUN .ci/install build package\n"));
  EXPECT_THAT(text, HasSubstr("\nRUN .ci/package\n"));
}

}  // namespace
}  // namespace odetl::test
