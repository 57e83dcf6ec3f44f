#pragma once
#include <memory>

#include "etl/api_client.hpp"
#include "etl/body.hpp"
#include "etl/interaction.hpp"
#include "etl/quarantine.hpp"

namespace odetl {

/// What to do when an answer repeats other bounds than it was asked for, or none.
enum class EchoRule { fail, warn, off };

struct ParseOptions {
  AskedRange asked;   ///< the bounds of the request: a row dated outside of them makes the answer worthless
  TimeWindow owned;   ///< rows dated outside of it belong to another window and are left out
  EchoRule echo = EchoRule::warn;
  bool trust_record_user_id = true;    ///< a `user_id` beside `interactions` is a fact, not a filter's echo
  bool surrogate_unknown_users = true; ///< else records without a user id become rejects
};

/// Larger texts, data, profiles and sums of unknown fields are quarantined.
inline constexpr std::size_t kMaxRecordBytes = std::size_t{16} << 20;

/// What parse() needs only while it runs: where the parts of the document begin. It is as large as the answer, so parsers
/// that never work at the same time share one.
struct JsonIndex;
std::shared_ptr<JsonIndex> make_json_index();

/// Turns the bytes of a 200 into a batch, in one pass and without copying texts that need no unescaping.
///
/// Throws ApiError(broken_answer) unless the body is one whole JSON object with one list `data`, nothing after it, and
/// every record in it was read and is dated inside of what was asked. A record that cannot be loaded (no usable
/// `date`, a `type` or `text` that is not a string, a key twice, a lone surrogate, invalid UTF-8, too deep or too
/// large) becomes a reject; the others go on. Keeps its memory from answer to answer; not thread-safe.
class ResponseParser {
 public:
  explicit ResponseParser(std::shared_ptr<JsonIndex> index = make_json_index());
  ~ResponseParser();
  ResponseParser(ResponseParser&&) noexcept;

  /// The batch, with identities assigned; valid until the next call and as long as `body` is left alone. `body` is
  /// written to only where its bytes are not UTF-8.
  const Batch& parse(Body& body, const ParseOptions& options);

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace odetl
