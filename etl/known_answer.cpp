#include "etl/known_answer.hpp"

#include <spdlog/fmt/fmt.h>

#include <string>

#include "etl/digest.hpp"

namespace odetl {
namespace {

// Another number makes all that is known unknown: where a release reads the same bytes otherwise.
constexpr int kReading = 1;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::size_t kMtimeAt = 4;
constexpr std::size_t kMtimeEnd = 8;

}  // namespace

AnswerHash answer_hash(std::string_view wire_bytes, const ParseOptions& options) {
  LongDigest hash;
  hash.add(fmt::format("{} {} {} {} {} {} {} {}\n", kReading, to_rfc3339(options.asked.from), to_rfc3339(options.asked.to),
                       to_rfc3339(options.owned.from), to_rfc3339(options.owned.to), static_cast<int>(options.echo),
                       options.trust_record_user_id, options.surrogate_unknown_users));
  if (wire_bytes.starts_with(kGzipMagic) && wire_bytes.size() > kMtimeEnd) {
    hash.add(wire_bytes.substr(0, kMtimeAt));
    wire_bytes.remove_prefix(kMtimeEnd);
  }
  hash.add(wire_bytes);
  return hash.finish();
}

}  // namespace odetl
