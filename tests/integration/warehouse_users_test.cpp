#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <random>

#include "tests/integration/warehouse_fixture.hpp"

namespace odetl::test {
namespace {

using ::testing::HasSubstr;

// Guarantee 8.
class Profiles : public Loading {
 protected:
  // Ann says something on a day of January and is listed with this profile.
  Loaded seen(int day, const std::string& profile) {
    const auto date = at("2024-01-01T00:00:00Z") + std::chrono::days(day - 1);
    Answer answer;
    answer.user("ann", profile).says(to_rfc3339(date), R"("a")");
    return load(*warehouse_, {date, date + std::chrono::seconds(1)}, answer);
  }
  std::string ann() const { return query("SELECT first_name, extract(day FROM observed_at) FROM users"); }
};

TEST_F(Profiles, AreReplacedByNewerOnes) {
  seen(1, R"({"first_name":"Old"})");
  EXPECT_EQ(seen(2, R"({"first_name":"New"})").report.users_updated, 1U);
  EXPECT_EQ(ann(), "New|2");
}

TEST_F(Profiles, AreNeverReplacedByOlderOnes) {
  seen(2, R"({"first_name":"New"})");
  const std::string before = row_versions();
  EXPECT_EQ(seen(1, R"({"first_name":"Old"})").report.users_unchanged, 1U);
  EXPECT_EQ(ann(), "New|2");
  EXPECT_THAT(row_versions(), HasSubstr(before.substr(before.rfind('\n'))));
}

TEST_F(Profiles, OfTheSameDateFollowTheLaterReading) {
  seen(2, R"({"first_name":"First"})");
  EXPECT_EQ(seen(2, R"({"first_name":"Second"})").report.users_updated, 1U);
  EXPECT_EQ(ann(), "Second|2");
}

// Guarantee 7: the server lists in any order, and a profile comes with whichever message is first.
TEST_F(Profiles, ReadAgainWithAnotherMessageAreNothingNew) {
  const TimeWindow day = window("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
  const std::string profile = R"({"first_name":"Ann"})";
  const std::string early = "2024-01-01T08:00:00Z";
  const std::string late = "2024-01-01T09:00:00Z";
  load(*warehouse_, day, Answer().user("ann", profile).says(early, R"("a")").says(late, R"("b")"));
  const std::string before = row_versions();
  const Loaded again =
      load(*warehouse_, day, Answer().user("ann", profile).says(late, R"("b")").says(early, R"("a")"));
  EXPECT_EQ(again.report.users_unchanged, 1U);
  EXPECT_EQ(row_versions(), before);
}

// The look-up answers places in the list; one place off would be another's profile.
TEST_F(Profiles, OfManyUsersAreEachComparedWithTheirOwn) {
  const auto day = [&](int of_january, Answer& answer) {
    const auto from = at("2024-01-01T00:00:00Z") + std::chrono::days(of_january - 1);
    return load(*warehouse_, {from, from + std::chrono::days(1)}, answer).report;
  };
  const auto add = [](Answer& answer, const char* user, const char* name, int of_january) {
    const std::string profile = name == nullptr ? "null" : R"({"first_name":")" + std::string(name) + "\"}";
    answer.user(user, profile).says("2024-01-0" + std::to_string(of_january) + "T10:00:00Z", R"("x")");
  };
  Answer newest, first, between;
  add(newest, "known newer", "newest", 5);
  add(newest, "with quote \\\"", "newest", 5);
  day(5, newest);
  add(first, "known older", "old", 1);
  add(first, "never named", nullptr, 1);
  add(first, "same", "same", 1);
  day(1, first);
  for (const char* user : {"a new one", "known newer", "known older", "m new one", "never named", "same", "with quote \\\"", "z new one"}) {
    add(between, user, user == std::string_view("same") ? "same" : "between", 3);
  }
  const WindowReport report = day(3, between);
  EXPECT_EQ(report.users_inserted, 3U);
  EXPECT_EQ(report.users_updated, 3U);
  EXPECT_EQ(report.users_unchanged, 2U);
  EXPECT_EQ(query("SELECT string_agg(user_id || ': ' || first_name || extract(day FROM observed_at), ', ' ORDER BY user_id) FROM users"),
            "a new one: between3, known newer: newest5, known older: between3, m new one: between3, never named: between3, "
            "same: same3, with quote \\\": newest5, z new one: between3");
}

// Windows of the past trust what the session has seen of users; whatever the order, the newest profile is there in the end.
TEST_F(Profiles, OfManyDaysAreTheNewestInWhateverOrderTheDaysAreRead) {
  constexpr int kDays = 28, kUsers = 12;
  std::mt19937 random(20241123);
  std::map<std::string, int> newest;  // the last day with a profile
  std::vector<Answer> answers(kDays + 1);
  for (int day = 1; day <= kDays; ++day) {
    for (int user = 0; user < kUsers; ++user) {
      if (random() % 3 == 0) continue;
      const std::string id = "user " + std::to_string(user);
      const bool has_profile = random() % 4 != 0;
      const std::string date = fmt::format("2024-01-{:02}T{:02}:00:00Z", day, random() % 24);
      const std::string profile = has_profile ? fmt::format(R"({{"first_name":"{}"}})", day) : "null";
      answers[static_cast<std::size_t>(day)].user(id, profile).says(date, R"("x")");
      newest[id] = std::max(newest[id], has_profile ? day : 0);
    }
  }
  std::vector<int> days;
  for (int day = kDays; day > 0; --day) days.push_back(day);
  std::shuffle(days.begin() + 4, days.end(), random);        // the newest of all, the three before it, and the rest anyhow
  days.insert(days.end(), days.begin(), days.begin() + 6);   // some of them again
  for (const int day : days) {
    const auto from = at("2024-01-01T00:00:00Z") + std::chrono::days(day - 1);
    load(*warehouse_, {from, from + std::chrono::days(1)}, answers[static_cast<std::size_t>(day)]);
  }
  std::string expected;
  for (const auto& [id, day] : newest) {
    expected += (expected.empty() ? "" : ", ") + id + ": " + (day == 0 ? "" : std::to_string(day));
  }
  EXPECT_EQ(query("SELECT string_agg(user_id || ': ' || coalesce(first_name, ''), ', ' ORDER BY user_id COLLATE \"C\")"
                  "  FROM users"),
            expected);
}

// Another session may be on another server: what the last one saw need not be there.
TEST_F(Profiles, AreLookedForAgainByANewSession) {
  for (const int day : {9, 8, 7}) seen(day, R"({"first_name":"Ann"})");
  query("DELETE FROM users");
  query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'opendialog-etl'"
        " AND datname = current_database()");
  error_of([&] { seen(6, R"({"first_name":"Ann"})"); });
  EXPECT_EQ(seen(6, R"({"first_name":"Ann"})").report.users_inserted, 1U);
  EXPECT_EQ(ann(), "Ann|6");
}

// Who was written by one session of a backfill is not looked for by another.
TEST_F(Profiles, AreKnownToAllSessionsOfABackfill) {
  const auto seen_users = std::make_shared<SeenUsers>();
  warehouse_ = open(OnMissing::mark, seen_users);
  for (const int day : {9, 8}) seen(day, R"({"first_name":"Ann"})");
  query("DELETE FROM users");  // which nobody is told of
  warehouse_ = open(OnMissing::mark, seen_users);
  EXPECT_EQ(seen(7, R"({"first_name":"Ann"})").report.users_unchanged, 1U);
  warehouse_ = open();
  EXPECT_EQ(seen(6, R"({"first_name":"Ann"})").report.users_inserted, 1U);
}

// What was rolled back was not seen.
TEST_F(Profiles, OfALoadThatFailedAreWrittenByTheNextOne) {
  seen(9, R"({"first_name":"Ann"})");
  const auto bob = [&](int day) {
    const auto date = at("2024-01-01T00:00:00Z") + std::chrono::days(day - 1);
    Answer answer;
    answer.user("bob", R"({"first_name":"Bob"})").says(to_rfc3339(date), R"("b")");
    return load(*warehouse_, {date, date + std::chrono::seconds(1)}, answer).report;
  };
  query("ALTER TABLE window_log ADD CONSTRAINT none CHECK (reason = '') NOT VALID");
  error_of([&] { bob(8); });
  query("ALTER TABLE window_log DROP CONSTRAINT none");
  EXPECT_EQ(bob(7).users_inserted, 1U);
  EXPECT_EQ(count("users"), "2");
}

TEST_F(Profiles, AreNeverErasedByEmptyOnes) {
  seen(1, R"({"first_name":"Ann"})");
  const std::string before = query("SELECT xmin, ctid FROM users");
  int day = 2;
  for (const char* nothing : {"null", "[]", "{}", R"({"first_name":null,"custom":[]})", R"({"first_name":""})"}) {
    EXPECT_EQ(seen(day++, nothing).report.users_unchanged, 1U) << nothing;
  }
  EXPECT_EQ(ann(), "Ann|1");
  EXPECT_EQ(query("SELECT xmin, ctid FROM users"), before);
}

TEST_F(Profiles, FillUsersThatHadNone) {
  seen(2, "null");
  seen(1, R"({"first_name":"Ann"})");
  EXPECT_EQ(ann(), "Ann|1");
}

TEST_F(Profiles, OfANewerDateWithTheSameContentOnlyGrowYounger) {
  seen(1, R"({"first_name":"Ann","custom":{"a":1}})");
  EXPECT_EQ(seen(3, R"({"custom":{"a":1},"first_name":"Ann"})").report.users_updated, 1U);
  EXPECT_EQ(ann(), "Ann|3");
}

TEST_F(Profiles, OfAUserListedTwiceAreTheNewestOfTheAnswer) {
  Answer answer;
  answer.user("ann", R"({"first_name":"New"})").says("2024-01-31T09:00:00Z", R"("b")");
  answer.user("ann", R"({"first_name":"Old"})").says("2024-01-31T08:00:00Z", R"("a")");
  answer.user("ann", "null").says("2024-01-31T10:00:00Z", R"("c")");
  const Loaded loaded = load(*warehouse_, kDay, answer);
  EXPECT_EQ(loaded.report.users_inserted, 1U);
  EXPECT_EQ(loaded.report.inserted, 3U);
  EXPECT_EQ(ann(), "New|31");
}

TEST_F(Profiles, GoByTheBytesOfTheId) {
  Answer answer;
  for (const char* id : {"ann", "Ann", "ann ", "", "\xC3\xA9", "e\xCC\x81", "a/b\n\"'\\", "\xF0\x9F\x98\x80"}) {
    answer.user(id).says("2024-01-31T09:00:00Z", R"("b")");
  }
  EXPECT_EQ(load(*warehouse_, kDay, answer).report.users_inserted, 8U);
  EXPECT_EQ(load(*warehouse_, kDay, answer).report.users_unchanged, 8U);
  EXPECT_EQ(count("users JOIN interactions USING (user_id)"), "8");
}

}  // namespace
}  // namespace odetl::test
