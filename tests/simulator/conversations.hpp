#pragma once

#include <cstdint>

#include "tests/simulator/rows.hpp"

namespace odetl::simulator {

// Which conversations to invent. The same plan gives the same rows on every machine.
struct ConversationPlan {
  std::uint64_t seed = 1;
  Second from{};  // [from, to)
  Second to{};
  std::uint64_t rows = 0;          // exactly so many
  std::uint64_t users = 0;         // the pool that conversations draw from; 0: one for 25 rows
  unsigned numeric_permille = 50;  // users whose id is a phone number, which the wire loses
};

// Appends believable conversations: several scenarios and languages, days livelier than nights and weekdays than
// weekends, bursts, double clicks (identical twins in one second), profiles that grow when a form is filled in.
// The store is settled afterwards. Throws std::invalid_argument if from >= to while rows > 0.
void generate(const ConversationPlan& plan, RowStore& store);

}  // namespace odetl::simulator
