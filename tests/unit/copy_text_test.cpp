#include "etl/copy_text.hpp"

#include <gtest/gtest.h>

#include <random>

namespace odetl {
namespace {

using Fields = std::vector<std::optional<std::string>>;

std::string row(const Fields& fields) {
  const std::vector<std::optional<std::string_view>> views(fields.begin(), fields.end());
  std::string line;
  append_copy_row(line, views);
  return line;
}

/// Reads a row as PostgreSQL's documentation of COPY describes it.
Fields read_back(std::string_view line) {
  static const std::string escapes = "bfnrtv", meanings = "\b\f\n\r\t\v";
  Fields fields;
  std::string field;
  bool is_null = false;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    if (i == line.size() || line[i] == '\t') {
      fields.push_back(is_null ? std::nullopt : std::optional(field));
      field.clear();
      is_null = false;
    } else if (line[i] != '\\') {
      field += line[i];
    } else if (line[++i] == 'N') {
      is_null = true;
    } else {
      const auto at = escapes.find(line[i]);
      field += at == escapes.npos ? line[i] : meanings[at];
    }
  }
  return fields;
}

struct Row {
  const char* name;
  Fields fields;
  std::string line;
};

class CopyRow : public testing::TestWithParam<Row> {};

TEST_P(CopyRow, IsWrittenAndReadBack) {
  EXPECT_EQ(row(GetParam().fields), GetParam().line);
  EXPECT_EQ(read_back(GetParam().line), GetParam().fields);
}

INSTANTIATE_TEST_SUITE_P(Rows, CopyRow,
                         testing::Values(Row{"Plain", {"a", "b"}, "a\tb"}, Row{"One", {"a"}, "a"},
                                         Row{"EmptyIsNotNull", {"", {}, ""}, "\t\\N\t"},
                                         Row{"NullAlone", {std::nullopt}, "\\N"},
                                         Row{"TextThatLooksLikeNull", {"\\N", "N"}, "\\\\N\tN"},
                                         Row{"TextThatLooksLikeTheEnd", {"\\."}, "\\\\."},
                                         Row{"Backslashes", {"\\", "\\\\"}, "\\\\\t\\\\\\\\"},
                                         Row{"Tab", {"a\tb", "c"}, "a\\tb\tc"},
                                         Row{"LineEnds", {"a\nb\rc\r\n"}, "a\\nb\\rc\\r\\n"},
                                         Row{"OtherControls", {"\b\f\v\x01\x1b\x7f"}, "\\b\\f\\v\x01\x1b\x7f"},
                                         Row{"Unicode", {"é 😀 \u2028"}, "é 😀 \u2028"},
                                         Row{"Json", {R"({"a":"\n\\","b":"\"\t"})"}, R"({"a":"\\n\\\\","b":"\\"\\t"})"},
                                         Row{"OnlyEscapes", {"\t\t", "\n"}, "\\t\\t\t\\n"}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(AppendCopyRow, AppendsWithoutALineEnd) {
  const std::vector<std::optional<std::string_view>> fields = {"a", "b"};
  std::string line = "before\n";
  append_copy_row(line, fields);
  EXPECT_EQ(line, "before\na\tb");
}

TEST(AppendCopyRow, OfNoFieldsIsEmpty) { EXPECT_EQ(row({}), ""); }

TEST(AppendCopyRow, KeepsEveryTextOnOneLineAndWhole) {
  constexpr std::uint32_t seed = 11;
  std::mt19937 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    Fields fields(1 + random() % 5);
    for (auto& field : fields) {
      if (random() % 5 == 0) continue;
      field.emplace();
      for (auto size = random() % 8; size > 0; --size) *field += "\\\t\n\r\b\f\vN.abn\x01\""[random() % 15];
    }
    const std::string line = row(fields);
    ASSERT_EQ(read_back(line), fields) << "seed " << seed << ", row " << i;
    ASSERT_EQ(line.find_first_of("\n\r"), line.npos) << "seed " << seed << ", row " << i;
  }
}

}  // namespace
}  // namespace odetl
