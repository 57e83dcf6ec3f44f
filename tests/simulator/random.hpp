#pragma once

#include <cstdint>

namespace odetl::simulator {

// Scrambles 64 bits: splitmix64's finaliser. The same on every machine.
constexpr std::uint64_t scramble(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

constexpr std::uint64_t scramble(std::uint64_t a, std::uint64_t b) { return scramble(scramble(a) ^ b); }

// splitmix64 as a stream. The standard distributions differ between libraries, so none is used.
class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() {
    const std::uint64_t value = scramble(state_);
    state_ += 0x9e3779b97f4a7c15U;
    return value;
  }

  // A number in [0, bound); bound must not be 0. The bias, under bound / 2^64, does not matter here.
  constexpr std::uint64_t below(std::uint64_t bound) { return next() % bound; }

  // True in `share` of a thousand cases.
  constexpr bool permille(std::uint64_t share) { return below(1000) < share; }

 private:
  std::uint64_t state_;
};

}  // namespace odetl::simulator
