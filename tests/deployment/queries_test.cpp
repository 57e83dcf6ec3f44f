#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <regex>
#include <set>

#include "daemon/metrics.hpp"
#include "tests/support/child_process.hpp"

// What the dashboard and the alerts ask for is what the daemon exposes.
namespace odetl::test {
namespace {

using namespace std::chrono_literals;

// Of a daemon to which everything has happened once.
std::string exposition() {
  Metrics metrics;
  Exchange exchange;
  exchange.status = 200;
  metrics.request(exchange);
  metrics.retry(Failure::timeout);
  WindowReport report;
  report.outcome = Outcome::loaded;
  report.reason = Reason::poll;
  report.lateness = {1s};
  metrics.window(report);
  return metrics.expose(Timestamp(1h));
}

struct Exposed {
  std::set<std::string> series;
  std::set<std::string> labels = {"job", "instance"};  // Prometheus adds these
};

Exposed exposed() {
  Exposed found;
  const std::string text = "\n" + exposition();
  const std::regex line("\n([a-z_]+)[{ ]"), label("[{,]([a-z_]+)=");
  for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at) found.series.insert((*at)[1]);
  for (std::sregex_iterator at(text.begin(), text.end(), label), end; at != end; ++at) found.labels.insert((*at)[1]);
  return found;
}

YAML::Node load(const std::string& name) { return YAML::LoadFile(std::string(ODETL_SOURCE_DIR) + "/config/" + name); }

// Every text below a key of this name.
void collect(const YAML::Node& node, const std::string& key, std::vector<std::string>& found) {
  if (node.IsSequence()) {
    for (const auto& item : node) collect(item, key, found);
  } else if (node.IsMap()) {
    for (const auto& pair : node) {
      if (pair.first.as<std::string>() == key && pair.second.IsScalar()) found.push_back(pair.second.as<std::string>());
      collect(pair.second, key, found);
    }
  }
}

std::vector<std::string> queries() {
  std::vector<std::string> found;
  collect(load("grafana-dashboard.json"), "expr", found);
  collect(load("grafana-dashboard.json")["templating"], "query", found);
  collect(load("prometheus-alerts.yaml"), "expr", found);
  return found;
}

TEST(Queries, NameSeriesThatExist) {
  const Exposed exists = exposed();
  const std::regex series("(opendialog_etl|process)_[a-z_]+");
  std::set<std::string> asked;
  for (const std::string& query : queries()) {
    for (std::sregex_iterator at(query.begin(), query.end(), series), end; at != end; ++at) {
      EXPECT_TRUE(exists.series.contains(at->str())) << at->str() << " in " << query;
      asked.insert(at->str());
    }
  }
  EXPECT_GT(asked.size(), 20U);
}

TEST(Queries, NameLabelsThatExist) {
  const Exposed exists = exposed();
  const std::regex matcher("[{,] *([a-z_]+) *[=!]"), grouping("by \\(([a-z_, ]+)\\)"), word("[a-z_]+");
  const auto expect = [&](const std::string& label, const std::string& query) {
    EXPECT_TRUE(exists.labels.contains(label)) << label << " in " << query;
  };
  for (const std::string& query : queries()) {
    for (std::sregex_iterator at(query.begin(), query.end(), matcher), end; at != end; ++at) expect((*at)[1], query);
    for (std::sregex_iterator at(query.begin(), query.end(), grouping), end; at != end; ++at) {
      const std::string names = (*at)[1];
      for (std::sregex_iterator name(names.begin(), names.end(), word); name != end; ++name) expect(name->str(), query);
    }
  }
}

TEST(Dashboard, ShowsEverySeriesOfTheProgramsOwn) {
  std::vector<std::string> shown;
  collect(load("grafana-dashboard.json"), "expr", shown);
  std::string all;
  for (const std::string& query : shown) all += query + "\n";
  for (std::string series : exposed().series) {
    series = std::regex_replace(series, std::regex("_(bucket|sum|count)$"), "");
    if (!series.starts_with("opendialog_etl_")) continue;
    EXPECT_THAT(all, testing::HasSubstr(series));
  }
}

TEST(Dashboard, HasPanelsOfDifferentNumbersThatDoNotOverlap) {
  std::set<int> numbers;
  std::set<std::pair<int, int>> taken;
  for (const auto& panel : load("grafana-dashboard.json")["panels"]) {
    EXPECT_TRUE(numbers.insert(panel["id"].as<int>()).second);
    const auto place = panel["gridPos"];
    for (int x = place["x"].as<int>(); x < place["x"].as<int>() + place["w"].as<int>(); ++x) {
      EXPECT_LT(x, 24);
      for (int y = place["y"].as<int>(); y < place["y"].as<int>() + place["h"].as<int>(); ++y)
        EXPECT_TRUE(taken.insert({x, y}).second) << panel["title"].as<std::string>();
    }
  }
}

TEST(Alerts, SayWhatIsWrongAndWhatToDo) {
  std::set<std::string> names;
  for (const auto& rule : load("prometheus-alerts.yaml")["groups"][0]["rules"]) {
    const auto name = rule["alert"].as<std::string>();
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(rule["labels"]["severity"]) << name;
    EXPECT_TRUE(rule["annotations"]["summary"] && rule["annotations"]["action"]) << name;
  }
  const std::string tests = read_file(std::string(ODETL_SOURCE_DIR) + "/tests/alerts/alerts_test.yaml");
  for (const std::string& name : names)
    EXPECT_THAT(tests, testing::HasSubstr("alertname: " + name + "\n        exp_alerts")) << "has a test that fires it";
}

}  // namespace
}  // namespace odetl::test
