#include "tests/integration/warehouse_fixture.hpp"

namespace odetl::test {
namespace {

class Texts : public Loading, public ::testing::WithParamInterface<std::pair<const char*, std::string>> {};

TEST_P(Texts, ComeBackAsTheyWere) {
  const std::string& text = GetParam().second;
  const std::string data =
      R"({"value":)" + json(text) + R"(,"callback_id":)" + json(text) + ",\"k\":[" + json(text) + "]}";
  const auto answer = [&] {
    return Answer()
        .user("u" + text, R"({"first_name":)" + json(text) + R"(,"custom":{"c":)" + json(text) + "}}")
        .says("2024-01-31T09:00:00Z", json(text), data, ",\"more\":" + json(text), "t" + text);
  };
  load(*warehouse_, kDay, answer());
  const std::string bytes = hex(text);
  const auto as_hex = [](const std::string& column) { return "encode(convert_to(" + column + ", 'UTF8'), 'hex')"; };
  EXPECT_EQ(query("SELECT " + as_hex("text") + ", " + as_hex("value") + ", " + as_hex("callback_id") + ", " +
                  as_hex("data -> 'k' ->> 0") + ", " + as_hex("extra ->> 'more'") + ", " + as_hex("substr(type, 2)") +
                  ", " + as_hex("substr(user_id, 2)") + " FROM interactions"),
            bytes + "|" + bytes + "|" + bytes + "|" + bytes + "|" + bytes + "|" + bytes + "|" + bytes);
  EXPECT_EQ(query("SELECT " + as_hex("coalesce(first_name, '')") + ", " + as_hex("custom ->> 'c'") + " FROM users"),
            bytes + "|" + bytes);
  EXPECT_EQ(load(*warehouse_, kDay, answer()).report.unchanged, 1U);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, Texts,
    ::testing::Values(std::pair{"tabs_and_lines", std::string("a\tb\nc\rd\be\ff\vg")},
                      std::pair{"null_mark", std::string("\\N")}, std::pair{"end_mark", std::string("\\.")},
                      std::pair{"backslashes", std::string("\\\\n\\x41\\101\\")},
                      std::pair{"quotes", std::string("'\"`$1 $$ %s ; DROP TABLE users; --")},
                      std::pair{"braces", std::string("{},()[]")},
                      std::pair{"emoji", std::string("😀👩‍👩‍👧‍👦 𝄞 é é ❄")},
                      std::pair{"controls", std::string("\x01\x02\x1b[31m\x7f\xC2\x85\xE2\x80\xA8")},
                      std::pair{"blanks", std::string("  a  ")},
                      std::pair{"edge", std::string("\xEF\xBF\xBF\xF4\x8F\xBF\xBF")}),
    [](const auto& value) { return value.param.first; });

TEST_F(Loading, TellsAnEmptyTextFromNone) {
  Answer answer;
  answer.user("ann").says("2024-01-31T09:00:00Z", R"("")").says("2024-01-31T09:00:01Z", "null");
  load(*warehouse_, kDay, answer);
  EXPECT_EQ(query("SELECT text IS NULL FROM interactions ORDER BY occurred_at"), "f\nt");
}

TEST_F(Loading, TakesTextsOfSixteenMegabytes) {
  std::string text;
  const std::string piece = "sixteen\\megabytes\t\xC3\xA9\xF0\x9F\x98\x80 ";
  while (text.size() < kMaxRecordBytes / (piece.size() + 2) * piece.size() - 64) text += piece;
  Answer answer;
  answer.user("ann").says("2024-01-31T09:00:00Z", json(text));
  const Loaded loaded = load(*warehouse_, kDay, answer);
  if (loaded.report.rejected == 1) FAIL() << query("SELECT reason FROM rejected_records");
  EXPECT_TRUE(query("SELECT encode(convert_to(text, 'UTF8'), 'hex') FROM interactions") == hex(text));
  EXPECT_EQ(load(*warehouse_, kDay, answer).report.unchanged, 1U);
}

TEST_F(Loading, TakesDataOfManyLevels) {
  const std::string data = std::string(500, '[') + "1" + std::string(500, ']');
  Answer answer;
  answer.user("ann", R"({"custom":)" + data + "}").says("2024-01-31T09:00:00Z", R"("a")", data, ",\"more\":" + data);
  EXPECT_EQ(load(*warehouse_, kDay, answer).report.inserted, 1U) << query("SELECT reason FROM rejected_records");
  EXPECT_EQ(query("SELECT data FROM interactions"), data);
  EXPECT_EQ(query("SELECT custom FROM users"), data);
}

TEST_F(Loading, KeepsNumbersExactly) {
  const std::string numbers =
      "[12345678901234567890123456789012345678901234567890, 9007199254740993, 0.1000, "
      "1234567890.12345678901234567890, -0.5, 100]";
  Answer answer;
  answer.user("ann").says("2024-01-31T09:00:00Z", R"("a")", numbers);
  answer.says("2024-01-31T09:00:01Z", R"("b")", "{\"value\":12345678901234567890123}");
  answer.says("2024-01-31T09:00:02Z", R"("c")", "1e300");
  load(*warehouse_, kDay, answer);
  EXPECT_EQ(query("SELECT data FROM interactions WHERE text = 'a'"), numbers);
  EXPECT_EQ(query("SELECT value FROM interactions WHERE text = 'b'"), "12345678901234567890123");
  EXPECT_EQ(query("SELECT data::numeric = 1e300 FROM interactions WHERE text = 'c'"), "t");
}

TEST_F(Loading, ReplacesTheCharacterThatPostgresCannotStoreAndSaysSo) {
  Answer answer;
  answer.user("ann", R"({"first_name":"A\u0000n"})")
      .says("2024-01-31T09:00:00Z", R"("a\u0000b")", R"({"k\u0000":"\u0000"})");
  load(*warehouse_, kDay, answer);
  EXPECT_EQ(query("SELECT text, data, extra FROM interactions"),
            "a\uFFFDb|{\"k\uFFFD\": \"\uFFFD\"}|{\"sanitised\": true}");
  EXPECT_EQ(query("SELECT first_name, extra FROM users"), "A\uFFFDn|{\"sanitised\": true}");
  EXPECT_EQ(load(*warehouse_, kDay, answer).report.unchanged, 1U);
}

}  // namespace
}  // namespace odetl::test
