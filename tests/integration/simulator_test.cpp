#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/simulator/bench.hpp"

namespace odetl::simulator {
namespace {

using testing::HasSubstr;

TEST(SimulatorBytes, TextFormsAreThoseOfTheRealServer) {
  Bench bench;
  const std::vector<std::string> texts{"",
                                       "<script>alert(\"x\")</script> & <br/>",
                                       "👍🏽 caf\\u00e9 literal and café",
                                       "He said \"no\" — it's 'fine'",
                                       "line1\nline2\r\nline3\ttab",
                                       "C:\\path\\new",
                                       "a\u2028b\u2029c",
                                       "\ufeffbom",
                                       "\u202ertl שלום",
                                       "http://x/y?z=1&w=2",
                                       std::string("nul\0byte", 8),
                                       "\x01\b\f\x1b\x7f",
                                       "12345678901234567890",
                                       "   ",
                                       "null",
                                       "\U0001F600\U0010FFFF\uFFFD\uFFFF"};
  for (const std::string& text : texts) bench.tenant.add(message("u1", "2022-10-23 08:19:33", text));
  EXPECT_EQ(bench.window("2022-10-23 00:00:00", "2022-10-23 23:59:59").body, sample("r_text_forms.json"));
}

TEST(SimulatorBytes, BothBoundsAreInclusive) {
  Bench bench;
  for (const auto& [when, text] : std::vector<std::pair<std::string, std::string>>{{"09:59:59", "before"},
                                                                                   {"10:00:00", "at from"},
                                                                                   {"10:00:00", "at from, second"},
                                                                                   {"10:30:00", "middle"},
                                                                                   {"11:00:00", "at to"},
                                                                                   {"11:00:01", "after"}}) {
    bench.tenant.add(message("u1", "2022-11-05 " + when, text));
  }
  EXPECT_EQ(bench.window("2022-11-05 10:00:00", "2022-11-05 11:00:00").body, sample("r_bounds.json"));
  EXPECT_EQ(occurrences(bench.window("2022-11-05 10:00:00", "2022-11-05 10:00:00").body, "\"type\""), 2U);
}

TEST(SimulatorBytes, IdenticalTwinsAreAllListed) {
  Bench bench;
  for (int n = 0; n < 5; ++n) bench.tenant.add(message("u1", "2022-11-04 08:19:33", "ok"));
  EXPECT_EQ(bench.window("2022-11-04 00:00:00", "2022-11-04 23:59:59").body, sample("r_dups.json"));
}

TEST(SimulatorBytes, RowsComeInTheOrderOfInsertion) {
  Bench bench;
  bench.tenant.add({message("A", "2022-11-07 12:00:03", "A3 inserted first"), message("A", "2022-11-07 12:00:01", "A1"),
                    message("B", "2022-11-07 12:00:01", "B1"), message("A", "2022-11-07 12:00:02", "A2"),
                    message("B", "2022-11-07 12:00:02", "B2")});
  EXPECT_EQ(bench.window("2022-11-07 00:00:00", "2022-11-07 23:59:59").body, sample("r_order.json"));
}

TEST(SimulatorBytes, NumericUserIdsAreLostInLists) {
  Bench bench;
  for (const char* user : {"5", "abc", "0", "447700900123"}) {
    bench.tenant.add(message(user, "2022-10-18 08:19:33", "hello"));
  }
  bench.tenant.add(message("abc", "2022-10-18 08:20:00", "hello"));
  EXPECT_EQ(bench.window("2022-10-18 00:00:00", "2022-10-18 23:59:59").body, sample("r_uid_numeric_mixed.json"));
}

TEST(SimulatorBytes, OddUserIdsAreKeysAsTheyAre) {
  Bench bench;
  for (const std::string& user :
       std::vector<std::string>{"a/b/c", "jo.o'neil+x@example.org", "Zoë Ünïcode 漢字", "😀👩\u200d👩\u200d👧",
                                "say \"hi\"\\", " lead and trail ", "..", "tab\tnl\n", "<b>&amp;",
                                std::string(255, 'L'), "", "null", "true", "data", "__proto__"}) {
    bench.tenant.add(message(user, "2022-10-19 08:19:33", "hello"));
  }
  EXPECT_EQ(bench.window("2022-10-19 00:00:00", "2022-10-19 23:59:59").body, sample("r_uid_odd.json"));
}

TEST(SimulatorBytes, TheOldBranchNestsOnceMore) {
  for (const auto& [shape, file] : {std::pair{Shape::flat, "pub_basic.json"}, {Shape::nested, "n_basic.json"}}) {
    Bench bench({.order = Order::insertion, .shape = shape});
    bench.tenant.add({{.user_id = "u1",
                       .at = at("2022-10-01 08:19:33"),
                       .type = "chat_open",
                       .data = R"({"value":"","callback_id":"WELCOME"})",
                       .profile = kProfile},
                      {.user_id = "u1",
                       .at = at("2022-10-01 08:19:41"),
                       .type = "button_response",
                       .data = R"({"value":"yes","callback_id":"intent.app.yes","text":"Yes / please"})",
                       .profile = kProfile}});
    EXPECT_EQ(bench.window("2022-10-01 00:00:00", "2022-10-01 23:59:59").body, sample(file));
  }
}

TEST(SimulatorBytes, JsonIsRewrittenAsPhpWould) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"({})", R"([])"},
      {R"({"101":"yes","102":"no"})", R"(["yes","no"])"},
      {R"({"1.5":1," 7":2,"-3e2":3})", R"([1,2,3])"},
      {R"({"0":"zero","k":"v"})", R"({"0":"zero","k":"v"})"},
      {R"({ "a" : { "5" : [ ] } })", R"({"a":[[]]})"},
      {R"({"i":9007199254740993,"f":0.1,"f1":1.0})", R"({"i":9007199254740993,"f":0.1,"f1":1})"},
      {R"("a/b \u00E9 \uD83D\uDE00")", R"("a\/b \u00e9 \ud83d\ude00")"},
      {R"(null)", R"(null)"}};
  for (const auto& [json, php] : cases) EXPECT_EQ(php_json(json), php) << json;
  for (const char* broken : {"", "{", "[1", "{\"a\"}", "nul", "1 2", "\"\xff\""}) {
    EXPECT_THROW(php_json(broken), std::invalid_argument) << broken;
  }
}

