#include "etl/copy_rows.hpp"

#include <gtest/gtest.h>

#include "etl/timestamp.hpp"

namespace odetl {
namespace {

using namespace std::string_view_literals;

std::string field(void (*write)(CopyRows&)) {
  CopyRows rows;
  write(rows);
  return std::string(rows.bytes());
}

// Every expectation is written down from the manual's page of COPY, "Binary Format", and the types' receive functions.
TEST(CopyRows, BeginsARowWithTheNumberOfItsFields) {
  EXPECT_EQ(field([](CopyRows& rows) { rows.begin_row(10); }), "\0\012"sv);
}

TEST(CopyRows, HasALengthOfMinusOneForNull) {
  EXPECT_EQ(field([](CopyRows& rows) { rows.null(); }), "\377\377\377\377"sv);
  EXPECT_EQ(field([](CopyRows& rows) { rows.json(""); }), "\377\377\377\377"sv);
}

TEST(CopyRows, KeepsTextsAsTheyAre) {
  EXPECT_EQ(field([](CopyRows& rows) { rows.text(""); }), "\0\0\0\0"sv);
  EXPECT_EQ(field([](CopyRows& rows) { rows.text("a\t\\N"); }), "\0\0\0\4a\t\\N"sv);
  const std::string wide(300, 'x');
  CopyRows rows;
  rows.text(wide);
  EXPECT_EQ(rows.bytes(), std::string("\0\0\1\54", 4) + wide);
}

TEST(CopyRows, PutsTheVersionBeforeAJsonb) {
  EXPECT_EQ(field([](CopyRows& rows) { rows.json("{}"); }), "\0\0\0\3\1{}"sv);
}

TEST(CopyRows, HasTheSixteenBytesOfAUuid) {
  EXPECT_EQ(field([](CopyRows& rows) { rows.uuid({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255}); }),
            "\0\0\0\20\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\377"sv);
}

TEST(CopyRows, CountsMicrosecondsFromTheYear2000) {
  EXPECT_EQ(field([](CopyRows& rows) { rows.timestamp(*parse_timestamp("2000-01-01T00:00:00.000001Z")); }),
            "\0\0\0\10\0\0\0\0\0\0\0\1"sv);
  EXPECT_EQ(field([](CopyRows& rows) { rows.timestamp(*parse_timestamp("1999-12-31T23:59:59Z")); }),
            "\0\0\0\10\377\377\377\377\377\360\275\300"sv);
}

TEST(CopyRows, HasFourBytesOfAnInteger) {
  EXPECT_EQ(field([](CopyRows& rows) { rows.integer(258); }), "\0\0\0\4\0\0\1\2"sv);
  EXPECT_EQ(field([](CopyRows& rows) { rows.integer(-1); }), "\0\0\0\4\377\377\377\377"sv);
}

TEST(CopyRows, KeepsBytesAsTheyAre) {
  EXPECT_EQ(field([](CopyRows& rows) { rows.bytes("\0\377"sv); }), "\0\0\0\2\0\377"sv);
}

TEST(BinaryArrays, HaveOneDimensionTheirTypeAndTheirSizeBeforeTheElements) {
  BinaryArray texts(BinaryArray::Of::text);
  texts.add().text("a");
  texts.add().null();
  EXPECT_EQ(std::move(texts).finish(),
            "\0\0\0\1" "\0\0\0\1" "\0\0\0\31" "\0\0\0\2" "\0\0\0\1" "\0\0\0\1a" "\377\377\377\377"sv);
}

TEST(BinaryArrays, MayBeEmpty) {
  EXPECT_EQ(BinaryArray(BinaryArray::Of::jsonb).finish(), "\0\0\0\1" "\0\0\0\1" "\0\0\16\332" "\0\0\0\0" "\0\0\0\1"sv);
}

TEST(CopyRows, AreReadBackAsTheyWereWritten) {
  EXPECT_EQ(binary_integer("\0\0\0\0\0\0\1\2"sv), 258);
  EXPECT_EQ(binary_integer("\377\377\377\377\377\377\377\377"sv), -1);
  EXPECT_THROW(binary_integer("\0\0\1\2"sv), std::invalid_argument);
  for (const char* text : {"2000-01-01T00:00:00.000001Z", "1969-12-31T23:59:59Z", "2024-02-29T12:00:00Z"}) {
    const Timestamp instant = *parse_timestamp(text);
    CopyRows rows;
    rows.timestamp(instant);
    EXPECT_EQ(binary_timestamp(rows.bytes().substr(4)), instant) << text;
  }
  EXPECT_EQ(binary_timestamp("\177\377\377\377\377\377\377\377"sv), Timestamp::max()) << "infinity";
  EXPECT_LT(binary_timestamp("\200\0\0\0\0\0\0\0"sv), Timestamp()) << "-infinity";
}

TEST(CopyRows, StandBetweenTheSignatureAndTheEnd) {
  EXPECT_EQ(copy_header(), "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"sv);
  EXPECT_EQ(copy_header().size(), 19U);
  EXPECT_EQ(copy_trailer(), "\377\377"sv);
}

TEST(CopyRows, AreUsedAgainAfterAClear) {
  CopyRows rows;
  rows.text("a");
  rows.clear();
  rows.integer(0);
  EXPECT_EQ(rows.bytes().size(), 8U);
}

}  // namespace
}  // namespace odetl
