#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace odetl {

/// BLAKE2b-128 of `bytes`: cryptographic, because end users write what is hashed. `purpose`: at most 16 bytes, the hash's
/// personalisation (RFC 7693), so that what is hashed for one purpose is nothing for another.
using Digest = std::array<std::uint8_t, 16>;
Digest digest_of(std::string_view bytes, std::string_view purpose);

/// BLAKE2b-256 of what comes piece by piece.
class LongDigest {
 public:
  LongDigest();
  ~LongDigest();
  LongDigest(const LongDigest&) = delete;
  void add(std::string_view bytes);
  std::array<std::uint8_t, 32> finish();  ///< once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace odetl