TEST(SimulatorBytes, ErrorsAreThoseOfTheRealServer) {
  Bench bench;
  EXPECT_EQ(bench.all("Accept: application/json\r\n").body, sample("e401.json"));
  EXPECT_EQ(bench.send("GET /api/user-interactions").body, sample("e422.json"));
  bench.tenant.poison(second("2024-01-01"));
  EXPECT_EQ(bench.all().body, sample("e500.json"));
  EXPECT_EQ(bench.window("2023-01-01", "2023-01-02").body, sample("r_empty.json"));
}

TEST(SimulatorSelection, AProfileIsTheSnapshotOfTheMessageListedFirst) {
  Bench bench;
  bench.tenant.add({{.user_id = "u", .at = at("2024-01-01 10:00:00"), .profile = R"({"first_name":null})"},
                    {.user_id = "u", .at = at("2024-01-01 11:00:00"), .profile = R"({"first_name":"Ada"})"}});
  EXPECT_THAT(bench.all().body, HasSubstr(R"("chatbot_user_data":{"first_name":null})"));
  EXPECT_THAT(bench.window("2024-01-01 10:00:01", "2024-01-02").body, HasSubstr(R"({"first_name":"Ada"})"));
}

TEST(SimulatorSelection, AnOffsetMovesTheEchoButNotTheQuery) {
  Bench bench;
  bench.tenant.add(message("u", "2024-01-01 10:00:00", "ten"));
  const Reply reply = bench.window("2024-01-01T10:00:00%2B02:00", "2024-01-01 10:00:00Z");
  EXPECT_THAT(reply.body, HasSubstr("\"ten\""));
  EXPECT_THAT(reply.body, HasSubstr(R"("from":"2024-01-01T08:00:00.000000Z","to":"2024-01-01T10:00:00.000000Z")"));
}

