#include <random>
#include <thread>

#include "tests/integration/acceptance_fixture.hpp"

// What a backfill guarantees when the server, its rows or the machine do their worst.
namespace odetl::test {
namespace {

using namespace std::chrono_literals;
using simulator::Fractions;
using simulator::Order;
using testing::HasSubstr;
using testing::IsEmpty;

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
    for (Second beside = bad - 2s; beside <= bad + 2s; beside += 1s)
      odetl.tenant.add({.user_id = "u", .at = beside, .text = "x"});
    odetl.tenant.poison(bad);
    covered += " AND occurred_at <> '" + iso(bad) + "'";
  }
  const auto backfill = [&] {
    return odetl.backfill("2024-03-01T09:00:00Z", "2024-03-01T11:00:00Z", GetParam().arguments);
  };
  const RunResult first = backfill();
  ASSERT_TRUE(ended(first, 1));
  const std::string status = odetl.status();
  for (const std::string& poisoned : GetParam().poisoned) {
    EXPECT_THAT(first.out, HasSubstr("poisoned " + range_text(second(poisoned), second(poisoned) + 1s)));
    EXPECT_THAT(first.err, HasSubstr("window_poisoned"));
  }
  EXPECT_EQ(json_at(status, "{gaps}"), json_at(status, "{poisoned}"));
  EXPECT_EQ(cluster().query("SELECT sum(upper(gap) - lower(gap)) FROM (SELECT tstzrange((pair->>0)::timestamptz, "
                            "(pair->>1)::timestamptz) "
                            "AS gap FROM jsonb_array_elements('" +
                            json_at(status, "{gaps}") + "') AS pair) AS gaps"),
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
                                         PoisonCase{
                                             "NeighboursAndAFarOne",
                                             {"2024-03-01 10:00:30", "2024-03-01 10:00:31", "2024-03-01 10:20:00"},
                                             {"--workers", "2", "--window", "10m"}}),
                         [](const auto& poison) { return poison.param.name; });

TEST(Guarantees, Guarantee11AnOutageLeavesNoPoison) {
  Installation odetl;
  converse(odetl.tenant, "2024-03-01 09:00:00", "2024-03-01 10:00:00", 200);
  odetl.fault("status code=500 skip=3 next=0");
  // Narrow windows, so that single seconds fail at once.
  const auto backfill =
      odetl.start({"backfill", "--from", "2024-03-01T09:00:00Z", "--to", "2024-03-01T10:00:00Z", "--window", "1s"});
  EXPECT_TRUE(eventually([&] { return odetl.server.request_count() > 9; }));
  backfill->kill(SIGTERM);
  EXPECT_EQ(backfill->wait(2s), (ExitStatus{0, 0}));
  EXPECT_EQ(odetl.sql("SELECT poisoned FROM opendialog.stream_state"), "{}");

  odetl.server.faults().clear();
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01T09:00:00Z", "2024-03-01T10:00:00Z"), 0));
  EXPECT_THAT(odetl.differences_in("2024-03-01 09:00:00", "2024-03-01 10:00:00"), IsEmpty());
}

TEST(Guarantees, Guarantee6RecordsThatCannotBeLoadedAreSetAside) {
  Installation odetl;
  converse(odetl.tenant, "2024-03-01 09:00:00", "2024-03-01 10:00:00", 100);
  const Instant when = at("2024-03-01 09:30:00");
  odetl.remember_truth("2024-03-01 09:00:00", "2024-03-01 10:00:00");
  odetl.tenant.add(
      {.user_id = "bad", .at = when, .verbatim = R"({"type":"text","date":"yesterday","text":"no date","data":null})"});
  odetl.tenant.add({.user_id = "bad", .at = when, .verbatim = R"({"type":"text","text":"undated","data":null})"});
  odetl.tenant.add({.user_id = "bad", .at = when, .verbatim = R"("no object")"});

  ASSERT_TRUE(ended(odetl.backfill("2024-03-01T09:00:00Z", "2024-03-01T10:00:00Z"), 0));
  EXPECT_THAT(odetl.differences(), IsEmpty());
  EXPECT_EQ(
      odetl.sql(
          "SELECT count(*), count(*) FILTER (WHERE reason <> '' AND user_id = 'bad') FROM opendialog.rejected_records"),
      "3|3");
  EXPECT_EQ(odetl.sql("SELECT record FROM opendialog.rejected_records WHERE record LIKE '%yesterday%'"),
            R"({"type":"text","date":"yesterday","text":"no date","data":null})");
  EXPECT_EQ(json_at(odetl.status(), "{rejected_records}"), "3");
}

