#include "etl/content_coding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simulator/gzip.hpp"

namespace odetl {
namespace {

using simulator::gzip;
using simulator::gzip_padded;
using testing::HasSubstr;
using testing::Le;

constexpr std::size_t kMost = std::size_t{1} << 20;
const std::string kText =
    R"({"data":[{"u":{"chatbot_user_data":null,"interactions":[{"text":"hello, hello, hello"}]}}]})";

struct Decoded {
  std::optional<Verdict> verdict;
  std::string text;
};

Decoded decoded(std::string_view bytes, ContentCoding coding = ContentCoding::gzip, std::size_t most = kMost) {
  Answer answer;
  answer.bytes.assign(bytes);
  answer.coding = coding;
  Body into;
  into.assign("of another answer");
  auto verdict = decode(answer, into, most);
  EXPECT_EQ(answer.bytes.size(), 0U) << "nothing is left of it";
  return {verdict, std::string(into.view())};
}

std::string flipped(std::string bytes, std::size_t from_end) {
  bytes[bytes.size() - from_end] = static_cast<char>(bytes[bytes.size() - from_end] ^ 1);
  return bytes;
}

std::string cut(const std::string& bytes, std::size_t off) { return bytes.substr(0, bytes.size() - off); }

/// The same gzip that says the name of a file.
std::string named(std::string bytes) {
  bytes[3] = 8;
  return bytes.insert(10, std::string("answer.json\0", 12));
}

/// The same gzip, claiming to hold so few bytes.
std::string telling(std::string bytes, char length) { return cut(bytes, 4) + std::string{length, 0, 0, 0}; }

// --- what is whole

struct Whole {
  const char* name;
  std::string bytes;
  std::string text = kText;
  ContentCoding coding = ContentCoding::gzip;
};
void PrintTo(const Whole& row, std::ostream* out) { *out << row.name; }

class DecodeWhole : public testing::TestWithParam<Whole> {};

TEST_P(DecodeWhole, GivesWhatWasCoded) {
  const auto [verdict, text] = decoded(GetParam().bytes, GetParam().coding);
  EXPECT_EQ(verdict ? verdict->cause : "", "");
  EXPECT_EQ(text, GetParam().text);
}

constexpr auto kName = [](const auto& row) { return std::string(row.param.name); };

INSTANTIATE_TEST_SUITE_P(Rows, DecodeWhole,
                         testing::Values(Whole{"Identity", kText, kText, ContentCoding::identity},
                                         Whole{"Gzip", gzip(kText)}, Whole{"OneByte", gzip("{"), "{"},
                                         Whole{"WithAName", named(gzip(kText))},
                                         Whole{"TwoMembers", gzip(kText) + gzip("\n"), kText + "\n"},
                                         Whole{"AnEmptyMemberFirst", gzip("") + gzip(kText)},
                                         Whole{"AnEmptyMemberLast", gzip(kText) + gzip("")},
                                         Whole{"AMemberPerByte", gzip("{") + gzip("}") + gzip(" "), "{} "},
                                         Whole{"LongBeforeShort", gzip_padded("", kMost / 2, "x") + gzip("y"),
                                               std::string(kMost / 2, ' ') + "xy"},
                                         Whole{"ExactlyTheLimit", gzip_padded("", kMost, ""), std::string(kMost, ' ')},
                                         Whole{"ExactlyTheLimitInMembers", gzip_padded("", kMost - 1, "") + gzip(" "),
                                               std::string(kMost, ' ')}),
                         kName);

// --- what is not

struct Bad {
  const char* name;
  std::string bytes;
  std::string cause;
  ContentCoding coding = ContentCoding::gzip;
  Failure failure = Failure::broken_answer;
};
void PrintTo(const Bad& row, std::ostream* out) { *out << row.name; }

class DecodeBad : public testing::TestWithParam<Bad> {};

TEST_P(DecodeBad, SaysWhatIsWrongAndLeavesNothing) {
  const auto [verdict, text] = decoded(GetParam().bytes, GetParam().coding);
  ASSERT_TRUE(verdict);
  EXPECT_THAT(verdict->cause, HasSubstr(GetParam().cause));
  EXPECT_EQ(verdict->failure, GetParam().failure);
  EXPECT_EQ(text, "");
}

constexpr const char* kDamaged = "the gzip of the answer is cut or damaged";
constexpr const char* kBehind = "something else stands behind the gzip of the answer";
constexpr const char* kNone = "Content-Encoding says gzip, and the answer is none";

INSTANTIATE_TEST_SUITE_P(Coding, DecodeBad,
                         testing::Values(Bad{"PlainCalledGzip", kText, kNone}, Bad{"NothingCalledGzip", "", kNone},
                                         Bad{"GzipTwiceOver", gzip(gzip(kText)), "gzip twice over"},
                                         Bad{"GzipCalledNothing", gzip(kText), "gzip, and no Content-Encoding says so",
                                             ContentCoding::identity},
                                         Bad{"Nothing", "", "nothing in it", ContentCoding::identity},
                                         Bad{"GzipOfNothing", gzip(""), "nothing in it"}),
                         kName);

INSTANTIATE_TEST_SUITE_P(Damage, DecodeBad,
                         testing::Values(Bad{"Half", cut(gzip(kText), gzip(kText).size() / 2), kDamaged},
                                         Bad{"MagicAlone", "\x1f\x8b", kDamaged},
                                         Bad{"AnotherMethod", "\x1f\x8b\x07" + kText, kDamaged},
                                         Bad{"Checksum", flipped(gzip(kText), 8), kDamaged},
                                         Bad{"Length", flipped(gzip(kText), 4), kDamaged},
                                         Bad{"LengthOfGigabytes", flipped(gzip(kText), 1), kDamaged},
                                         Bad{"LengthTooShort", telling(gzip(kText), 5), kDamaged},
                                         Bad{"CutInTheSecondMember", gzip(kText) + cut(gzip(kText), 3), kDamaged},
                                         Bad{"Garbage", gzip(kText) + "trailing", kBehind},
                                         Bad{"Zeros", gzip(kText) + std::string(8, '\0'), kBehind},
                                         Bad{"HalfAMagic", gzip(kText) + "\x1f", kBehind}),
                         kName);

constexpr const char* kLimit = "exceeds api.max_response";

INSTANTIATE_TEST_SUITE_P(
    Limit, DecodeBad,
    testing::Values(Bad{"AByteMore", gzip_padded("", kMost + 1, ""), kLimit, ContentCoding::gzip, Failure::too_large},
                    Bad{"AByteMoreInMembers", gzip_padded("", kMost, "") + gzip(" "), kLimit, ContentCoding::gzip,
                        Failure::too_large},
                    Bad{"Bomb", gzip_padded("", 4 * kMost, ""), kLimit, ContentCoding::gzip, Failure::too_large},
                    Bad{"BombThatTellsLess", telling(gzip_padded("", 4 * kMost, ""), 9), kLimit, ContentCoding::gzip,
                        Failure::too_large}),
    kName);

TEST(Decode, EveryCutOfAGzipIsFound) {
  const std::string whole = gzip(kText);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto [verdict, text] = decoded(whole.substr(0, size));
    ASSERT_TRUE(verdict) << size;
    ASSERT_EQ(verdict->failure, Failure::broken_answer) << size;
  }
}

// The time and the system in the header, and the bits behind the last code, say nothing of the content.
TEST(Decode, EveryFlippedBitIsFoundOrChangesNothing) {
  const std::string whole = gzip(kText);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const auto [verdict, text] = decoded(bytes);
    ASSERT_EQ(text, verdict ? "" : kText) << bit;
    ASSERT_EQ(verdict ? verdict->failure : Failure::broken_answer, Failure::broken_answer) << bit;
  }
}