TEST(SimulatorSelection, AllThreeFormsOfTheEndpointAnswerAlike) {
  Bench bench;
  bench.tenant.add(message("u", "2024-01-01 10:00:00", "ten"));
  const std::string body = bench.window("2024-01-01 09:00:00", "2024-01-01 11:00:00").body;
  EXPECT_THAT(body, HasSubstr("\"ten\""));
  EXPECT_EQ(bench.send("GET /api/user-interactions?from=2024-01-01+09:00:00&to=2024-01-01%2011:00:00").body, body);
  EXPECT_EQ(bench.send("GET /api/user-interactions/2024-01-01%2009:00:00/2024-01-01%2011:00:00").body, body);
  Bench legacy({}, {.endpoints = Endpoints::legacy});
  EXPECT_EQ(legacy.all().status, 404);
}

TEST(SimulatorSelection, ABlankSentAsPlusInThePathFormSelectsAnotherWindow) {
  Bench bench;
  bench.tenant.add(message("u", "2024-01-01 00:00:00", "midnight"));
  const Reply reply = bench.send("GET /api/user-interactions/2024-01-01+09:00:00/2024-01-01+11:00:00");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("\"midnight\""));
  EXPECT_THAT(reply.body, HasSubstr("\"from\":\"2023-12-31T15:00:00.000000Z\""));
}

TEST(SimulatorSelection, ABackwardWindowAndAYearBeyondTheCalendarAreEmpty) {
  Bench bench;
  bench.tenant.add(message("u", "2024-01-01 00:00:00", "there"));
  EXPECT_EQ(bench.window("2024-01-02", "2024-01-01").body, "{\"data\":[]}");
  EXPECT_EQ(bench.window("2023-01-01", "12024-01-01").body, "{\"data\":[]}");
}

TEST(SimulatorSelection, BadParametersAreNamed) {
  Bench bench;
  EXPECT_THAT(bench.window("yesterday", "2024-02-30").body,
              HasSubstr("\"from\":[\"The from is not a valid date.\"],\"to\""));
  EXPECT_EQ(bench.window("2024-01-01", "2024-01-02&colour=red").status, 422);
}

TEST(SimulatorSelection, FiltersMatchInPartWithoutCaseAndAreRepeated) {
  Bench bench;
  bench.tenant.add(
      {message("Anna", "2024-01-01", "a"), message("Hannah", "2024-01-01", "h"), message("Bob", "2024-01-01", "b")});
  const Reply reply = bench.window("2024-01-01", "2024-01-02&user_id=ANNA&browser=chrome");
  EXPECT_EQ(occurrences(reply.body, "\"type\""), 2U);
  EXPECT_THAT(reply.body, HasSubstr(R"("browser":"chrome","user_id":"ANNA","interactions")"));
}

TEST(SimulatorSelection, FractionsAreComparedAsTheyAreAndShownAsTheModeSays) {
  for (const auto& [mode, rows, shown] : {std::tuple{Fractions::whole, 2U, "10:00:00.000000Z"},
                                          {Fractions::fractional, 1U, "10:00:00.000001Z"},
                                          {Fractions::truncated, 1U, "10:00:00.000000Z"}}) {
    Bench bench({.fractions = mode});
    bench.tenant.add({message("u", "2024-01-01T10:00:00.000001Z", "x"), message("u", "2024-01-01T10:00:05.5Z", "y")});
    const Reply reply = bench.window("2024-01-01 10:00:00", "2024-01-01 10:00:05");
    EXPECT_EQ(occurrences(reply.body, "\"type\""), rows);
    EXPECT_THAT(reply.body, HasSubstr(shown));
  }
}

TEST(SimulatorSelection, EveryAnswerShufflesTheSameRows) {
  Bench bench(TenantOptions{});
  for (int n = 0; n < 40; ++n) bench.tenant.add(message('u' + std::to_string(n % 4), "2024-01-01", std::to_string(n)));
  std::string first = bench.all().body, second_body = bench.all().body;
  EXPECT_NE(first, second_body);
  std::sort(first.begin(), first.end());
  std::sort(second_body.begin(), second_body.end());
  EXPECT_EQ(first, second_body);
}

