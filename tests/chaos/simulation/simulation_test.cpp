// The core in virtual time against everything at once: guarantees 1 to 4 and 11 of the contract.
#include <gtest/gtest.h>

#include "tests/chaos/simulation/history.hpp"

namespace odetl::chaos {
namespace {

constexpr std::uint64_t kSeeds = 1000;

TEST(Simulation, KeepsEveryGuaranteeWhateverBefallsIt) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Verdict verdict = live_through(seed);
    ASSERT_EQ(verdict.wrong, "") << "seed " << seed << "; see it happen with: tests/chaos/run --simulate 1 --seed " << seed;
  }
}

TEST(Simulation, IsTheSameForTheSameSeed) {
  std::string first, second;
  live_through(7, [&](const std::string& line) { first += line + "\n"; });
  live_through(7, [&](const std::string& line) { second += line + "\n"; });
  EXPECT_NE(first, "");
  EXPECT_EQ(first, second);
}

}  // namespace
}  // namespace odetl::chaos