TEST(Guarantees, Guarantee6UsersWhoseIdIsLostAreSetAsideWhereThatIsWanted) {
  Installation odetl;
  odetl.configure("unknown_users", "reject");
  odetl.tenant.add(
      {message("447700900123", "2024-03-01 09:00:00", "lost"), message("u", "2024-03-01 09:00:00", "known")});
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02"), 0));
  EXPECT_EQ(odetl.sql("SELECT user_id, text FROM opendialog.interactions"), "u|known");
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.rejected_records WHERE record LIKE '%lost%'"), "1");
}

TEST(Guarantees, Guarantee8AnOlderProfileNeverReplacesANewerOne) {
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

TEST(Guarantees, Guarantee1KilledAtAnyInstantItGoesOnWithNothingLostAndNothingTwice) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Installation odetl({.fractions = Fractions::fractional});
  converse(odetl.tenant, "2024-03-01", "2024-04-01", 6'000);
  say_at_the_seams(odetl.tenant, "2024-03-01 00:00:00", "2024-03-08 00:00:00");
  odetl.remember_truth("2024-03-01", "2024-04-01");
  ASSERT_TRUE(ended(odetl.etl({"migrate"}), 0));
  const std::vector<std::string> arguments = {"backfill", "--from", "2024-03-01",       "--to", "2024-04-01",
                                              "--window", "2h",     "--workers", "2"};

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
    ASSERT_EQ(
        odetl.sql(
            "SELECT count(*) FROM opendialog.interactions, opendialog.stream_state WHERE NOT coverage @> occurred_at"),
        "0");
  }
  ASSERT_TRUE(ended(odetl.etl(arguments), 0));
  EXPECT_THAT(odetl.differences(), IsEmpty());
}

TEST(Guarantees, TwoAtOnceOfTheSameRangeLoadItOnce) {
  Installation odetl;
  converse(odetl.tenant, "2024-03-01", "2024-03-08", 3'000);
  const std::vector<std::string> arguments = {"backfill", "--from", "2024-03-01", "--to", "2024-03-08",
                                              "--window", "3h",     "--workers",  "2"};
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

TEST(Guarantees, Guarantee10MemoryDoesNotGrowWithTheRange) {
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

// --- what vanishes

// An answer without its rows is no erasure of a whole day.
TEST(Vanished, AnAnswerThatIsEmptyByMistakeTakesNothingAway) {
  Installation odetl;
  std::vector<simulator::Interaction> rows;
  for (int i = 0; i < 300; ++i) rows.push_back({.user_id = "u", .at = second("2024-03-01") + i * 1min});
  const auto ids = odetl.tenant.add(rows);
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02", {"--window", "1d"}), 0));
  const std::vector<std::string> reload = {"--window", "1d", "--reload"};

  odetl.fault("body code=200 text=%7B%22data%22%3A%5B%5D%7D");
  const RunResult empty = odetl.backfill("2024-03-01", "2024-03-02", reload);
  ASSERT_TRUE(ended(empty, 0));
  EXPECT_THAT(empty.out, HasSubstr("300 interactions vanished at once"));
  EXPECT_THAT(empty.err, HasSubstr("vanished_at_once"));
  EXPECT_EQ(json_at(odetl.status(), "{vanished_unconfirmed}"), "300");
  EXPECT_THAT(odetl.differences_in("2024-03-01", "2024-03-02"), IsEmpty());
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02", reload), 0));
  EXPECT_EQ(json_at(odetl.status(), "{vanished_unconfirmed}"), "0");

  for (const auto id : ids) odetl.tenant.remove(id);
  ASSERT_TRUE(ended(odetl.backfill("2024-03-01", "2024-03-02", reload), 0));
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.current_interactions"), "300");
  ASSERT_TRUE(ended(odetl.etl({"verify", "--from", "2024-03-01", "--to", "2024-03-02", "--repair"}), 0));
  EXPECT_THAT(odetl.differences_in("2024-03-01", "2024-03-02"), IsEmpty());
}

}  // namespace
}  // namespace odetl::test
