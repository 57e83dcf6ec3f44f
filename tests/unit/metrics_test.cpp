#include "daemon/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace odetl {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const Timestamp kNow = *parse_timestamp("2024-06-01T12:00:00Z");

std::string line(const std::string& series, const std::string& value) {
  std::string text = "\nopendialog_etl_";
  return text.append(series).append(" ").append(value).append("\n");
}

WindowReport loaded() {
  WindowReport report;
  report.window = {std::chrono::floor<std::chrono::seconds>(kNow) - 1h, std::chrono::floor<std::chrono::seconds>(kNow)};
  report.inserted = 3;
  report.updated = 2;
  report.unchanged = 5;
  report.deleted = 1;
  report.rejected = 4;
  report.users_inserted = 6;
  report.users_without_id = 7;
  report.load = 300ms;
  report.started_at = kNow;
  report.lateness = {2s, 400s};
  return report;
}

TEST(Metrics, ShowsEverySeriesOfTheContractFromTheBeginning) {
  const std::string text = Metrics().expose(kNow);
  for (const char* name :
       {"watermark_timestamp_seconds", "lag_seconds", "last_success_timestamp_seconds", "interactions_total",
        "users_total", "api_request_seconds", "api_response_bytes_total", "load_seconds", "window_width_seconds",
        "row_lateness_seconds", "coverage_gap_seconds", "rejected_records", "users_without_id_total", "leader",
        "rate_limit_remaining", "backfill_progress_ratio", "build_info"}) {
    EXPECT_THAT(text, HasSubstr(std::string("# TYPE opendialog_etl_") + name + " ")) << name;
  }
  for (const char* result : {"inserted", "updated", "unchanged", "deleted", "rejected"}) {
    EXPECT_THAT(text, HasSubstr(line(std::string("interactions_total{result=\"") + result + "\"}", "0")));
  }
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
                           "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name + " "));
  }
  EXPECT_THAT(text, testing::ContainsRegex("opendialog_etl_build_info\\{.*version=\"[0-9.]+\".*\\} 1"));
}

// The type of every series of the contract, as a scraper reads it.
TEST(Metrics, EverySeriesHasItsTypeAndAHelp) {
  const std::map<std::string, std::string> types = {{"watermark_timestamp_seconds", "gauge"},
                                                    {"lag_seconds", "gauge"},
                                                    {"last_success_timestamp_seconds", "gauge"},
                                                    {"interactions_total", "counter"},
                                                    {"users_total", "counter"},
                                                    {"windows_total", "counter"},
                                                    {"api_requests_total", "counter"},
                                                    {"api_request_seconds", "histogram"},
                                                    {"api_response_bytes_total", "counter"},
                                                    {"api_retries_total", "counter"},
                                                    {"load_seconds", "histogram"},
                                                    {"window_width_seconds", "gauge"},
                                                    {"row_lateness_seconds", "histogram"},
                                                    {"coverage_gap_seconds", "gauge"},
                                                    {"rejected_records", "gauge"},
                                                    {"users_without_id_total", "counter"},
                                                    {"leader", "gauge"},
                                                    {"rate_limit_remaining", "gauge"},
                                                    {"backfill_progress_ratio", "gauge"},
                                                    {"build_info", "gauge"}};
  const std::string text = Metrics().expose(kNow);
  for (const auto& [name, type] : types) {
    EXPECT_THAT(text, HasSubstr("# TYPE opendialog_etl_" + name + " " + type + "\n"));
    EXPECT_THAT(text, testing::ContainsRegex("# HELP opendialog_etl_" + name + " [A-Z0-9].*\\."));
  }
}

// Comments, and samples `name{label="value",…} number`, whose family was told before.
TEST(Metrics, EveryLineIsOfTheTextFormat) {
  Metrics metrics;
  metrics.window(loaded());
  std::istringstream text(metrics.expose(kNow));
  std::string family;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("# TYPE ")) family = line.substr(7, line.rfind(' ') - 7);
    if (line.starts_with("# ")) continue;
    EXPECT_TRUE(line.starts_with(family)) << line;
    EXPECT_THAT(
        line, testing::MatchesRegex("[a-z_]+(\\{[a-z_]+=\"[^\"]*\"(,[a-z_]+=\"[^\"]*\")*,?\\})? [-+0-9.e]+(Inf)?|NaN"));
  }
}

