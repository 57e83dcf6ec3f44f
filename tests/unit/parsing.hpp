#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "etl/canonical_json.hpp"
#include "etl/error.hpp"
#include "etl/response_parser.hpp"

namespace odetl {

/// The window that the tests' own answers are about, and dates in it.
inline constexpr const char* kFrom = "2024-01-31T08:00:00.000000Z";
inline constexpr const char* kTo = "2024-01-31T09:00:00.000000Z";

inline Timestamp instant(std::string_view text) { return parse_timestamp(text).value(); }
inline sys_seconds second(std::string_view text) { return std::chrono::floor<std::chrono::seconds>(instant(text)); }

inline ParseOptions options_for(std::string_view from, std::string_view to) {
  return {{second(from), second(to)}, {second(from), second(to)}, EchoRule::off};
}

// Literals, to put together with others: tables of hundreds of std::string take a sanitizing compiler minutes.
#define AT "2024-01-31T08:00:00Z"
#define SAID R"({"type":"text","date":"2024-01-31T08:00:00.000000Z","text":"hi","data":null})"  // is said()
#define UFFFD "\xEF\xBF\xBD"

/// What is shown of said() at kFrom.
inline constexpr const char* kHello = R"(  2024-01-31T08:00:00Z "text" text="hi")";

/// A file below tests/fixtures.
inline std::string fixture(const std::string& name) {
  std::ifstream file(std::string(ODETL_SOURCE_DIR) + "/tests/fixtures/" + name, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string json_string(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

// --- answers as the API writes them, of the parts that a test is about

/// `{"type":"text","date":…,"text":"hi","data":null` and what `more` adds.
inline std::string said(std::string_view date = kFrom, const std::string& more = "") {
  return R"({"type":"text","date":)" + json_string(date) + R"(,"text":"hi","data":null)" +
         (more.empty() ? "" : "," + more) + "}";
}

/// The value under a user id: a profile, interactions and what `more` adds.
inline std::string record(const std::string& interactions, const std::string& profile = "null",
                          const std::string& more = "") {
  return R"({"chatbot_user_data":)" + profile + R"(,"interactions":[)" + interactions + "]" +
         (more.empty() ? "" : "," + more) + "}";
}

/// Puts one more behind those that are there.
inline void add(std::string& list, const std::string& element) {
  if (!list.empty()) list += ',';
  list += element;
}

inline std::string user(const std::string& user_id, const std::string& record) {
  return "{" + json_string(user_id) + ":" + record + "}";
}
inline std::string user_without_id(const std::string& record) { return "[" + record + "]"; }
inline std::string answer(const std::string& elements) { return R"({"data":[)" + elements + "]}"; }

/// An answer of one user `u1` with these interactions.
inline std::string answer_of(const std::string& interactions) { return answer(user("u1", record(interactions))); }

// --- a batch in words, a line for each thing in it

inline std::string shown(const User& user) {
  std::string line = "user " + json_string(user.user_id);
  if (user.id_lost) line += " lost";
  if (user.observed_at) line += " observed " + to_rfc3339(*user.observed_at);
  for (std::size_t i = 0; i < kProfileColumns.size(); ++i) {
    if (user.columns[i]) line += " " + std::string(kProfileColumns[i]) + "=" + json_string(*user.columns[i]);
  }
  if (!user.custom.empty()) line += " custom=" + std::string(user.custom);
  if (!user.extra.empty()) line += " extra=" + std::string(user.extra);
  return line;
}

inline std::string shown(const Interaction& row) {
  std::string line = "  " + to_rfc3339(row.occurred_at) + " " + json_string(row.type);
  if (row.text) line += " text=" + json_string(*row.text);
  if (row.value) line += " value=" + json_string(*row.value);
  if (row.callback_id) line += " callback_id=" + json_string(*row.callback_id);
  if (!row.data.empty()) line += " data=" + std::string(row.data);
  if (!row.extra.empty()) line += " extra=" + std::string(row.extra);
  if (row.occurrence > 0) line += " #" + std::to_string(row.occurrence);
  return line;
}

inline std::string shown(const Reject& reject) {
  return "reject " + json_string(reject.user_id) + ": " + std::string(reject.reason) + ": " +
         std::string(reject.record);
}

/// Users that have something to store, each with its interactions; then the rejects, and the seam where there is one.
inline std::vector<std::string> shown(const Batch& batch) {
  std::vector<std::string> lines;
  for (std::uint32_t i = 0; i < batch.users.size(); ++i) {
    const std::size_t user_line = lines.size();
    for (const Interaction& row : batch.interactions) {
      if (row.user == i) lines.push_back(shown(row));
    }
    const bool has_interactions = lines.size() > user_line;
    if (has_interactions) lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(user_line), shown(batch.users[i]));
  }
  for (const Reject& reject : batch.rejects) lines.push_back(shown(reject));
  if (batch.seam_rows > 0) lines.push_back("seam " + std::to_string(batch.seam_rows));
  return lines;
}

/// A parser and a body, kept from answer to answer as the pipeline keeps them.
class Parsing : public testing::Test {
 protected:
  const Batch& parse(std::string_view text) {
    body.assign(text);
    return parser.parse(body, options);
  }
  std::vector<std::string> read(std::string_view text) { return shown(parse(text)); }

  /// Why the answer is not used; nothing when it is.
  std::optional<std::string> refusal(std::string_view text) {
    try {
      parse(text);
      return {};
    } catch (const ApiError& error) {
      EXPECT_EQ(error.failure(), Failure::broken_answer) << error.what();
      return error.what();
    }
  }

  ResponseParser parser;
  Body body;
  ParseOptions options = options_for(kFrom, kTo);
};

}  // namespace odetl
