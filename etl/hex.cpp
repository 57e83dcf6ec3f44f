#include "etl/hex.hpp"

#include <charconv>
#include <stdexcept>

namespace odetl {

char* write_hex(char* at, std::span<const std::uint8_t> bytes) {
  static constexpr const char* digits = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    *at++ = digits[byte >> 4];
    *at++ = digits[byte & 15];
  }
  return at;
}

std::string hex_of(std::span<const std::uint8_t> bytes) {
  std::string hex(2 * bytes.size(), '0');
  write_hex(hex.data(), bytes);
  return hex;
}

void bytes_of_hex(std::string_view hex, std::span<std::uint8_t> bytes) {
  if (hex.size() != 2 * bytes.size()) throw std::invalid_argument("not so many hexadecimal digits");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto end = hex.data() + 2 * i + 2;
    if (std::from_chars(end - 2, end, bytes[i], 16).ptr != end) throw std::invalid_argument("not hexadecimal");
  }
}

}  // namespace odetl