// --- its memory

TEST(Decode, TakesNoMoreRoomThanTheLimit) {
  Answer answer;
  answer.coding = ContentCoding::gzip;
  Body into;
  for (const std::string& bomb : {gzip_padded("", 4 * kMost, ""), telling(gzip_padded("", 4 * kMost, ""), 1),
                                  gzip(kText) + gzip_padded("", 4 * kMost, "") + gzip(kText)}) {
    answer.bytes.assign(bomb);
    EXPECT_TRUE(decode(answer, into, kMost));
    EXPECT_THAT(into.capacity(), Le(kMost));
  }
}

TEST(Decode, TakesTheRoomThatTheGzipTells) {
  Answer answer;
  answer.coding = ContentCoding::gzip;
  answer.bytes.assign(gzip(kText));
  Body into;
  EXPECT_FALSE(decode(answer, into, kMost));
  EXPECT_EQ(into.capacity(), kText.size());
}

TEST(Decode, AllocatesNothingWhenUsedAgainAndCopiesNothingThatIsNotCoded) {
  Answer answer;
  Body into;
  into.assign(std::string(2 * kText.size(), 'x'));
  const char* const room = into.data();
  answer.coding = ContentCoding::gzip;
  answer.bytes.assign(gzip(kText));
  EXPECT_FALSE(decode(answer, into, kMost));
  EXPECT_EQ(into.data(), room);
  answer.coding = ContentCoding::identity;
  answer.bytes.assign(kText);
  const char* const received = answer.bytes.data();
  EXPECT_FALSE(decode(answer, into, kMost));
  EXPECT_EQ(into.data(), received);
  EXPECT_EQ(answer.bytes.data(), room);
}

TEST(Decode, LeavesZeroesBehindTheContent) {
  for (const std::string& bytes : {gzip(kText), gzip(kText) + gzip(kText)}) {
    Answer answer;
    answer.coding = ContentCoding::gzip;
    answer.bytes.assign(bytes);
    Body into;
    into.assign(std::string(1000, 'x'));
    EXPECT_FALSE(decode(answer, into, kMost));
    EXPECT_EQ(std::string(into.data() + into.size(), Body::kPadding), std::string(Body::kPadding, '\0'));
  }
}

}  // namespace
}  // namespace odetl
