#pragma once
#include <functional>
#include <memory>
#include <stop_token>

#include "daemon/wiring.hpp"

namespace odetl {

/// For a plan of a command that ends: what is away is waited for ten minutes, or ten seconds before anything succeeded.
PlanOptions command_plan_options();

/// Works a pipeline with several workers, each in a thread with a client and a warehouse of its own, until its plan is
/// done or `stop` is requested. What one of them throws stops the others and is thrown again.
void work_in_parallel(Wiring& wiring, Pipeline& pipeline, int workers,
                      const std::function<std::unique_ptr<Warehouse>()>& open_warehouse, std::stop_token stop);

}  // namespace odetl
