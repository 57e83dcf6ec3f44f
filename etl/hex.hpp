#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace odetl {

/// Lower-case hexadecimal digits, as PostgreSQL's encode() writes them, two a byte.
std::string hex_of(std::span<const std::uint8_t> bytes);
/// The same, written at `at`; answers what is behind them.
char* write_hex(char* at, std::span<const std::uint8_t> bytes);
/// And back. Throws std::invalid_argument unless `hex` is just so many digits.
void bytes_of_hex(std::string_view hex, std::span<std::uint8_t> bytes);

}  // namespace odetl
