#include "etl/window_claims.hpp"

#include "tests/integration/warehouse_fixture.hpp"

namespace odetl::test {
namespace {

using namespace std::chrono_literals;

class WindowClaimsTest : public testing::Test {
 protected:
  WindowClaimsTest() { migrate(*connect_database(dsn, "opendialog")); }

  std::unique_ptr<WindowClaims> process(std::int64_t owner) const {
    return make_window_claims([this] { return connect_database(dsn, "opendialog"); }, owner);
  }
  void cover(const std::string& from, const std::string& to) const {
    cluster().query_at(dsn, "UPDATE opendialog.stream_state SET coverage = coverage + tstzmultirange(tstzrange('" + from +
                                "', '" + to + "'))");
  }
  std::string claims() const { return cluster().query_at(dsn, "SELECT count(*) FROM opendialog.window_claims"); }

  const std::string dsn = cluster().create_database();
  const TimeWindow first = window("2024-01-01T00:00:00Z", "2024-01-01T06:00:00Z");
  const TimeWindow second = window("2024-01-01T06:00:00Z", "2024-01-01T12:00:00Z");
  const TimeWindow both = window("2024-01-01T00:00:00Z", "2024-01-01T12:00:00Z");
};

TEST_F(WindowClaimsTest, AWindowIsOneProcesssAlone) {
  const auto one = process(1);
  const auto other = process(-2);
  EXPECT_EQ(one->claim(first, 24h), first);
  EXPECT_EQ(other->claim(first, 24h), std::nullopt);
  EXPECT_EQ(other->claim(both, 24h), second) << "the part that is free";
  EXPECT_EQ(one->claim(both, 24h), first) << "its own claim does not hinder it";
}

TEST_F(WindowClaimsTest, NoMoreIsClaimedThanOneRequestAsksFor) {
  const auto one = process(1);
  cover("2024-01-01T00:00:00Z", "2024-01-01T08:00:00.5Z");
  EXPECT_EQ(one->claim(both, 1h), window("2024-01-01T08:00:01Z", "2024-01-01T09:00:01Z"));
  EXPECT_EQ(process(2)->claim(both, 24h), window("2024-01-01T09:00:01Z", "2024-01-01T12:00:00Z"));
}

TEST_F(WindowClaimsTest, WhatIsCoveredNeedsNobody) {
  const auto one = process(1);
  cover("2024-01-01T00:00:00Z", "2024-01-01T02:00:00.5Z");
  EXPECT_EQ(one->claim(first, 24h), window("2024-01-01T02:00:01Z", "2024-01-01T06:00:00Z"));
  cover("2024-01-01T02:00:00Z", "2024-01-01T06:00:00Z");
  EXPECT_EQ(one->claim(first, 24h), std::nullopt);
  EXPECT_EQ(claims(), "0") << "the claim of what is covered is taken away";
}

TEST_F(WindowClaimsTest, AProcessThatEndedHoldsNothing) {
  const auto one = process(1);
  EXPECT_EQ(process(2)->claim(both, 24h), both);
  EXPECT_EQ(one->claim(both, 24h), both);
  EXPECT_EQ(claims(), "1");
}

TEST_F(WindowClaimsTest, WhatAProcessHeldThatEndedIsFoundWhenItIsInTheWay) {
  const auto one = process(1);
  EXPECT_EQ(one->claim(window("2023-12-31T00:00:00Z", "2024-01-01T00:00:00Z"), 24h),
            window("2023-12-31T00:00:00Z", "2024-01-01T00:00:00Z"));
  EXPECT_EQ(process(2)->claim(first, 24h), first);
  wait_for(dsn, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 2", "0");
  EXPECT_EQ(one->claim(both, 24h), both);
  EXPECT_EQ(process(3)->claim(both, 24h), std::nullopt);
}

TEST_F(WindowClaimsTest, AClaimOutlivesABrokenSessionOfItsProcess) {
  const auto one = process(1);
  const auto other = process(2);
  EXPECT_EQ(one->claim(first, 24h), first);
  cluster().query_at(dsn, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                          "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  EXPECT_EQ(error_of([&] { one->claim(second, 24h); }).failure(), Failure::db_unreachable);
  EXPECT_EQ(one->claim(second, 24h), second);
  EXPECT_EQ(other->claim(both, 24h), std::nullopt);
}

TEST_F(WindowClaimsTest, FewOfThoseThatAreDoneStay) {
  const auto one = process(1);
  for (int hour = 0; hour < 100; ++hour) {
    const auto from = at("2024-01-01T00:00:00Z") + std::chrono::hours(hour);
    const TimeWindow window{from, from + 1h};
    ASSERT_EQ(one->claim(window, 24h), window);
    cover(to_rfc3339(window.from), to_rfc3339(window.to));
  }
  EXPECT_LT(std::stoi(claims()), 40);
}

}  // namespace
}  // namespace odetl::test
