#pragma once
#include "tests/bench/stage.hpp"

namespace odetl::bench {

/// What a row costs at 10^5, 10^6 … up to `most` rows of two months: time, CPU, WAL, and bytes on disk by what they are for.
void measure_scale(Stage& stage, std::uint64_t most);

}  // namespace odetl::bench
