#include "etl/known_answer.hpp"

#include <gtest/gtest.h>

#include <set>

namespace odetl {
namespace {

using namespace std::literals;

constexpr sys_seconds at(std::int64_t s) { return sys_seconds(std::chrono::seconds(s)); }

ParseOptions options() {
  ParseOptions options;
  options.asked = {at(0), at(100)};
  options.owned = {at(0), at(100)};
  return options;
}

TEST(AnswerHash, IsThatOfTheBytesAndOfHowTheyAreRead) {
  std::set<AnswerHash> hashes = {answer_hash("{}", options()), answer_hash("{} ", options()), answer_hash("", options())};
  const auto add = [&](auto change) {
    ParseOptions other = options();
    change(other);
    hashes.insert(answer_hash("{}", other));
  };
  add([](ParseOptions& other) { other.asked.to = at(99); });
  add([](ParseOptions& other) { other.asked.from = at(1); });
  add([](ParseOptions& other) { other.owned.to = at(99); });
  add([](ParseOptions& other) { other.owned.from = at(1); });
  add([](ParseOptions& other) { other.echo = EchoRule::off; });
  add([](ParseOptions& other) { other.trust_record_user_id = false; });
  add([](ParseOptions& other) { other.surrogate_unknown_users = false; });
  EXPECT_EQ(hashes.size(), 10U);
  EXPECT_EQ(answer_hash("{}", options()), answer_hash("{}", options()));
}

TEST(AnswerHash, LeavesOutWhenAGzipStreamWasMade) {
  const auto gzip = [](std::string_view mtime, std::string_view rest) {
    return std::string("\x1f\x8b\x08\0", 4) + std::string(mtime) + std::string(rest);
  };
  const AnswerHash hash = answer_hash(gzip("\1\2\3\4", "\0\3deflated"sv), options());
  EXPECT_EQ(answer_hash(gzip("\0\0\0\0"sv, "\0\3deflated"sv), options()), hash);
  EXPECT_NE(answer_hash(gzip("\1\2\3\4", "\0\3deflate!"sv), options()), hash);
  EXPECT_NE(answer_hash("{\"a\":12345678}", options()), answer_hash("{\"a\":12345679}", options()));
}

}  // namespace
}  // namespace odetl
