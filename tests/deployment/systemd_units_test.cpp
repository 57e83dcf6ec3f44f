#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>

#include "tests/support/child_process.hpp"

// The units, judged by systemd itself.
namespace odetl::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kService = "opendialog-etl.service";
const std::string kTenant = "opendialog-etl@.service";
const std::string kOnce = "opendialog-etl-once.service";
const std::string kTimer = "opendialog-etl-once.timer";

std::string text_of(const std::string& unit) { return read_file(fs::path(ODETL_SOURCE_DIR) / "systemd" / unit); }

// `Key` of [Service] to its values, joined by lines.
std::map<std::string, std::string> settings(const std::string& unit) {
  std::map<std::string, std::string> found;
  std::istringstream lines(text_of(unit));
  bool in_service = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) in_service = line == "[Service]";
    const auto sign = line.find('=');
    if (!in_service || line.starts_with('#') || sign == std::string::npos) continue;
    std::string& value = found[line.substr(0, sign)];
    value += (value.empty() ? "" : "\n") + line.substr(sign + 1);
  }
  return found;
}

std::string sandbox(const std::string& unit) {
  const std::string text = text_of(unit);
  const auto begin = text.find("# The sandbox, the same in all units");
  return text.substr(std::min(begin, text.size()), text.find("\n[Install]") - begin);
}

// The units, with the program that was built.
class SystemdUnits : public testing::Test {
 protected:
  SystemdUnits() {
    for (const std::string& unit : {kService, kTenant, kOnce, kTimer}) {
      std::string text = text_of(unit);
      for (auto at = text.find(kInstalled); at != std::string::npos; at = text.find(kInstalled))
        text.replace(at, kInstalled.size(), "=" ODETL_BINARY_DIR "/daemon/opendialog-etl");
      write_file(directory_ / unit, text);
    }
  }

  RunResult analyze(std::vector<std::string> arguments, const std::string& unit) const {
    arguments.insert(arguments.begin(), {"systemd-analyze", "--no-pager"});
    arguments.push_back(directory_ / unit);
    return run(arguments);
  }

  const std::string kInstalled = "=/usr/bin/opendialog-etl";
  TempDirectory directory_;
};

TEST_F(SystemdUnits, AreCorrect) {
  for (const std::string& unit : {kService, kTenant, kOnce, kTimer}) {
    const RunResult result = analyze({"verify", "--man=no"}, unit);
    EXPECT_EQ(result.exit_code, 0) << unit;
    EXPECT_THAT(result.err + result.out, IsEmpty()) << unit;
  }
}

TEST_F(SystemdUnits, AreExposedByOnePointOneAtTheMost) {
  for (const std::string& unit : {kService, kTenant, kOnce}) {
    const RunResult result = analyze({"security", "--offline=true", "--threshold=11"}, unit);
    EXPECT_EQ(result.exit_code, 0) << unit << '\n' << result.out << result.err;
  }
}

TEST_F(SystemdUnits, HaveOneSandbox) {
  const std::string expected = sandbox(kService);
  EXPECT_THAT(expected, HasSubstr("SystemCallFilter="));
  EXPECT_EQ(sandbox(kTenant), expected);
  EXPECT_EQ(sandbox(kOnce) + "\n", expected + "\n");
}

TEST_F(SystemdUnits, OfATenantDifferOnlyInItsName) {
  auto service = settings(kService), tenant = settings(kTenant);
  EXPECT_EQ(tenant["ExecStart"], "/usr/bin/opendialog-etl --config /etc/opendialog-etl/%i.yaml run");
  EXPECT_EQ(tenant["LoadCredential"], "opendialog-token:/etc/opendialog-etl/%i.token");
  EXPECT_EQ(tenant["EnvironmentFile"], "-/etc/opendialog-etl/%i.environment");
  EXPECT_EQ(tenant["StateDirectory"], "opendialog-etl-%i");
  EXPECT_EQ(tenant.count("User"), 0U);
  for (const char* key : {"ExecStart", "LoadCredential", "EnvironmentFile", "StateDirectory", "User"}) {
    service.erase(key);
    tenant.erase(key);
  }
  EXPECT_EQ(tenant, service);
}

// The exit codes that a restart cannot mend: usage, permission, configuration, and no token to load (systemd's own).
TEST_F(SystemdUnits, AreNotStartedAgainForWhatAHumanMustMend) {
  for (const std::string& unit : {kService, kTenant}) {
    EXPECT_EQ(settings(unit)["Restart"], "on-failure");
    EXPECT_EQ(settings(unit)["RestartPreventExitStatus"], "64 77 78 243");
    EXPECT_EQ(settings(unit)["Type"], "notify");
  }
}

TEST_F(SystemdUnits, OfARunNowAndThenHaveTheServicesFilesAndNeverRunBesideIt) {
  auto service = settings(kService), once = settings(kOnce);
  for (const char* key : {"User", "StateDirectory", "LoadCredential", "Environment", "EnvironmentFile", "KillMode"})
    EXPECT_EQ(once[key], service[key]) << key;
  EXPECT_EQ(once["Type"], "oneshot");
  EXPECT_THAT(text_of(kTimer), HasSubstr("\nConflicts=opendialog-etl.service\n"));
}

}  // namespace
}  // namespace odetl::test
