#include "etl/seen_users.hpp"

#include <gtest/gtest.h>

#include <string>

namespace odetl {
namespace {

class SeenUser : public testing::Test {
 protected:
  static SeenUsers::Entry user(const std::string& id, const char* date) {
    return SeenUsers::entry_of(id, date == nullptr ? std::nullopt : parse_timestamp(date));
  }
  bool has_newer(const std::string& id, const char* date) const { return seen_.has_newer(key_, user(id, date)); }

  SeenUsers seen_;
  const SeenUsers::Key key_ = seen_.key_for("a server");
};

TEST_F(SeenUser, IsNobodyAtFirst) {
  EXPECT_FALSE(has_newer("ann", "2024-01-31T08:00:00Z"));
  EXPECT_FALSE(has_newer("ann", nullptr));
}

TEST_F(SeenUser, HasANewerProfileOnlyWhereItWasSeenASecondLater) {
  seen_.add(key_, user("ann", "2024-01-31T08:00:00.5Z"));
  EXPECT_TRUE(has_newer("ann", "2024-01-31T07:59:59.9Z"));
  EXPECT_FALSE(has_newer("ann", "2024-01-31T08:00:00Z")) << "of the same second it is looked for";
  EXPECT_FALSE(has_newer("ann", "2024-01-31T08:00:00.5Z"));
  EXPECT_FALSE(has_newer("ann", "2024-01-31T08:00:01Z"));
  EXPECT_FALSE(has_newer("bob", "2024-01-30T00:00:00Z"));
}

TEST_F(SeenUser, WithoutAProfileHasNothingNewerThanAnyProfile) {
  seen_.add(key_, user("ann", nullptr));
  EXPECT_TRUE(has_newer("ann", nullptr)) << "is there, and nothing is to be written";
  EXPECT_FALSE(has_newer("ann", "0001-01-01T00:00:00Z"));
  EXPECT_FALSE(has_newer("ann", "2024-01-31T08:00:00Z"));
}

TEST_F(SeenUser, KeepsTheNewestProfile) {
  seen_.add(key_, user("ann", "2024-01-31T08:00:00Z"));
  seen_.add(key_, user("ann", "2024-01-01T08:00:00Z"));
  seen_.add(key_, user("ann", nullptr));
  EXPECT_TRUE(has_newer("ann", "2024-01-31T07:00:00Z"));
}

// What a date is counted by has an end on either side.
TEST_F(SeenUser, IsNeverSaidToBeNewerWhereTheDatesAreTooFarAway) {
  seen_.add(key_, user("before 1970", "1960-01-01T00:00:00Z"));
  EXPECT_FALSE(has_newer("before 1970", "1950-01-01T00:00:00Z"));
  seen_.add(key_, user("far ahead", "2200-01-01T00:00:00Z"));
  EXPECT_FALSE(has_newer("far ahead", "2300-01-01T00:00:00Z"));
  EXPECT_TRUE(has_newer("far ahead", "2024-01-01T00:00:00Z"));
}

TEST_F(SeenUser, IsForgottenWhereAnotherTakesItsPlaceAndNeverTakenForAnother) {
  constexpr int kUsers = 200'000;
  for (int i = 0; i < kUsers; ++i) seen_.add(key_, user("seen " + std::to_string(i), "2024-01-31T08:00:00Z"));
  int remembered = 0;
  for (int i = 0; i < kUsers; ++i) {
    remembered += has_newer("seen " + std::to_string(i), "2024-01-01T00:00:00Z") ? 1 : 0;
    ASSERT_FALSE(has_newer("other " + std::to_string(i), "2024-01-01T00:00:00Z"));
  }
  EXPECT_GT(remembered, 110'000);
  EXPECT_LE(remembered, 131'072);
  seen_.forget();
  EXPECT_FALSE(has_newer("seen 199999", "2024-01-01T00:00:00Z"));
}

// Two at one place: the one that nobody met for longer makes room.
TEST_F(SeenUser, StaysAsLongAsItIsMet) {
  const auto ann = user("ann", "2024-01-31T08:00:00Z");
  seen_.add(key_, ann);
  for (std::uint64_t other = 1; other <= 10; ++other) {
    SeenUsers::Entry neighbour = ann;
    neighbour.tag += other;
    seen_.add(key_, neighbour);
    seen_.add(key_, user("ann", "2024-01-01T00:00:00Z"));
    ASSERT_TRUE(has_newer("ann", "2024-01-31T07:00:00Z"));
  }
}

TEST_F(SeenUser, IsKnownToAllSessionsOfAServer) {
  seen_.add(key_, user("ann", "2024-01-31T08:00:00Z"));
  const SeenUsers::Key other = seen_.key_for("a server");
  EXPECT_TRUE(seen_.has_newer(other, user("ann", "2024-01-01T00:00:00Z")));
  seen_.add(other, user("bob", "2024-01-31T08:00:00Z"));
  EXPECT_TRUE(has_newer("bob", "2024-01-01T00:00:00Z"));
}

TEST_F(SeenUser, OfOneServerIsNobodyToAnother) {
  seen_.add(key_, user("ann", "2024-01-31T08:00:00Z"));
  const SeenUsers::Key other = seen_.key_for("another server");
  EXPECT_FALSE(seen_.has_newer(other, user("ann", "2024-01-01T00:00:00Z")));

  seen_.add(key_, user("ann", "2024-01-31T08:00:00Z"));
  EXPECT_FALSE(seen_.has_newer(other, user("ann", "2024-01-01T00:00:00Z"))) << "a session that stayed behind tells nothing";
  seen_.add(other, user("bob", "2024-01-31T08:00:00Z"));
  EXPECT_FALSE(has_newer("bob", "2024-01-01T00:00:00Z")) << "and is told nothing";

  const SeenUsers::Key back = seen_.key_for("a server");
  EXPECT_FALSE(seen_.has_newer(back, user("bob", "2024-01-01T00:00:00Z")));
  EXPECT_FALSE(has_newer("bob", "2024-01-01T00:00:00Z"));
}

}  // namespace
}  // namespace odetl
