#include "etl/server_clock.hpp"

#include <gtest/gtest.h>

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr sys_seconds kDate{1'700'000'000s};

ServerClock::SteadyTime at(std::chrono::milliseconds time) { return ServerClock::SteadyTime(1h + time); }

TEST(AServersClock, IsNotKnownBeforeAnAnswer) { EXPECT_EQ(ServerClock().at_least(at(0ms)), std::nullopt); }

TEST(AServersClock, ShowsAtLeastTheDateWhenTheAnswerCame) {
  ServerClock clock;
  EXPECT_EQ(clock.observed(kDate, at(0ms), at(200ms)), kDate - 200ms - 20us) << "when the request was sent";
  EXPECT_EQ(clock.at_least(at(200ms)), kDate);
  EXPECT_EQ(clock.at_least(at(10'200ms)), kDate + 10s - 1ms) << "it may be slow";
}

TEST(AServersClock, IsKnownBestByTheAnswerThatCameSoonestAfterATick) {
  ServerClock clock;
  clock.observed(kDate, at(890ms), at(900ms));            // the server's second is 900 ms old
  clock.observed(kDate + 3s, at(3'000ms), at(3'010ms));   // 10 ms
  clock.observed(kDate + 5s, at(5'790ms), at(5'800ms));   // 800 ms: tells less than the one before
  EXPECT_EQ(clock.at_least(at(6'010ms)), kDate + 6s - 300us);
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

// An answer that took longer than the clock was set back, dated when it was done.
TEST(AServersClock, ThatWasSetBackIsFoundOutByASlowAnswer) {
  ServerClock clock;
  clock.observed(kDate, at(0ms), at(1ms));
  EXPECT_LE(clock.observed(kDate + 115s, at(100s), at(145s)), kDate + 71s) << "it showed 70 s more when it was asked";
  EXPECT_EQ(clock.at_least(at(145s)), kDate + 115s);
}

TEST(AServersClock, OfTwoServersBehindOneAddressIsTheOneOfTheAnswer) {
  ServerClock clock;
  for (int i = 0; i < 100; ++i) {
    const std::chrono::seconds now(i * 60);
    EXPECT_LE(clock.observed(kDate + now, at(now), at(now + 30ms)), kDate + now);
    EXPECT_LE(clock.observed(kDate + now - 20s, at(now + 10s), at(now + 25s)), kDate + now - 34s) << "showed 35 s less";
  }
}

// Whatever the phase and the way: what is said is never more than what the server's clock showed.
TEST(AServersClock, IsNeverAheadOfItself) {
  ServerClock clock;
  const auto on_server = [](std::chrono::milliseconds time) {  // 80 ppm slow
    return Timestamp(kDate) + std::chrono::microseconds(time.count() * 1000 - time.count() * 8 / 100);
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

TEST(ATick, IsWhenItIsDueWhereNothingIsKnownButTheLocalClock) {
  EXPECT_EQ(ServerClock().tick(at(0ms), kDate + 300ms), at(-299ms));
  EXPECT_EQ(ServerClock().tick(at(0ms), kDate + 700ms), at(301ms));
  EXPECT_EQ(ServerClock().tick(at(0ms), kDate), at(1ms));
}

// What a daemon does: polls, each a tick after the one before, of a server some milliseconds away. The server's clock runs
// at the same speed, slow or fast, and is `ahead` of ours.
struct Cadence {
  std::chrono::milliseconds interval;
  std::chrono::milliseconds ahead;
  int ppm;
  std::chrono::milliseconds local = 12h;  // ahead of that, too
};
class Ticks : public testing::TestWithParam<Cadence> {};

TEST_P(Ticks, ComeOncePerIntervalAndJustAfterTheServersSecondsBegin) {
  constexpr int kPolls = 2'000;
  const auto& [interval, ahead, ppm, local_ahead] = GetParam();
  const auto on_server = [&](ServerClock::SteadyTime when) {
    const auto passed = std::chrono::floor<std::chrono::microseconds>(when - at(0ms));
    return Timestamp(kDate) + ahead + passed + passed * ppm / 1'000'000;
  };
  const auto local = [&](ServerClock::SteadyTime when) {
    return kDate + ahead + local_ahead + std::chrono::floor<std::chrono::microseconds>(when - at(0ms));
  };
  ServerClock clock;
  ServerClock::SteadyTime begun = at(123ms);
  std::optional<sys_seconds> last;
  std::chrono::microseconds lost{0};
  int nothing_new = 0;
  for (int poll = 0; poll < kPolls; ++poll) {
    const auto sent = begun + std::chrono::microseconds(poll * 37 % 200);  // a thread wakes up late
    const auto received = sent + std::chrono::milliseconds(10 + poll * 7 % 5);
    clock.observed(std::chrono::floor<std::chrono::seconds>(on_server(received - 3ms)), sent, received);
    const auto settled = std::chrono::floor<std::chrono::seconds>(std::min(local(sent), *clock.at_least(sent)));
    ASSERT_LE(settled, on_server(sent));
    if (poll > 20) lost += on_server(sent) - settled;
    nothing_new += poll > 20 && last && settled <= *last ? 1 : 0;
    last = settled;
    const auto next = clock.tick(begun + interval, local(begun + interval));
    ASSERT_GE(next, begun + interval / 2);
    ASSERT_LE(next, begun + interval + 502ms);
    begun = next;
  }
  EXPECT_LE(lost / (kPolls - 21), 350ms);
  EXPECT_LE(nothing_new, kPolls / 20);
  const auto mean = (begun - at(123ms)) / kPolls;
  EXPECT_LE(std::chrono::abs(mean - interval), interval / 100);
}

INSTANTIATE_TEST_SUITE_P(Rows, Ticks,
                         testing::Values(Cadence{1s, 0ms, 0}, Cadence{1s, 999ms, 80}, Cadence{2s, 500ms, -80},
                                         Cadence{5s, 0ms, 0}, Cadence{5s, 400ms, 50}, Cadence{5s, 3'990ms, -50},
                                         Cadence{5s, 300ms, 0, 0ms}, Cadence{5s, 300ms, 0, 3ms}, Cadence{1s, 300ms, 0, 0ms},
                                         Cadence{60s, 0ms, 0}, Cadence{60s, 250ms, 100}));

}  // namespace
}  // namespace odetl
