#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tests/simulator/bench.hpp"
#include "tests/simulator/random.hpp"

namespace odetl::simulator {
namespace {

using std::chrono::hours;

ConversationPlan week(std::uint64_t rows) {
  return {.seed = 7, .from = second("2024-01-01"), .to = second("2024-01-08"), .rows = rows};
}

std::string truth_of(const ConversationPlan& plan, TenantOptions options = {}) {
  Tenant tenant(options);
  tenant.generate(plan);
  return tenant.truth(plan.from, plan.to);
}

std::uint64_t digest(const std::string& text) {
  std::uint64_t value = 0;
  for (const char c : text) value = scramble(value, static_cast<unsigned char>(c));
  return value;
}

TEST(Conversations, AreTheSameOnEveryMachine) {
  EXPECT_EQ(digest(truth_of(week(2000))), 15520868531037582772U);
  auto other = week(2000);
  other.seed = 8;
  EXPECT_NE(truth_of(other), truth_of(week(2000)));
}

TEST(Conversations, AreExactlySoManyRowsWithinThePlan) {
  for (const std::uint64_t rows : {0U, 1U, 17U, 5000U}) {
    Tenant tenant;
    EXPECT_EQ(tenant.generate(week(rows)), rows);
    EXPECT_EQ(tenant.count(week(0).from, week(0).to - std::chrono::seconds(1)), rows);
  }
  Tenant tenant;
  EXPECT_EQ(tenant.generate({.from = second("2024-01-01"), .to = second("2024-01-01 00:00:01"), .rows = 50}), 50U);
  EXPECT_EQ(tenant.count(second("2024-01-01"), second("2024-01-01")), 50U);
  EXPECT_THROW(tenant.generate({.from = second("2024-01-02"), .to = second("2024-01-01"), .rows = 1}),
               std::invalid_argument);
}

TEST(Conversations, KnowNightsAndWeekends) {
  Tenant tenant;
  tenant.generate(week(20'000));
  const auto between = [&](const char* from, const char* to) { return tenant.count(second(from), second(to)); };
  EXPECT_GT(between("2024-01-02 10:00:00", "2024-01-02 12:00:00"),
            8 * between("2024-01-02 02:00:00", "2024-01-02 04:00:00"));
  EXPECT_GT(between("2024-01-03", "2024-01-04"), between("2024-01-07", "2024-01-08"));
}

TEST(Conversations, HoldIdenticalTwinsAndAllKindsOfText) {
  const std::string truth = truth_of(week(20'000));
  std::map<std::string, int> lines;
  for (std::size_t at = 0; at < truth.size(); at = truth.find('\n', at) + 1) {
    const std::size_t start = truth.find("\"user_id\"", at);
    ++lines[truth.substr(start, truth.find('\n', start) - start)];
  }
  std::size_t twins = 0;
  for (const auto& [line, count] : lines) twins += count > 1 ? 1U : 0U;
  EXPECT_GT(twins, 20U);
  for (const char* part :
       {"chat_open", "button_response", "form_response", "\\ud83d\\ude00", "\\u3053\\u3093", "\\r\\n"}) {
    EXPECT_THAT(truth, testing::HasSubstr(part));
  }
}

TEST(Conversations, LoseAsManyUsersAsAsked) {
  for (const unsigned share : {0U, 500U, 1000U}) {
    Tenant tenant;
    auto plan = week(10'000);
    plan.numeric_permille = share;
    tenant.generate(plan);
    const auto extent = tenant.extent();
    EXPECT_NEAR(static_cast<double>(extent.lost_users), static_cast<double>(extent.users) * share / 1000, 40) << share;
  }
}

TEST(Conversations, DifferOnlyInTheDateBetweenFractionModes) {
  const std::string whole = truth_of(week(500)), truncated = truth_of(week(500), {.fractions = Fractions::truncated});
  EXPECT_EQ(occurrences(whole, "\n"), occurrences(truncated, "\n"));
  EXPECT_LT(occurrences(truncated, ".000000Z\",\"type\""), 10U);
  EXPECT_EQ(occurrences(truncated, ".000000Z\",\"text\""), 500U);
}

}  // namespace
}  // namespace odetl::simulator
