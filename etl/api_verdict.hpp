#pragma once
#include <cstddef>
#include <optional>
#include <string>

#include "etl/api_headers.hpp"

namespace odetl {

/// How one request ended, as far as it matters for what to do next.
struct Outcome {
  int curl_code = 0;             ///< CURLcode; 0 also when the client itself had read enough
  std::string detail;            ///< libcurl's words for it
  bool connected = false;        ///< the request could be sent
  std::uint64_t wire_bytes = 0;  ///< received, header included
  AnswerHeader header;
  std::uint64_t body_bytes = 0;  ///< as sent
  bool over_limit = false;       ///< broken off at max_response
};

struct Verdict {
  Failure failure;
  std::string cause;
};

/// Causes that are found in more than one place.
inline constexpr const char* kOverLimit = "the answer exceeds api.max_response";
inline constexpr const char* kNothingInIt = "HTTP status 200 with nothing in it";

/// The one table from a request's end to our classes; nothing for a whole 200 of JSON. Decides on status
/// and completeness, never on the wording of a body.
std::optional<Verdict> judge(const Outcome& outcome);

/// What follows a failure, for the end of a message.
const char* next_step(Failure failure);

}  // namespace odetl
