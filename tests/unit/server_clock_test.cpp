#include "etl/server_clock.hpp"

#include <gtest/gtest.h>

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr sys_seconds kDate{1'700'000'000s};

ServerClock::Steady at(std::chrono::milliseconds time) { return ServerClock::Steady(1h + time); }

TEST(AServersClock, IsNotKnownBeforeAnAnswer) { EXPECT_EQ(ServerClock().at_least(at(0ms)), std::nullopt); }

TEST(AServersClock, ShowsAtLeastTheDateWhenTheAnswerCame) {
  ServerClock clock;
  EXPECT_EQ(clock.observed(kDate, at(0ms), at(200ms)), kDate - 200ms - 200us) << "when the request was sent";
  EXPECT_EQ(clock.at_least(at(200ms)), kDate);
  EXPECT_EQ(clock.at_least(at(10'200ms)), kDate + 10s - 10ms) << "it may be slow";
}

TEST(AServersClock, IsKnownBestByTheAnswerThatCameSoonestAfterATick) {
  ServerClock clock;
  clock.observed(kDate, at(890ms), at(900ms));            // the server's second is 900 ms old
  clock.observed(kDate + 3s, at(3'000ms), at(3'010ms));   // 10 ms
  clock.observed(kDate + 5s, at(5'790ms), at(5'800ms));   // 800 ms: tells less than the one before
  EXPECT_EQ(clock.at_least(at(6'010ms)), kDate + 6s - 3ms);
}

TEST(AServersClock, NeverShowsMoreThanTheDateOfTheAnswerInHand) {
  ServerClock clock;
  clock.observed(kDate, at(0ms), at(1ms));
  EXPECT_EQ(clock.observed(kDate + 1s, at(1'500ms), at(1'510ms)), kDate + 1s);
  EXPECT_EQ(clock.observed(kDate + 1s, at(1'900ms), at(2'000ms)), kDate + 1s) << "it was set back by less than a second";
}

TEST(AServersClock, ThatWasSetBackByMoreIsFoundOutByOneAnswer) {
  ServerClock clock;
  clock.observed(kDate, at(0ms), at(1ms));
  clock.observed(kDate - 30s, at(2'000ms), at(2'100ms));
  EXPECT_EQ(clock.at_least(at(2'100ms)), kDate - 30s);
}

TEST(AServersClock, ThatWasSetForwardIsFoundOutByOneAnswer) {
  ServerClock clock;
  clock.observed(kDate, at(0ms), at(1ms));
  clock.observed(kDate + 60s, at(2'000ms), at(2'100ms));
  EXPECT_EQ(clock.at_least(at(2'100ms)), kDate + 60s);
}

// Whatever the phase and the way: what is said is never more than what the server's clock showed.
TEST(AServersClock, IsNeverAheadOfItself) {
  ServerClock clock;
  const auto on_server = [](std::chrono::milliseconds time) {  // 300 ppm slow
    return Timestamp(kDate) + std::chrono::microseconds(time.count() * 1000 - time.count() * 3 / 10);
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::chrono::milliseconds sent(i * 5'003 + i * i % 997);
    const std::chrono::milliseconds stamped = sent + std::chrono::milliseconds(i * 7 % 90);
    const std::chrono::milliseconds received = stamped + std::chrono::milliseconds(i * 13 % 110);
    const auto date = std::chrono::floor<std::chrono::seconds>(on_server(stamped));
    ASSERT_LE(clock.observed(date, at(sent), at(received)), on_server(sent)) << i;
    ASSERT_LE(*clock.at_least(at(received + 4s)), on_server(received + 4s)) << i;
  }
}

}  // namespace
}  // namespace odetl
