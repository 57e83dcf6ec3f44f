#pragma once
#include <chrono>
#include <mutex>

#include "tests/chaos/scene.hpp"

namespace odetl::chaos {

inline constexpr std::chrono::milliseconds kWhile{700};  ///< some windows and a poll long

/// Some time, by lot.
void pass_time(Random& random, std::chrono::milliseconds most = kWhile);

/// Two incidents at once must not start and stop one cluster at once, nor one daemon.
std::mutex& cluster_mutex();
std::mutex& daemon_mutex();

/// Those of incidents() that befall the database.
const std::vector<Incident>& database_incidents();

}  // namespace odetl::chaos