TEST(Metrics, CountsWhatBecameOfALoadedWindow) {
  Metrics metrics;
  metrics.window(loaded());
  metrics.window(loaded());
  const std::string text = metrics.expose(kNow);
  EXPECT_THAT(text, HasSubstr(line("interactions_total{result=\"inserted\"}", "6")));
  EXPECT_THAT(text, HasSubstr(line("interactions_total{result=\"updated\"}", "4")));
  EXPECT_THAT(text, HasSubstr(line("interactions_total{result=\"unchanged\"}", "10")));
  EXPECT_THAT(text, HasSubstr(line("interactions_total{result=\"deleted\"}", "2")));
  EXPECT_THAT(text, HasSubstr(line("interactions_total{result=\"rejected\"}", "8")));
  EXPECT_THAT(text, HasSubstr(line("users_total{result=\"inserted\"}", "12")));
  EXPECT_THAT(text, HasSubstr(line("users_without_id_total", "14")));
  EXPECT_THAT(text, HasSubstr(line("windows_total{outcome=\"loaded\",reason=\"poll\"}", "2")));
  EXPECT_THAT(text, HasSubstr(line("load_seconds_count", "2")));
  EXPECT_THAT(text, HasSubstr(line("load_seconds_bucket{le=\"0.5\"}", "2")));
  EXPECT_THAT(text, HasSubstr(line("row_lateness_seconds_bucket{le=\"5\"}", "2")));
  EXPECT_THAT(text, HasSubstr(line("row_lateness_seconds_count", "4")));
}

TEST(Metrics, CountsOnlyTheWindowWhenItWasNotLoaded) {
  Metrics metrics;
  WindowReport report = loaded();
  report.outcome = Outcome::split;
  report.reason = Reason::backfill;
  metrics.window(report);
  const std::string text = metrics.expose(kNow);
  EXPECT_THAT(text, HasSubstr(line("windows_total{outcome=\"split\",reason=\"backfill\"}", "1")));
  EXPECT_THAT(text, HasSubstr(line("interactions_total{result=\"inserted\"}", "0")));
  EXPECT_THAT(text, HasSubstr(line("last_success_timestamp_seconds", "0")));
}

TEST(Metrics, TakesLatenessFromPollsAlone) {
  Metrics metrics;
  WindowReport report = loaded();
  report.reason = Reason::backfill;
  metrics.window(report);
  EXPECT_THAT(metrics.expose(kNow), HasSubstr(line("row_lateness_seconds_count", "0")));
}

TEST(Metrics, CountsRequestsByStatus) {
  Metrics metrics;
  Exchange exchange;
  exchange.status = 200;
  exchange.body_bytes = 1000;
  exchange.duration = 40ms;
  exchange.rate_limit.remaining = 17;
  metrics.request(exchange);
  exchange = {};
  exchange.body_bytes = 24;
  metrics.request(exchange);
  metrics.retry(Failure::throttled);
  const std::string text = metrics.expose(kNow);
  EXPECT_THAT(text, HasSubstr(line("api_requests_total{code=\"200\"}", "1")));
  EXPECT_THAT(text, HasSubstr(line("api_requests_total{code=\"0\"}", "1")));
  EXPECT_THAT(text, HasSubstr(line("api_response_bytes_total", "1024")));
  EXPECT_THAT(text, HasSubstr(line("api_request_seconds_bucket{le=\"0.05\"}", "2")));
  EXPECT_THAT(text, HasSubstr(line("rate_limit_remaining", "17")));
  EXPECT_THAT(text, HasSubstr(line("api_retries_total{cause=\"throttled\"}", "1")));
}

TEST(Metrics, TheLagGrowsWithTheClock) {
  Metrics metrics;
  EXPECT_THAT(metrics.expose(kNow), HasSubstr(line("lag_seconds", "0")));  // nothing was loaded yet
  metrics.watermark(std::chrono::floor<std::chrono::seconds>(kNow) - 15s, 90s);
  EXPECT_THAT(metrics.expose(kNow), HasSubstr(line("lag_seconds", "15")));
  const std::string later = metrics.expose(kNow + 30s);
  EXPECT_THAT(later, HasSubstr(line("lag_seconds", "45")));
  EXPECT_THAT(later, HasSubstr(line("coverage_gap_seconds", "90")));
  EXPECT_THAT(later, HasSubstr(line("watermark_timestamp_seconds", "1717243185")));
}

TEST(Metrics, ShowsTheStateItWasToldLast) {
  Metrics metrics;
  metrics.leader(true);
  metrics.rejected_records(3);
  metrics.window_width(2h);
  metrics.backfill_progress(0.25);
  metrics.configuration_loaded(false);
  std::string text = metrics.expose(kNow);
  EXPECT_THAT(text, HasSubstr(line("leader", "1")));
  EXPECT_THAT(text, HasSubstr(line("rejected_records", "3")));
  EXPECT_THAT(text, HasSubstr(line("window_width_seconds", "7200")));
  EXPECT_THAT(text, HasSubstr(line("backfill_progress_ratio", "0.25")));
  EXPECT_THAT(text, HasSubstr(line("configuration_last_load_successful", "0")));
  metrics.leader(false);
  EXPECT_THAT(metrics.expose(kNow), HasSubstr(line("leader", "0")));
}

TEST(Metrics, ProcessTimeOnlyGrows) {
  Metrics metrics;
  const auto cpu = [&] {
    const std::string text = metrics.expose(kNow);
    return std::stod(text.substr(text.find("\nprocess_cpu_seconds_total ") + 27));
  };
  const double first = cpu();
  EXPECT_GT(first, 0);
  EXPECT_GE(cpu(), first);
}

}  // namespace
}  // namespace odetl
