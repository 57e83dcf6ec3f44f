#include <random>
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

void converse(simulator::Tenant& tenant, const std::string& from, const std::string& to, std::uint64_t rows) {
  tenant.generate({.seed = 7, .from = second(from), .to = second(to), .rows = rows, .numeric_permille = 150});
}

// Twins and near twins dated exactly at, just before and just after every whole hour, which is where windows end.
void say_at_the_seams(simulator::Tenant& tenant, const std::string& from, const std::string& to) {
  std::vector<simulator::Interaction> rows;
  for (Second hour = second(from); hour <= second(to); hour += 1h) {
    for (const auto offset : {-1s, 0s, 0s, 1s}) {
      rows.push_back({.user_id = "seam", .at = hour + offset, .text = "twin"});
      rows.push_back({.user_id = "447700900123", .at = hour + offset, .text = "twin"});
    }
    rows.push_back({.user_id = "seam", .at = hour - 1us, .text = "twin"});
    rows.push_back({.user_id = "seam", .at = hour + 1us, .text = "twin"});
    rows.push_back({.user_id = "seam", .at = hour + 999'999us, .text = "twin"});
  }
  tenant.add(rows);
}

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
const std::vector<std::string> kOddData = {
    "null", "[]", "{}", "[1,2,null]", "\"text\"", "0", "-0.5", "1e2", "true", "false", "123456789012345678901234567890",
    R"({"value":"v","callback_id":"c"})", R"({"value":1,"callback_id":null})", R"({"value":{"deep":[1]},"callback_id":[]})",
    R"({"101":"yes","102":"no"})", R"({"":"empty key","a/b":"slash","é":"\u0000"})",
    R"({"z":1,"a":{"z":1,"a":[{"b":2,"a":1}]}})", R"({"big":9007199254740993,"small":-9223372036854775809})"};

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
  EXPECT_EQ(odetl.sql("SELECT who FROM public.served WHERE who <> '(lost)' EXCEPT SELECT user_id FROM opendialog.users"), "");
  // The ledger adds up.
  EXPECT_EQ(odetl.sql("SELECT sum(inserted) = (SELECT count(*) FROM opendialog.interactions) AND sum(updated + deleted) = 0 "
                      "FROM opendialog.window_log"),
            "t");
}

INSTANTIATE_TEST_SUITE_P(
    Acceptance, BackfillVariants,
    testing::Values(
        Variant{"OneWorker", {}, "public", {"--workers", "1"}},
        Variant{"TwoWorkersOnLegacyNestedFractions",
                {.fractions = Fractions::fractional, .shape = Shape::nested},
                "legacy",
                {"--workers", "2", "--window", "1h"}},
        Variant{"FourWorkersOnPathTruncatedFractions", {.fractions = Fractions::truncated}, "path", {"--workers", "4", "--window", "6h"}},
        Variant{"FractionsWithADayAWindow", {.fractions = Fractions::fractional}, "public", {"--window", "1d"}},
        Variant{"NestedInOrderOfInsertion", {.order = Order::insertion, .shape = Shape::nested}, "path", {"--window", "3h"}}),
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
    const auto inside = [&](const char* gap_from, const char* gap_to) { return from >= second(gap_from) && to <= second(gap_to); };
    EXPECT_TRUE(inside("2024-02-25", "2024-03-01") || inside("2024-03-03", "2024-03-05") || inside("2024-03-08", "2024-03-10"))
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
  return odetl.sql("SELECT md5(string_agg(concat_ws(',', tableoid, ctid, xmin, xmax), ' ' ORDER BY tableoid, ctid)), count(*) "
                   "FROM opendialog." + table);
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

// --- what the server cannot serve

struct PoisonCase {
  const char* name;
  std::vector<std::string> poisoned;
  std::vector<std::string> arguments;
};

class Poison : public testing::TestWithParam<PoisonCase> {};

TEST_P(Poison, Guarantee11IsIsolatedToItsSecondAndHealedLater) {
  Installation odetl;
  converse(odetl.tenant, "2024-03-01 09:00:00", "2024-03-01 11:00:00", 500);
  std::string covered;
  for (const std::string& poisoned : GetParam().poisoned) {
    const Second bad = second(poisoned);
    for (Second beside = bad - 2s; beside <= bad + 2s; beside += 1s) odetl.tenant.add({.user_id = "u", .at = beside, .text = "x"});
    odetl.tenant.poison(bad);
    covered += " AND occurred_at <> '" + iso(bad) + "'";
  }
  const auto backfill = [&] { return odetl.backfill("2024-03-01T09:00:00Z", "2024-03-01T11:00:00Z", GetParam().arguments); };
  const RunResult first = backfill();
  ASSERT_TRUE(ended(first, 1));
  const std::string status = odetl.status();
  for (const std::string& poisoned : GetParam().poisoned) {
    EXPECT_THAT(first.out, HasSubstr("poisoned " + range_text(second(poisoned), second(poisoned) + 1s)));
    EXPECT_THAT(first.err, HasSubstr("window_poisoned"));
  }
  EXPECT_EQ(json_at(status, "{gaps}"), json_at(status, "{poisoned}"));
  EXPECT_EQ(cluster().query("SELECT sum(upper(gap) - lower(gap)) FROM (SELECT tstzrange((pair->>0)::timestamptz, (pair->>1)::timestamptz) "
                            "AS gap FROM jsonb_array_elements('" + json_at(status, "{gaps}") + "') AS pair) AS gaps"),
            "00:00:0" + std::to_string(GetParam().poisoned.size()));
  odetl.remember_truth("2024-03-01 09:00:00", "2024-03-01 11:00:00");
  EXPECT_THAT(odetl.differences("true" + covered), IsEmpty());

  for (const std::string& poisoned : GetParam().poisoned) odetl.tenant.heal(second(poisoned));
  ASSERT_TRUE(ended(backfill(), 0));
  EXPECT_THAT(odetl.differences(), IsEmpty());
  EXPECT_EQ(json_at(odetl.status(), "{gaps}"), "[]");
}

INSTANTIATE_TEST_SUITE_P(Acceptance, Poison,
                         testing::Values(PoisonCase{"OneSecond", {"2024-03-01 10:00:30"}, {"--workers", "1"}},
                                         PoisonCase{"NeighboursAndAFarOne",
                                                    {"2024-03-01 10:00:30", "2024-03-01 10:00:31", "2024-03-01 10:20:00"},
                                                    {"--workers", "2", "--window", "10m"}}),
                         [](const auto& poison) { return poison.param.name; });

TEST(Backfill, Guarantee11AnOutageLeavesNoPoison) {
  Installation odetl;
  converse(odetl.tenant, "2024-03-01 09:00:00", "2024-03-01 10:00:00", 200);
  odetl.fault("status code=500 skip=3 next=0");
  // Narrow windows, so that single seconds fail at once.
  const auto backfill = odetl.start({"backfill", "--from", "2024-03-01T09:00:00Z", "--to", "2024-03-01T10:00:00Z", "--window", "1s"});
  EXPECT_TRUE(eventually([&] { return odetl.server.request_count() > 9; }));
  backfill->kill(SIGTERM);
  EXPECT_EQ(backfill->wait(2s), (ExitStatus{0, 0}));
  EXPECT_EQ(odetl.sql("SELECT poisoned FROM opendialog.stream_state"), "{}");

  odetl.server.faults().clear();
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01T09:00:00Z", "2024-03-01T10:00:00Z"), 0));
  EXPECT_THAT(odetl.differences_in("2024-03-01 09:00:00", "2024-03-01 10:00:00"), IsEmpty());
}

TEST(Backfill, Guarantee6RecordsThatCannotBeLoadedAreSetAside) {
  Installation odetl;
  converse(odetl.tenant, "2024-03-01 09:00:00", "2024-03-01 10:00:00", 100);
  const Instant when = at("2024-03-01 09:30:00");
  odetl.remember_truth("2024-03-01 09:00:00", "2024-03-01 10:00:00");
  odetl.tenant.add({.user_id = "bad", .at = when, .verbatim = R"({"type":"text","date":"yesterday","text":"no date","data":null})"});
  odetl.tenant.add({.user_id = "bad", .at = when, .verbatim = R"({"type":"text","text":"undated","data":null})"});
  odetl.tenant.add({.user_id = "bad", .at = when, .verbatim = R"("no object")"});

  ASSERT_TRUE(ended(odetl.backfill("2024-03-01T09:00:00Z", "2024-03-01T10:00:00Z"), 0));
  EXPECT_THAT(odetl.differences(), IsEmpty());
  EXPECT_EQ(odetl.sql("SELECT count(*), count(*) FILTER (WHERE reason <> '' AND user_id = 'bad') FROM opendialog.rejected_records"), "3|3");
  EXPECT_EQ(odetl.sql("SELECT record FROM opendialog.rejected_records WHERE record LIKE '%yesterday%'"),
            R"({"type":"text","date":"yesterday","text":"no date","data":null})");
  EXPECT_EQ(json_at(odetl.status(), "{rejected_records}"), "3");
}

TEST(Backfill, Guarantee6UsersWhoseIdIsLostAreSetAsideWhereThatIsWanted) {
  Installation odetl;
  odetl.configure("unknown_users", "reject");
  odetl.tenant.add({message("447700900123", "2024-03-01 09:00:00", "lost"), message("u", "2024-03-01 09:00:00", "known")});
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02"), 0));
  EXPECT_EQ(odetl.sql("SELECT user_id, text FROM opendialog.interactions"), "u|known");
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.rejected_records WHERE record LIKE '%lost%'"), "1");
}

TEST(Backfill, Guarantee8AnOlderProfileNeverReplacesANewerOne) {
  Installation odetl({.order = Order::insertion});
  const auto say = [&](const std::string& when, const std::string& profile) {
    odetl.tenant.add({.user_id = "u", .at = at(when), .profile = profile});
  };
  say("2024-03-01 10:00:00", R"({"first_name":"Old","email":"old@example.org"})");
  say("2024-03-03 10:00:00", R"({"first_name":"New","email":"new@example.org","shoe_size":42})");
  say("2024-03-05 10:00:00", "null");
  say("2024-03-06 10:00:00", "[]");
  const auto profile = [&] { return odetl.sql("SELECT first_name, email, extra, observed_at FROM opendialog.users"); };
  ASSERT_TRUE(ended(odetl.backfill("2024-03-03", "2024-03-04"), 0));
  const std::string newest = R"(New|new@example.org|{"shoe_size": 42}|2024-03-03 10:00:00+00)";
  EXPECT_EQ(profile(), newest);
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02"), 0));
  EXPECT_EQ(profile(), newest);
  ASSERT_TRUE(ended(odetl.backfill("2024-03-05", "2024-03-07"), 0));
  EXPECT_EQ(profile(), newest);
}

// --- at any instant

TEST(Backfill, Guarantee1KilledAtAnyInstantItGoesOnWithNothingLostAndNothingTwice) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Installation odetl({.fractions = Fractions::fractional});
  converse(odetl.tenant, kFrom, kTo, 6'000);
  say_at_the_seams(odetl.tenant, "2024-03-01 00:00:00", "2024-03-08 00:00:00");
  odetl.remember_truth(kFrom, kTo);
  ASSERT_TRUE(ended(odetl.etl({"migrate"}), 0));
  const std::vector<std::string> arguments = {"backfill", "--from", kFrom, "--to", kTo, "--window", "2h", "--workers", "2"};

  for (int kill = 0; kill < 20; ++kill) {
    auto command = arguments;
    if (kill % 4 == 3) command.push_back("--reload");
    const auto backfill = odetl.start(command);
    const auto instant = std::chrono::milliseconds(std::uniform_int_distribution(20, 250)(random));
    std::this_thread::sleep_for(instant);
    backfill->kill(SIGKILL);
    backfill->wait();
    ASSERT_THAT(odetl.differences("(SELECT coverage FROM opendialog.stream_state) @> occurred_at"), IsEmpty())
        << "kill " << kill << " after " << instant.count() << " ms";
    ASSERT_EQ(odetl.sql("SELECT count(*) FROM opendialog.interactions, opendialog.stream_state WHERE NOT coverage @> occurred_at"), "0");
  }
  ASSERT_TRUE(ended(odetl.etl(arguments), 0));
  EXPECT_THAT(odetl.differences(), IsEmpty());
}

TEST(Backfill, TwoAtOnceOfTheSameRangeLoadItOnce) {
  Installation odetl;
  converse(odetl.tenant, "2024-03-01", "2024-03-08", 3'000);
  const std::vector<std::string> arguments = {"backfill", "--from", "2024-03-01", "--to", "2024-03-08", "--window", "3h", "--workers", "2"};
  const auto one = odetl.start(arguments), other = odetl.start(arguments);
  EXPECT_EQ(one->wait(), (ExitStatus{0, 0})) << one->err();
  EXPECT_EQ(other->wait(), (ExitStatus{0, 0})) << other->err();
  EXPECT_THAT(odetl.differences_in("2024-03-01", "2024-03-08"), IsEmpty());
}

// The most memory that a process ever used.
std::uint64_t peak_kib(pid_t pid) {
  std::string status;
  try {
    status = read_file("/proc/" + std::to_string(pid) + "/status");
  } catch (const std::runtime_error&) {
    return 0;
  }
  const auto found = status.find("VmHWM:");
  return found == std::string::npos ? 0 : std::stoull(status.substr(found + 6));
}

TEST(Backfill, Guarantee10MemoryDoesNotGrowWithTheRange) {
  Installation odetl;
  converse(odetl.tenant, "2024-03-01", "2024-03-11", 80'000);
  const auto peak_of = [&](const std::string& to) {
    const auto backfill = odetl.start({"backfill", "--from", "2024-03-01", "--to", to, "--window", "6h", "--reload"});
    std::uint64_t peak = 0;
    while (backfill->running()) peak = std::max(peak, peak_kib(backfill->pid()));
    EXPECT_EQ(backfill->wait(), (ExitStatus{0, 0})) << backfill->err();
    return peak;
  };
  const auto narrow = peak_of("2024-03-04"), wide = peak_of("2024-03-11");
  EXPECT_GT(narrow, 0U);
  EXPECT_LT(static_cast<double>(wide), 1.5 * static_cast<double>(narrow));
}

}  // namespace
}  // namespace odetl::test
