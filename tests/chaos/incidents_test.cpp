// Every incident alone, one after the other in one scene: guarantees 1, 2, 3, 7 and 9 of the contract, from outside.
#include <cstdlib>

#include "tests/chaos/scene.hpp"

namespace odetl::chaos {
namespace {

class Incidents : public testing::TestWithParam<Incident> {
 protected:
  static void SetUpTestSuite() { scene_ = std::make_unique<Scene>(); }
  static void TearDownTestSuite() { scene_.reset(); }
  void SetUp() override { ASSERT_EQ(scene_->recover(), "") << "before anything happens"; }

  static inline std::unique_ptr<Scene> scene_;
};

TEST_P(Incidents, LoseNothingAndAreOverWithinSeconds) {
  Random random(seed());
  EXPECT_EQ(GetParam().strike(*scene_, random), "");
  EXPECT_EQ(scene_->recover(), "");
}

INSTANTIATE_TEST_SUITE_P(Chaos, Incidents, testing::ValuesIn(incidents()),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace

void PrintTo(const Incident& incident, std::ostream* out) { *out << incident.name; }

}  // namespace odetl::chaos
