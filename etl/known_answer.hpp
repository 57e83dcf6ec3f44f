#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "etl/response_parser.hpp"

namespace odetl {

/// BLAKE2b-256.
using AnswerHash = std::array<std::uint8_t, 32>;

/// What a window looked like on the wire when it was last loaded. The same bytes read in the same way make the same batch,
/// so that an answer with this hash need neither be inflated nor parsed nor compared row by row.
struct KnownAnswer {
  TimeWindow window;
  AnswerHash hash{};
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  ///< after decompression
  bool has_fractions = false;  ///< some date has a fraction of a second
};

/// Of the answer's bytes as they came, and of all that decides what the parser makes of them. The time of day in the
/// header of a gzip stream (RFC 1952, MTIME) is left out: some servers write the hour of the answer.
AnswerHash answer_hash(std::string_view wire_bytes, const ParseOptions& options);

}  // namespace odetl
