#pragma once
#include "tests/bench/stage.hpp"

namespace odetl::bench {

/// A daemon with nothing to do: memory, and what a poll costs in CPU, requests and transactions.
void measure_idle(Stage& stage);

/// A daemon behind a tenant that goes on talking, ten messages a second: seconds from the message's instant, when the API
/// first serves it, to the commit of its row.
void measure_latency(Stage& stage);

}  // namespace odetl::bench
