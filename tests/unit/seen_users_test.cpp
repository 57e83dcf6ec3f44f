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
  bool has_newer(const std::string& id, const char* date) const { return seen_.has_newer(user(id, date)); }

  SeenUsers seen_;
};

TEST_F(SeenUser, IsNobodyAtFirst) {
  EXPECT_FALSE(has_newer("ann", "2024-01-31T08:00:00Z"));
  EXPECT_FALSE(has_newer("ann", nullptr));
}

TEST_F(SeenUser, HasANewerProfileOnlyWhereItWasSeenASecondLater) {
  seen_.add(user("ann", "2024-01-31T08:00:00.5Z"));
  EXPECT_TRUE(has_newer("ann", "2024-01-31T07:59:59.9Z"));
  EXPECT_FALSE(has_newer("ann", "2024-01-31T08:00:00Z")) << "of the same second it is looked for";
  EXPECT_FALSE(has_newer("ann", "2024-01-31T08:00:00.5Z"));
  EXPECT_FALSE(has_newer("ann", "2024-01-31T08:00:01Z"));
  EXPECT_FALSE(has_newer("bob", "2024-01-30T00:00:00Z"));
}

TEST_F(SeenUser, WithoutAProfileHasNothingNewerThanAnyProfile) {
  seen_.add(user("ann", nullptr));
  EXPECT_TRUE(has_newer("ann", nullptr)) << "is there, and nothing is to be written";
  EXPECT_FALSE(has_newer("ann", "0001-01-01T00:00:00Z"));
  EXPECT_FALSE(has_newer("ann", "2024-01-31T08:00:00Z"));
}

TEST_F(SeenUser, KeepsTheNewestProfile) {
  seen_.add(user("ann", "2024-01-31T08:00:00Z"));
  seen_.add(user("ann", "2024-01-01T08:00:00Z"));
  seen_.add(user("ann", nullptr));
  EXPECT_TRUE(has_newer("ann", "2024-01-31T07:00:00Z"));
}

// What a date is counted by has an end on either side.
TEST_F(SeenUser, IsNeverSaidToBeNewerWhereTheDatesAreTooFarAway) {
  seen_.add(user("before 1970", "1960-01-01T00:00:00Z"));
  EXPECT_FALSE(has_newer("before 1970", "1950-01-01T00:00:00Z"));
  seen_.add(user("far ahead", "2200-01-01T00:00:00Z"));
  EXPECT_FALSE(has_newer("far ahead", "2300-01-01T00:00:00Z"));
  EXPECT_TRUE(has_newer("far ahead", "2024-01-01T00:00:00Z"));
}

TEST_F(SeenUser, IsForgottenWhereAnotherTakesItsPlaceAndNeverTakenForAnother) {
  constexpr int kUsers = 200'000;
  for (int i = 0; i < kUsers; ++i) seen_.add(user("seen " + std::to_string(i), "2024-01-31T08:00:00Z"));
  int remembered = 0;
  for (int i = 0; i < kUsers; ++i) {
    remembered += has_newer("seen " + std::to_string(i), "2024-01-01T00:00:00Z") ? 1 : 0;
    ASSERT_FALSE(has_newer("other " + std::to_string(i), "2024-01-01T00:00:00Z"));
  }
  EXPECT_GT(remembered, 50'000);
  EXPECT_LT(remembered, 70'000);
  seen_.clear();
  EXPECT_FALSE(has_newer("seen 199999", "2024-01-01T00:00:00Z"));
}

}  // namespace
}  // namespace odetl
