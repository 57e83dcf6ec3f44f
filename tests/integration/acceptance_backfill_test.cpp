#include <csignal>
#include <thread>

#include "tests/integration/acceptance_fixture.hpp"

// What a backfill leaves in the warehouse.
namespace odetl::test {
namespace {

using namespace std::chrono_literals;
using simulator::Fractions;
using simulator::Order;
using simulator::Shape;
using simulator::TenantOptions;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kFrom = "2024-03-01T00:00:00Z";
const std::string kTo = "2024-04-01T00:00:00Z";

const std::vector<std::string> kOddTexts = {"",
                                            " ",
                                            "null",
                                            "NULL",
                                            "\\N",
                                            "\\.",
                                            "a\tb\nc\r\nd\\e",
                                            std::string("nul\0byte", 8),
                                            "\x01\b\f\x1b\x7f",
                                            "He said \"no\" — it's 'fine'",
                                            "👍🏽 café",
                                            "cafe\u0301",
                                            "\ufeffbom",
                                            "\u202ertl שלום",
                                            "\U0001F600\U0010FFFF\uFFFD\uFFFF",
                                            "<script>alert(1)</script>",
                                            "'; DROP TABLE interactions; --",
                                            "{\"a\":1}",
                                            "12345678901234567890"};
const std::vector<std::string> kOddData = {"null",
                                           "[]",
                                           "{}",
                                           "[1,2,null]",
                                           "\"text\"",
                                           "0",
                                           "-0.5",
                                           "1e2",
                                           "true",
                                           "false",
                                           "123456789012345678901234567890",
                                           R"({"value":"v","callback_id":"c"})",
                                           R"({"value":1,"callback_id":null})",
                                           R"({"value":{"deep":[1]},"callback_id":[]})",
                                           R"({"101":"yes","102":"no"})",
                                           R"({"":"empty key","a/b":"slash","é":"\u0000"})",
                                           R"({"z":1,"a":{"z":1,"a":[{"b":2,"a":1}]}})",
                                           R"({"big":9007199254740993,"small":-9223372036854775809})"};

void say_odd_things(simulator::Tenant& tenant, const std::string& from) {
  std::vector<simulator::Interaction> rows;
  const Second begin = second(from);
  int n = 0;
  for (std::size_t i = 0; i < kOddTexts.size(); ++i) {
    rows.push_back({.user_id = "texts", .at = begin + 60s * n++, .text = kOddTexts[i]});
    rows.push_back({.user_id = "id " + kOddTexts[i], .at = begin + 60s * n++, .type = "", .text = "odd id"});
    if (i != 7) rows.push_back({.user_id = kOddTexts[i], .at = begin + 60s * n++, .text = "odd id"});
  }
  for (const std::string& data : kOddData) {
    rows.push_back({.user_id = "data", .at = begin + 60s * n++, .type = "form", .text = "x", .data = data});
    rows.push_back({.user_id = "profile " + data, .at = begin + 60s * n++, .text = "x", .profile = data});
  }
  rows.push_back({.user_id = std::string(255, 'i'), .at = begin + 60s * n++, .text = std::string(65'535, 't')});
  tenant.add(rows);
}

struct Variant {
  const char* name;
  TenantOptions tenant;
  std::string endpoint;
  std::vector<std::string> arguments;
};

class BackfillVariants : public testing::TestWithParam<Variant> {};

TEST_P(BackfillVariants, Guarantees2And4TheWarehouseHoldsExactlyWhatTheServerServes) {
  const Variant& variant = GetParam();
  Installation odetl(variant.tenant);
  odetl.configure("api.endpoint", variant.endpoint);
  converse(odetl.tenant, "2024-02-29 12:00:00", "2024-04-01 12:00:00", 9'000);
  say_at_the_seams(odetl.tenant, "2024-03-01 00:00:00", "2024-04-01 00:00:00");
  say_odd_things(odetl.tenant, "2024-03-10 00:00:00");

  const RunResult result = odetl.backfill(kFrom, kTo, variant.arguments);
  ASSERT_TRUE(ended(result, 0));
  EXPECT_THAT(odetl.differences_in(kFrom, kTo), IsEmpty());
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.rejected_records"), "0");
  EXPECT_EQ(odetl.sql("SELECT coverage FROM opendialog.stream_state"),
            R"({["2024-03-01 00:00:00+00","2024-04-01 00:00:00+00")})");
  // Users whose id came over the wire are exactly those who said something.
  EXPECT_EQ(odetl.sql("SELECT user_id FROM opendialog.users WHERE user_id NOT LIKE 'unknown:%' EXCEPT "
                      "SELECT true_id FROM public.served"),
            "");
  EXPECT_EQ(
      odetl.sql("SELECT who FROM public.served WHERE who <> '(lost)' EXCEPT SELECT user_id FROM opendialog.users"), "");
  // The ledger adds up.
  EXPECT_EQ(
      odetl.sql("SELECT sum(inserted) = (SELECT count(*) FROM opendialog.interactions) AND sum(updated + deleted) = 0 "
                "FROM opendialog.window_log"),
      "t");
}

INSTANTIATE_TEST_SUITE_P(
    Acceptance, BackfillVariants,
    testing::Values(Variant{"OneWorker", {}, "public", {"--workers", "1"}},
                    Variant{"TwoWorkersOnLegacyNestedFractions",
                            {.fractions = Fractions::fractional, .shape = Shape::nested},
                            "legacy",
                            {"--workers", "2", "--window", "1h"}},
                    Variant{"FourWorkersOnPathTruncatedFractions",
                            {.fractions = Fractions::truncated},
                            "path",
                            {"--workers", "4", "--window", "6h"}},
                    Variant{
                        "FractionsWithADayAWindow", {.fractions = Fractions::fractional}, "public", {"--window", "1d"}},
                    Variant{"NestedInOrderOfInsertion",
                            {.order = Order::insertion, .shape = Shape::nested},
                            "path",
                            {"--window", "3h"}}),
    [](const auto& variant) { return variant.param.name; });

TEST(Backfill, Guarantee2AnswersTooLargeForTheServerAreSplit) {
  Installation odetl({.fractions = Fractions::fractional, .memory_limit = 50});
  converse(odetl.tenant, "2024-03-01", "2024-03-04", 1'500);
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-04", {"--window", "1d"}), 0));
  EXPECT_THAT(odetl.differences_in("2024-03-01", "2024-03-04"), IsEmpty());
  EXPECT_NE(odetl.sql("SELECT count(*) FROM opendialog.window_log WHERE outcome = 'split'"), "0");
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.window_log WHERE outcome = 'poisoned'"), "0");
}

TEST(Backfill, Guarantee2ABusyHourBeyondTheServersMemoryIsSplit) {
  Installation odetl;
  converse(odetl.tenant, "2024-03-01 10:00:00", "2024-03-01 11:00:00", 20'000);
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02"), 0));
  EXPECT_THAT(odetl.differences_in("2024-03-01", "2024-03-02"), IsEmpty());
}

TEST(Backfill, Guarantee10AnswersBeyondMaxResponseAreSplit) {
  Installation odetl;
  odetl.configure("api.max_response", "64KiB");
  converse(odetl.tenant, "2024-03-01", "2024-03-02", 3'000);
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02", {"--window", "1d"}), 0));
  EXPECT_THAT(odetl.differences_in("2024-03-01", "2024-03-02"), IsEmpty());
  EXPECT_EQ(odetl.sql("SELECT max(bytes) <= 65536 FROM opendialog.window_log WHERE outcome = 'loaded'"), "t");
}

TEST(Backfill, ARangeThatEndsNowIsWaitedFor) {
  Installation odetl;
  odetl.configure("windows.settle", "1s");
  const Second to = ago(0s);
  odetl.tenant.add({.user_id = "u", .at = to - 1s, .text = "just now"});
  ASSERT_TRUE(ended(odetl.backfill(iso(to - 1h), iso(to)), 0));
  EXPECT_THAT(odetl.differences_in(iso(to - 1h), iso(to)), IsEmpty());
  EXPECT_EQ(odetl.sql("SELECT watermark = '" + iso(to) + "' FROM opendialog.stream_state"), "t");
}

TEST(Backfill, Guarantee3WhatTheServersClockHasNotReachedIsLeft) {
  Installation odetl;
  odetl.tenant.clock().move_by(-1h);
  const RunResult result = odetl.backfill(iso(ago(2h)), iso(ago(0s)));
  EXPECT_TRUE(ended(result, 75));
  EXPECT_THAT(result.out, HasSubstr("not settled"));
  EXPECT_EQ(odetl.sql("SELECT watermark <= now() - interval '1 hour 10 seconds' FROM opendialog.stream_state"), "t");
}

// --- what is covered

TEST(Backfill, AsksNothingThatIsCovered) {
  Installation odetl;
  converse(odetl.tenant, "2024-02-20", "2024-03-10", 1'000);
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-03"), 0));
  ASSERT_TRUE(ended(odetl.backfill("2024-03-05", "2024-03-08"), 0));

  odetl.server.forget_requests();
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-03"), 0));
  ASSERT_TRUE(ended(odetl.backfill("2024-03-05T08:00:00+02:00", "2024-03-08"), 0));
  EXPECT_EQ(odetl.server.request_count(), 0U);

  ASSERT_TRUE(ended(odetl.backfill("2024-02-25", "2024-03-10"), 0));
  for (const auto& request : odetl.server.requests()) {
    const Second from = second(request.from), to = second(request.to);
    const auto inside = [&](const char* gap_from, const char* gap_to) {
      return from >= second(gap_from) && to <= second(gap_to);
    };
    EXPECT_TRUE(inside("2024-02-25", "2024-03-01") || inside("2024-03-03", "2024-03-05") ||
                inside("2024-03-08", "2024-03-10"))
        << request.from << " to " << request.to;
  }
  EXPECT_THAT(odetl.differences_in("2024-02-25", "2024-03-10"), IsEmpty());
}

TEST(Backfill, DryRunPrintsTheGapsAndAsksNothing) {
  Installation odetl;
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-03"), 0));
  odetl.server.forget_requests();
  const RunResult plan = odetl.backfill("2024-02-28", "2024-03-04", {"--dry-run"});
  ASSERT_TRUE(ended(plan, 0));
  EXPECT_THAT(plan.out, HasSubstr("gap [2024-02-28T00:00:00Z, 2024-03-01T00:00:00Z) 2d"));
  EXPECT_THAT(plan.out, HasSubstr("gap [2024-03-03T00:00:00Z, 2024-03-04T00:00:00Z) 1d"));
  EXPECT_THAT(plan.out, HasSubstr("2 gaps, 3d to load; about 72 requests if windows stay 1h wide"));
  EXPECT_EQ(odetl.server.request_count(), 0U);
  EXPECT_EQ(odetl.sql("SELECT coverage FROM opendialog.stream_state"),
            R"({["2024-03-01 00:00:00+00","2024-03-03 00:00:00+00")})");
}

// Which version of each row is where: any write changes it.
std::string versions(const Installation& odetl, const std::string& table) {
  return odetl.sql(
      "SELECT md5(string_agg(concat_ws(',', tableoid, ctid, xmin, xmax), ' ' ORDER BY tableoid, ctid)), count(*) "
      "FROM opendialog." +
      table);
}

TEST(Backfill, Guarantee7ReloadingWhatIsUnchangedWritesNoRow) {
  Installation odetl({.order = Order::insertion});
  converse(odetl.tenant, "2024-03-01", "2024-03-08", 2'000);
  say_odd_things(odetl.tenant, "2024-03-02 00:00:00");
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-08", {"--window", "6h"}), 0));
  const auto interactions = versions(odetl, "interactions"), users = versions(odetl, "users");

  const auto before = odetl.server.request_count();
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-08", {"--window", "6h", "--reload"}), 0));
  EXPECT_GT(odetl.server.request_count(), before);
  EXPECT_EQ(versions(odetl, "interactions"), interactions);
  EXPECT_EQ(versions(odetl, "users"), users);
}

TEST(Backfill, Guarantee7NeitherOrderNorWindowsMakeInteractionsNew) {
  Installation odetl({.fractions = Fractions::fractional});
  converse(odetl.tenant, "2024-03-01", "2024-03-08", 2'000);
  say_at_the_seams(odetl.tenant, "2024-03-01 00:00:00", "2024-03-08 00:00:00");
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-08", {"--window", "7h"}), 0));
  const auto interactions = versions(odetl, "interactions");
  for (const char* window : {"7h", "1h", "1d"}) {
    ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-08", {"--reload", "--window", window}), 0));
    EXPECT_EQ(versions(odetl, "interactions"), interactions) << window;
  }
  EXPECT_THAT(odetl.differences_in("2024-03-01", "2024-03-08"), IsEmpty());
}

TEST(Backfill, ReloadTakesUpWhatChangedAtTheServer) {
  Installation odetl;
  const auto gone = odetl.tenant.add(message("a", "2024-03-01 10:00:00", "gone"));
  const auto twin = odetl.tenant.add(message("a", "2024-03-01 11:00:00", "twin"));
  odetl.tenant.add(message("a", "2024-03-01 11:00:00", "twin"));
  const auto other = odetl.tenant.add(message("b", "2024-03-01 12:00:00", "before"));
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02"), 0));

  odetl.tenant.remove(gone);
  odetl.tenant.remove(twin);
  odetl.tenant.change(other, message("b", "2024-03-01 12:00:00", "after"));
  odetl.tenant.add(message("c", "2024-03-01 12:00:00", "new"));
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02", {"--reload"}), 0));
  EXPECT_THAT(odetl.differences_in("2024-03-01", "2024-03-02"), IsEmpty());
  EXPECT_EQ(odetl.sql("SELECT text FROM opendialog.interactions WHERE deleted_at IS NOT NULL ORDER BY text"),
            "before\ngone\ntwin");
}

TEST(Backfill, ReloadKnowsAnswersThatHaveNotChangedAndMendsWhatWasTakenAway) {
  Installation odetl({.order = Order::insertion});
  converse(odetl.tenant, "2024-03-01", "2024-03-04", 9'000);
  const auto reload = [&] {
    ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-04", {"--reload"}), 0));
    EXPECT_THAT(odetl.differences_in("2024-03-01", "2024-03-04"), IsEmpty());
  };
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-04"), 0));
  const std::string known = odetl.sql("SELECT sum(rows) FROM opendialog.known_answers");
  const auto interactions = versions(odetl, "interactions"), users = versions(odetl, "users");
  reload();
  EXPECT_EQ(odetl.sql("SELECT sum(rows) FROM opendialog.known_answers"), known);
  EXPECT_EQ(versions(odetl, "interactions"), interactions);
  EXPECT_EQ(versions(odetl, "users"), users);

  odetl.sql("DELETE FROM opendialog.interactions WHERE occurred_at::time BETWEEN '10:00' AND '10:10'");
  reload();
  odetl.sql("DELETE FROM opendialog.users WHERE user_id < 'a'");
  reload();
  odetl.sql("TRUNCATE opendialog.users, opendialog.interactions");
  reload();
  odetl.tenant.add(message("z", "2024-03-02 12:00:00", "late"));
  reload();
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.interactions WHERE NOT EXISTS "
                      "(SELECT FROM opendialog.users WHERE users.user_id = interactions.user_id)"), "0");
}

TEST(Backfills, ShareARangeThroughTheDatabaseWithoutAskingTwice) {
  Installation odetl;
  converse(odetl.tenant, "2024-03-01 00:00:00", "2024-04-01 00:00:00", 9'000);
  odetl.fault("none next=0 delay_ms=20");
  const std::vector<std::string> command = {"backfill", "--from", kFrom, "--to", kTo, "--window", "6h"};
  ASSERT_TRUE(ended(odetl.etl({"migrate"}), 0));
  const auto one = odetl.start(command);
  const auto other = odetl.start(command);
  EXPECT_EQ(one->wait(), (ExitStatus{0, 0})) << one->err();
  EXPECT_EQ(other->wait(), (ExitStatus{0, 0})) << other->err();
  EXPECT_THAT(odetl.differences_in(kFrom, kTo), IsEmpty());
  EXPECT_LE(odetl.server.request_count(), 31u * 4 + 4) << "as many as one process needs";
  EXPECT_EQ(odetl.sql("SELECT count(*) > 1 FROM (SELECT FROM opendialog.window_log GROUP BY window_from "
                      "HAVING count(*) > 1) AS twice"),
            "f");
}

// Who waited for the other's part would hold on to its own, for which the other waits.
TEST(Backfills, WaitForNoOtherWhileTheyHoldWhatIsNotSettled) {
  Installation odetl;
  odetl.tenant.clock().move_by(-20h);
  const Second future = ago(19h);
  ASSERT_TRUE(ended(odetl.etl({"migrate"}), 0));
  odetl.fault("none next=1 delay_ms=60000");
  const auto other = odetl.start({"backfill", "--from", iso(future), "--to", iso(future + 30min), "--window", "30m"});
  ASSERT_TRUE(eventually([&] { return odetl.server.request_count() == 1; }));
  const auto one = odetl.start({"backfill", "--from", iso(future), "--to", iso(future + 2h), "--window", "30m"});
  EXPECT_EQ(one->wait(20s), (ExitStatus{75, 0})) << one->err();
  other->kill(SIGKILL);
}

TEST(Backfills, OneTakesOverWhatAnotherLeavesBehind) {
  Installation odetl;
  converse(odetl.tenant, "2024-03-01 00:00:00", "2024-04-01 00:00:00", 3'000);
  odetl.fault("none next=0 delay_ms=30");
  const std::vector<std::string> command = {"backfill", "--from", kFrom, "--to", kTo, "--window", "6h"};
  ASSERT_TRUE(ended(odetl.etl({"migrate"}), 0));
  const auto killed = odetl.start(command);
  const auto other = odetl.start(command);
  while (odetl.server.request_count() < 20) std::this_thread::sleep_for(1ms);
  killed->kill(SIGKILL);
  EXPECT_EQ(other->wait(), (ExitStatus{0, 0})) << other->err();
  EXPECT_THAT(odetl.differences_in(kFrom, kTo), IsEmpty());
}

}  // namespace
}  // namespace odetl::test
