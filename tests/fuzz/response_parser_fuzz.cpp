// Whatever the body holds: a batch that can be stored as it is, or an ApiError; and a batch only of one whole document.
#include <cstdlib>
#include <set>
#include <string>
#include <tuple>

#include "etl/canonical_json.hpp"
#include "etl/error.hpp"
#include "etl/json_proof.hpp"
#include "etl/response_parser.hpp"
#include "etl/utf8_damage.hpp"

namespace {

using namespace odetl;

void must(bool holds) {
  if (!holds) std::abort();
}

void must_be_storable(std::string_view text) {
  static Body body;
  static Utf8Damage damage;
  body.assign(text);
  must(damage.repair(body) && damage.empty() && text.find('\0') == text.npos);
}

void must_be_canonical(std::string_view json) {
  if (json.empty()) return;
  static Canonicaliser canonicaliser;
  must(canonicaliser.canonicalise(json) == json);
  must_be_storable(json);
}

void must_be_sound(const Batch& batch, const ParseOptions& options) {
  for (const User& user : batch.users) {
    must_be_storable(user.user_id);
    for (const auto& column : user.columns) must_be_storable(column.value_or(""));
    must_be_canonical(user.custom);
    must_be_canonical(user.extra);
  }
  std::set<Uuid> ids;
  for (const Interaction& row : batch.interactions) {
    must(options.owned.owns(row.occurred_at) && row.user < batch.users.size());
    for (const auto& text : {std::optional(row.type), row.text, row.value, row.callback_id})
      must_be_storable(text.value_or(""));
    must_be_canonical(row.data);
    must_be_canonical(row.extra);
    must(ids.insert(row.id).second);
  }
  ids.clear();
  for (const Reject& reject : batch.rejects) {
    for (const std::string_view text : {reject.user_id, reject.reason, reject.record}) must_be_storable(text);
    must(reject.record.size() <= kMaxRejectBytes && ids.insert(reject.id).second);
  }
}

/// How many of what; nothing for an answer that is refused.
std::optional<std::tuple<std::size_t, std::size_t, std::size_t>> parse(std::string_view text,
                                                                       const ParseOptions& options) {
  static ResponseParser parser;
  static Body body;
  body.assign(text);
  try {
    const Batch& batch = parser.parse(body, options);
    prove_json(body.view());
    must_be_sound(batch, options);
    return std::tuple(batch.users.size(), batch.interactions.size(), batch.rejects.size());
  } catch (const ApiError& error) {
    must(error.failure() == Failure::broken_answer);
    return {};
  }
}

ParseOptions options_for(int from_year, int to_year) {
  using namespace std::chrono;
  const sys_seconds from = sys_days(year(from_year) / 1 / 1), to = sys_days(year(to_year) / 1 / 1);
  return {{from, to}, {from, to}, EchoRule::warn};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ParseOptions wide = options_for(2022, 2025);
  ParseOptions narrow = options_for(2022, 2024);
  narrow.surrogate_unknown_users = narrow.trust_record_user_id = false;
  narrow.asked.to = wide.asked.to;
  const auto all = parse(text, wide);
  parse(text, narrow);
  must(parse(text, wide) == all);
  if (all) must(!parse(std::string(text) + "x", wide));
  return 0;
}
