#include "daemon/status.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace odetl {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

sys_seconds at(const char* text) { return std::chrono::floor<std::chrono::seconds>(*parse_timestamp(text)); }

StatusFacts facts() {
  StatusFacts facts;
  facts.state.watermark = at("2024-01-03T00:00:00Z");
  facts.state.coverage.add({at("2024-01-01T00:00:00Z"), at("2024-01-02T00:00:00Z")});
  facts.state.coverage.add({at("2024-01-02T00:00:01Z"), at("2024-01-03T00:00:00Z")});
  facts.lag = 75s;
  facts.leader = true;
  facts.last_success = "2024-01-03T00:00:10Z";
  facts.windows.emplace_back().json = R"({"outcome":"loaded"})";
  facts.rejected = 2;
  facts.users = 1'000;
  facts.interactions = 1'234'567;
  return facts;
}

TEST(Status, TellsEverythingAsJson) {
  EXPECT_THAT(
      status_json(facts()),
      HasSubstr(
          R"("stream":"interactions","watermark":"2024-01-03T00:00:00Z","lag_seconds":75,)"
          R"("coverage":[["2024-01-01T00:00:00Z","2024-01-02T00:00:00Z"],["2024-01-02T00:00:01Z","2024-01-03T00:00:00Z"]],)"
          R"("gaps":[["2024-01-02T00:00:00Z","2024-01-02T00:00:01Z"]],"poisoned":[],)"
          R"("leader":true,"last_success":"2024-01-03T00:00:10Z","last_error":null,"last_error_at":null,)"
          R"("windows":[{"outcome":"loaded"}],"rejected_records":2,"vanished_unconfirmed":0,)"
          R"("rows":{"users":1000,"interactions":1234567,"interactions_estimated":false},"ready":true,"errors":[],"rejects":[],"calendar":[]})"));
}

TEST(Status, QuotesWhatErrorsSay) {
  StatusFacts failing = facts();
  failing.last_error = "a \"b\"\n";
  failing.not_ready = "c \\d";
  const std::string json = status_json(failing);
  EXPECT_THAT(json, HasSubstr(R"("last_error":"a \"b\"\n")"));
  EXPECT_THAT(json, HasSubstr(R"("ready":"c \\d")"));
}

TEST(Status, TellsWhatVanishedAtOnce) {
  StatusFacts doubtful = facts();
  doubtful.vanished = 1'234;
  EXPECT_THAT(status_json(doubtful), HasSubstr(R"("vanished_unconfirmed":1234,)"));
  EXPECT_THAT(status_text(doubtful), HasSubstr("vanished      1,234 at once"));
}

TEST(Status, SaysNullOfWhatIsNotKnown) {
  const std::string json = status_json({});
  EXPECT_THAT(json, HasSubstr(R"("watermark":null,"lag_seconds":null,"coverage":[],"gaps":[])"));
  EXPECT_THAT(json, HasSubstr(R"("last_success":null)"));
}

TEST(Status, TellsTheSameInWords) {
  const std::string text = status_text(facts());
  EXPECT_THAT(text, HasSubstr("watermark     2024-01-03T00:00:00Z (lag 75s)\n"));
  EXPECT_THAT(text, HasSubstr("ready         yes\n"));
  EXPECT_THAT(text, HasSubstr("covered       [2024-01-01T00:00:00Z, 2024-01-02T00:00:00Z)\n"));
  EXPECT_THAT(text, HasSubstr("gap           [2024-01-02T00:00:00Z, 2024-01-02T00:00:01Z)\n"));
  EXPECT_THAT(text, HasSubstr("interactions  1,234,567\n"));
  EXPECT_THAT(text, HasSubstr("rejected      2\n"));
  EXPECT_THAT(text, Not(HasSubstr("last error")));
  EXPECT_THAT(text, Not(HasSubstr("psql")));
}

TEST(Status, SaysWhichGapsTheServerIsToBlameFor) {
  StatusFacts poisoned = facts();
  poisoned.state.poisoned.add({at("2024-01-02T00:00:00Z"), at("2024-01-02T00:00:01Z")});
  EXPECT_THAT(status_text(poisoned), HasSubstr("2024-01-02T00:00:01Z) (the server cannot serve it)\n"));
}

TEST(Status, MarksEstimatesAndTellsTheWayIn) {
  StatusFacts many = facts();
  many.interactions_estimated = true;
  many.not_ready = "no process polls";
  many.last_error = "it broke";
  many.last_error_at = "2024-01-03T00:00:09Z";
  many.psql = "psql -h /run/x";
  const std::string text = status_text(many);
  EXPECT_THAT(text, HasSubstr("interactions  about 1,234,567\n"));
  EXPECT_THAT(text, HasSubstr("ready         no: no process polls\n"));
  EXPECT_THAT(text, HasSubstr("last error    2024-01-03T00:00:09Z it broke\n"));
  EXPECT_THAT(text, HasSubstr("psql          psql -h /run/x\n"));
}

}  // namespace
}  // namespace odetl
