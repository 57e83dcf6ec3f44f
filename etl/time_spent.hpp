#pragma once
#include <chrono>

namespace odetl {

/// What a pipeline's workers spent their time on, summed over them. Waiting, asking and reading follow each other in one
/// thread of a worker; loading runs beside them in another.
struct TimeSpent {
  using Duration = std::chrono::steady_clock::duration;

  Duration resting{0};  ///< because fewer workers bring as much
  Duration waiting{0};  ///< until the rate limit, or the pause after a failure, let the next request go
  Duration asking{0};   ///< from the request to the last byte
  Duration reading{0};  ///< decoding and parsing
  Duration loading{0};  ///< in the database

  TimeSpent& operator+=(const TimeSpent& other) {
    resting += other.resting;
    waiting += other.waiting;
    asking += other.asking;
    reading += other.reading;
    loading += other.loading;
    return *this;
  }
};

enum class Bottleneck { waiting, server, processor, database };

/// What would have to be faster for all to be faster.
inline Bottleneck bottleneck(const TimeSpent& spent) {
  if (spent.loading >= spent.waiting + spent.asking + spent.reading) return Bottleneck::database;
  if (spent.waiting >= spent.asking + spent.reading) return Bottleneck::waiting;
  return spent.asking >= spent.reading ? Bottleneck::server : Bottleneck::processor;
}

}  // namespace odetl