TEST(SimulatorSelection, RowsAppearLateVanishAndChange) {
  Bench bench;
  bench.tenant.add(message("u", "2024-01-02", "new"));
  const RowId late = bench.tenant.add(message("u", "2024-01-01", "late"));
  EXPECT_THAT(bench.all().body, HasSubstr("late"));
  EXPECT_TRUE(bench.tenant.change(late, message("u", "2024-01-01", "corrected")));
  EXPECT_THAT(bench.all().body, HasSubstr("corrected"));
  EXPECT_TRUE(bench.tenant.remove(late));
  EXPECT_FALSE(bench.tenant.remove(late));
  EXPECT_EQ(occurrences(bench.all().body, "\"type\""), 1U);
}

TEST(SimulatorSelection, HiddenRowsAppearWhenTheClockReachesThem) {
  Bench bench({.future = Future::hidden});
  bench.tenant.add(message("u", "2024-01-01 10:00:00", "soon"));
  bench.tenant.clock().stand_at(at("2024-01-01T09:59:59.999999Z"));
  EXPECT_EQ(bench.all().body, "{\"data\":[]}");
  bench.tenant.clock().stand_at(at("2024-01-01 10:00:00"));
  EXPECT_THAT(bench.all().body, HasSubstr("soon"));
}

TEST(SimulatorLimits, APoisonedSecondFailsEveryWindowThatHoldsIt) {
  Bench bench;
  bench.tenant.poison(second("2024-01-01 10:00:00"));
  EXPECT_EQ(bench.window("2024-01-01 10:00:00", "2024-01-01 10:00:00").status, 500);
  EXPECT_EQ(bench.window("2024-01-01 09:00:00", "2024-01-01 10:00:00").status, 500);
  EXPECT_EQ(bench.window("2024-01-01 10:00:00", "2024-01-01 11:00:00").status, 500);
  EXPECT_EQ(bench.window("2024-01-01 10:00:01", "2024-01-01 11:00:00").status, 200);
  EXPECT_EQ(bench.window("2024-01-01 09:00:00", "2024-01-01 09:59:59").status, 200);
  bench.tenant.heal(second("2024-01-01 10:00:00"));
  EXPECT_EQ(bench.all().status, 200);
}

TEST(SimulatorLimits, TooManyRowsAreTheSame500) {
  Bench bench({.memory_limit = 2});
  bench.tenant.add({message("u", "2024-01-01", "1"), message("v", "2024-01-01", "2")});
  EXPECT_EQ(bench.all().status, 200);
  bench.tenant.add(message("w", "2024-01-02", "3"));
  EXPECT_EQ(bench.all().body, sample("e500.json"));
  EXPECT_EQ(bench.window("2024-01-01", "2024-01-01").status, 200);
  bench.tenant.set_memory_limit(0);
  EXPECT_EQ(bench.all().status, 200);
}

TEST(SimulatorLimits, TheThrottleCountsRefusedTokensAndOpensANewMinute) {
  Bench bench({}, {.rate_limit = 2});
  bench.tenant.clock().stand_at(at("2024-01-01 10:00:00"));
  const Reply first = bench.all("Accept: application/json\r\n");
  EXPECT_EQ(first.status, 401);
  EXPECT_EQ(first.headers.at("x-ratelimit-remaining"), "1");
  EXPECT_EQ(bench.all().headers.at("x-ratelimit-remaining"), "0");
  bench.tenant.clock().stand_at(at("2024-01-01 10:00:20"));
  const Reply refused = bench.all();
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.body, sample("e429.json"));
  EXPECT_EQ(refused.headers.at("retry-after"), "40");
  EXPECT_EQ(refused.headers.at("x-ratelimit-limit"), "2");
  EXPECT_EQ(refused.headers.at("x-ratelimit-reset"), "1704103260");
  EXPECT_EQ(bench.send("GET /_simulator/summary").status, 200);
  bench.tenant.clock().stand_at(at("2024-01-01 10:01:00"));
  EXPECT_EQ(bench.all().headers.at("x-ratelimit-remaining"), "1");
}

}  // namespace
}  // namespace odetl::simulator
