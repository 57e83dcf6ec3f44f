#include "etl/digest.hpp"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>

namespace odetl {
namespace {

void make_ready() {
  static const int ready = sodium_init();  // picks the fastest implementation of this processor
  if (ready < 0) throw std::runtime_error("libsodium cannot be initialised");
}

const unsigned char* as_bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

Digest digest_of(std::string_view bytes, std::string_view purpose) {
  make_ready();
  std::array<unsigned char, crypto_generichash_blake2b_PERSONALBYTES> personal{};
  std::copy_n(purpose.begin(), std::min(purpose.size(), personal.size()), personal.begin());
  Digest digest{};
  crypto_generichash_blake2b_salt_personal(digest.data(), digest.size(), as_bytes(bytes), bytes.size(), nullptr, 0, nullptr,
                                           personal.data());
  return digest;
}

struct LongDigest::State {
  crypto_generichash_state blake2b;
};

LongDigest::LongDigest() : state_(std::make_unique<State>()) {
  make_ready();
  crypto_generichash_init(&state_->blake2b, nullptr, 0, 32);
}
LongDigest::~LongDigest() = default;

void LongDigest::add(std::string_view bytes) {
  crypto_generichash_update(&state_->blake2b, as_bytes(bytes), bytes.size());
}

std::array<std::uint8_t, 32> LongDigest::finish() {
  std::array<std::uint8_t, 32> digest{};
  crypto_generichash_final(&state_->blake2b, digest.data(), digest.size());
  return digest;
}

}  // namespace odetl
