#include <algorithm>
#include <map>
#include <random>
#include <thread>

#include "tests/integration/warehouse_fixture.hpp"

namespace odetl::test {
namespace {

TEST_F(Loading, MeetsRowsOfAnUncoveredWindowAsAConflictAndComparesOnDemand) {
  load(*warehouse_, kDay, two_people());
  query("UPDATE stream_state SET coverage = '{}', watermark = NULL");
  const std::string before = row_versions();
  EXPECT_EQ(error_of([&] { load(*warehouse_, kDay, two_people()); }).failure(), Failure::db_conflict);
  EXPECT_EQ(load(*warehouse_, kDay, two_people(), {true, 1}).report.unchanged, 3U);
  EXPECT_EQ(row_versions(), before);
  EXPECT_EQ(warehouse_->read_state().watermark, kDay.to);
}

TEST_F(Loading, IsAConflictWhenAnotherLoadTookAwayWhatItFound) {
  load(*warehouse_, kDay, bob_says("a"));
  OtherSession other(dsn_, "INSERT INTO opendialog.users (user_id) VALUES ('zoe')");
  std::jthread loading([&] {
    const Answer answer = bob_says("a").user("zoe").says("2024-01-31T09:00:00Z", R"("z")");
    EXPECT_EQ(error_of([&] { load(*warehouse_, kDay, answer); }).failure(), Failure::db_conflict);
  });
  wait_until_blocked(dsn_);
  EXPECT_EQ(load(*open(), kDay, Answer()).report.deleted, 1U);
  other.release();
}

// No key tells that two loaders bring the same row of a user whose id was lost: its surrogate is another with every
// profile.
TEST_F(Loading, KeepsRowsOfLostUsersOnceWhenLoadersMeet) {
  const auto answer = [](const std::string& name) {
    return Answer().lost_user(R"({"first_name":")" + name + "\"}").says("2024-01-31T09:00:00Z", R"("a")");
  };
  OtherSession other(dsn_, "LOCK opendialog.rejected_records IN SHARE MODE");
  std::jthread loading([&] {
    const Answer first = answer("Ann").record(R"({"type":"text","date":"never"})");
    EXPECT_EQ(error_of([&] { load(*warehouse_, kDay, first); }).failure(), Failure::db_conflict);
    EXPECT_EQ(load(*warehouse_, kDay, first, {true, 1}).report.unchanged, 1U);
  });
  wait_until_blocked(dsn_);
  EXPECT_EQ(load(*open(), kDay, answer("Bob")).report.inserted, 1U);
  other.release();
  loading.join();
  EXPECT_EQ(query("SELECT text FROM current_interactions"), "a");
  EXPECT_EQ(query("SELECT first_name FROM users"), "Bob");
}

TEST_F(Loading, IsNoConflictWithALoadOfAnotherWindow) {
  OtherSession other(dsn_, "LOCK opendialog.users");
  std::jthread loading([&] { EXPECT_EQ(load(*warehouse_, kDay, two_people()).report.inserted, 3U); });
  wait_until_blocked(dsn_);
  load(*open(), window("2024-01-30T00:00:00Z", "2024-01-31T00:00:00Z"), Answer());
  load(*open(), window("2024-02-01T00:00:00Z", "2024-02-02T00:00:00Z"), Answer());
  other.release();
}

// What a tenant of this test holds; windows of it are answered in an order of their own each time.
class Tenant {
 public:
  Tenant() {
    std::mt19937 random(11);
    for (int i = 0; i < 400; ++i) {
      const int second = static_cast<int>(random() % 3600);
      rows_.push_back({"u" + std::to_string(random() % 7), kDay.from + std::chrono::seconds(second),
                       "t" + std::to_string(random() % 2)});
      if (i % 5 == 0) rows_.push_back(rows_.back());
    }
  }
  Answer answer(const TimeWindow& window, std::mt19937& random) const {
    auto rows = rows_;
    std::shuffle(rows.begin(), rows.end(), random);
    Answer answer;
    for (const Row& row : rows) {
      if (!window.owns(row.date)) continue;
      answer.user(row.user, R"({"first_name":"F"})").says(to_rfc3339(row.date), json(row.text));
    }
    return answer;
  }
  std::string contents() const {
    std::map<std::string, int> twins;
    std::vector<std::string> lines;
    for (const Row& row : rows_) {
      std::string date = to_wire(row.date) + "+00";
      const std::string line = row.user + "|" + date + "|text|" + row.text + "||";
      lines.push_back(line + std::to_string(twins[line]++));
    }
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
    return text;
  }

 private:
  struct Row {
    std::string user;
    sys_seconds date;
    std::string text;
  };
  std::vector<Row> rows_;
};

void load_patiently(Warehouse& warehouse, const TimeWindow& window, const Answer& answer, int& conflicts) {
  bool compare = false;
  for (int attempt = 0; attempt < 100; ++attempt) {
    try {
      load(warehouse, window, answer, {compare, warehouse.read_state().load_number});
      return;
    } catch (const DatabaseError& error) {
      ASSERT_THAT(error.failure(), ::testing::AnyOf(Failure::db_conflict, Failure::db_retry)) << error.what();
      compare |= error.failure() == Failure::db_conflict;
      ++conflicts;
    }
  }
  FAIL() << "a hundred conflicts for one window";
}

// Guarantees 1 and 2, with loaders that overlap.
TEST_F(Loading, HoldsEverythingExactlyOnceWhateverLoadersOverlap) {
  const Tenant tenant;
  int conflicts[3] = {};
  {
    std::vector<std::jthread> loaders;
    for (unsigned loader = 0; loader < 3; ++loader) {
      loaders.emplace_back([&, loader] {
        std::mt19937 random(loader);
        const auto warehouse = open();
        for (int minute = 0; minute < 60; minute += 5) {
          // Two loaders read equal windows, the third others that overlap them.
          const auto from = kDay.from + std::chrono::minutes(minute) - std::chrono::seconds(loader == 2 ? 100 : 0);
          const TimeWindow piece{from, from + std::chrono::minutes(loader == 2 ? 9 : 5)};
          load_patiently(*warehouse, piece, tenant.answer(piece, random), conflicts[loader]);
        }
      });
    }
  }
  EXPECT_EQ(contents(), tenant.contents());
  EXPECT_EQ(count("users"), "7");
  EXPECT_GT(conflicts[0] + conflicts[1] + conflicts[2], 0) << "the loaders never met";
  EXPECT_EQ(query("SELECT max(load_number) = count(*) FROM window_log"), "t");
}

TEST_F(Loading, MayMakeTheSamePartitionsFromSeveralSessions) {
  std::vector<std::jthread> loaders;
  for (int loader = 0; loader < 4; ++loader) {
    loaders.emplace_back([&, loader] {
      const auto warehouse = open();
      for (int month = 1; month <= 9; ++month) {
        const auto begin = at("2023-0" + std::to_string(month) + "-01T00:00:00Z") + std::chrono::hours(loader);
        Answer answer;
        answer.user("u" + std::to_string(loader)).says(to_rfc3339(begin), R"("a")");
        EXPECT_EQ(load(*warehouse, {begin, begin + std::chrono::hours(1)}, answer).report.inserted, 1U);
      }
    });
  }
  loaders.clear();
  EXPECT_EQ(count("pg_inherits WHERE inhparent = 'interactions'::regclass"), "9");
  EXPECT_EQ(count("interactions"), "36");
}

}  // namespace
}  // namespace odetl::test
