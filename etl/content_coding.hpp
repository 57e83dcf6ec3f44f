#pragma once
#include <optional>

#include "etl/api_client.hpp"
#include "etl/api_verdict.hpp"

namespace odetl {

/// Undoes the coding of an answer: its bytes become the content of `into` (without being copied where there is no
/// coding), and nothing is left in `answer`. Of gzip every member is proven to the end by its checksum and length.
/// Else nothing is in `into` either, and the verdict is
///   broken_answer  for what is cut or damaged, for what is not of its coding, or gzip within it, for anything behind
///                  the last member, and for nothing at all;
///   too_large      for more than `max_response` bytes. No more than that is ever written. No member is inflated more
///                  than twice, and none but once where the gzip is one member that tells its length truly.
std::optional<Verdict> decode(Answer& answer, Body& into, std::size_t max_response);

}  // namespace odetl
