#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <map>

#include "daemon/command_line.hpp"
#include "daemon/config.hpp"
#include "tests/support/child_process.hpp"

// The example for Kubernetes: what it refers to is there, and the program takes what it is given.
namespace odetl::test {
namespace {

using namespace std::chrono_literals;

// The objects of both files, by `Kind/name`.
std::map<std::string, YAML::Node> objects() {
  std::map<std::string, YAML::Node> found;
  for (const char* file : {"opendialog-etl.yaml", "backfill.yaml"}) {
    for (const YAML::Node& object :
         YAML::LoadAllFromFile(std::string(ODETL_SOURCE_DIR) + "/config/kubernetes/" + file)) {
      EXPECT_TRUE(object["apiVersion"]) << file;
      found[object["kind"].as<std::string>() + "/" + object["metadata"]["name"].as<std::string>()] = object;
    }
  }
  return found;
}

const std::string kDeployment = "Deployment/opendialog-etl", kJob = "Job/opendialog-etl-backfill";

YAML::Node pod_of(const std::string& owner) { return objects().at(owner)["spec"]["template"]["spec"]; }
YAML::Node container_of(const std::string& owner) { return pod_of(owner)["containers"][0]; }

std::optional<std::string> pod_environment(const std::string& name) {
  for (const auto& variable : container_of(kDeployment)["env"]) {
    if (variable["name"].as<std::string>() != name) continue;
    if (variable["value"]) return variable["value"].as<std::string>();
    const auto reference = variable["valueFrom"]["secretKeyRef"];
    const auto secret = objects().at("Secret/" + reference["name"].as<std::string>());
    return secret["stringData"][reference["key"].as<std::string>()].as<std::string>();
  }
  return {};
}

Invocation invocation_of(const std::string& owner) {
  std::vector<std::string> words = {"opendialog-etl"};
  for (const auto& word : container_of(owner)["args"]) words.push_back(word.as<std::string>());
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  const Timestamp now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  return std::get<Invocation>(parse_command_line(static_cast<int>(argv.size()), argv.data(), now));
}

TEST(Kubernetes, TheConfigurationIsTaken) {
  const TempDirectory directory;
  write_file(directory / "config.yaml",
             objects().at("ConfigMap/opendialog-etl")["data"]["config.yaml"].as<std::string>());
  const Config config = load_config(directory / "config.yaml", {}, pod_environment);
  EXPECT_EQ(config.warehouse.dsn, *pod_environment("WAREHOUSE_DSN"));
  EXPECT_TRUE(config.http_listen.ends_with(":9464")) << "where probes reach it";
}

TEST(Kubernetes, TheArgumentsAreCommands) {
  EXPECT_EQ(invocation_of(kDeployment).command, Command::run);
  EXPECT_EQ(invocation_of(kJob).command, Command::backfill);
}

TEST(Kubernetes, APairPollsAndStandsByAndIsProbed) {
  const auto deployment = objects().at(kDeployment)["spec"];
  EXPECT_EQ(deployment["replicas"].as<int>(), 2);
  EXPECT_EQ(deployment["selector"]["matchLabels"]["app"].as<std::string>(),
            deployment["template"]["metadata"]["labels"]["app"].as<std::string>());
  const auto container = container_of(kDeployment);
  EXPECT_EQ(container["livenessProbe"]["httpGet"]["path"].as<std::string>(), "/healthz");
  EXPECT_EQ(container["readinessProbe"]["httpGet"]["path"].as<std::string>(), "/readyz");
  EXPECT_EQ(container["ports"][0]["containerPort"].as<int>(), 9464);
}

TEST(Kubernetes, ABackfillIsSharedByPodsAndEndsForWhatAHumanMustMend) {
  const auto job = objects().at(kJob)["spec"];
  EXPECT_GT(job["parallelism"].as<int>(), 1);
  EXPECT_FALSE(job["completions"]) << "each pod ends by itself when nothing is left";
  EXPECT_EQ(job["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"].as<std::vector<int>>(),
            (std::vector<int>{64, 77, 78}));
  EXPECT_EQ(pod_of(kJob)["restartPolicy"].as<std::string>(), "Never") << "a failure policy asks for it";
}

TEST(Kubernetes, TheTokenIsAFileOfASecretAndNothingElseIsMounted) {
  for (const std::string& owner : {kDeployment, kJob}) {
    std::map<std::string, YAML::Node> volumes;
    for (const auto& volume : pod_of(owner)["volumes"]) volumes[volume["name"].as<std::string>()] = YAML::Node(volume);
    std::map<std::string, std::string> mounts;
    for (const auto& mount : container_of(owner)["volumeMounts"])
      mounts[mount["name"].as<std::string>()] = mount["mountPath"].as<std::string>();
    EXPECT_EQ(mounts, (std::map<std::string, std::string>{{"config", "/etc/opendialog-etl"},
                                                          {"token", *pod_environment("CREDENTIALS_DIRECTORY")}}));
    const auto secret = volumes.at("token")["secret"];
    const auto key = secret["items"][0]["key"].as<std::string>();
    EXPECT_EQ(secret["items"][0]["path"].as<std::string>(), "opendialog-token");
    EXPECT_TRUE(objects().at("Secret/" + secret["secretName"].as<std::string>())["stringData"][key]);
    EXPECT_TRUE(objects().contains("ConfigMap/" + volumes.at("config")["configMap"]["name"].as<std::string>()));
  }
}

TEST(Kubernetes, ContainersHaveNoRightsAndLimits) {
  for (const std::string& owner : {kDeployment, kJob}) {
    EXPECT_TRUE(pod_of(owner)["securityContext"]["runAsNonRoot"].as<bool>());
    const auto container = container_of(owner);
    EXPECT_TRUE(container["securityContext"]["readOnlyRootFilesystem"].as<bool>());
    EXPECT_EQ(container["securityContext"]["capabilities"]["drop"][0].as<std::string>(), "ALL");
    EXPECT_TRUE(container["resources"]["limits"]["memory"] && container["resources"]["requests"]["cpu"]);
    EXPECT_EQ(container["image"].as<std::string>(), container_of(kDeployment)["image"].as<std::string>());
  }
}

}  // namespace
}  // namespace odetl::test
