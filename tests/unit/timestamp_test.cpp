#include "etl/timestamp.hpp"

#include <gtest/gtest.h>

namespace odetl {
namespace {

using namespace std::chrono_literals;

struct Reading {
  const char* name;
  std::string text;
  std::optional<std::string> instant;  ///< as to_rfc3339 prints it; nothing when refused
};

std::string name_of(const testing::TestParamInfo<Reading>& row) { return row.param.name; }

std::optional<std::string> printed(std::optional<Timestamp> instant) {
  if (!instant) return {};
  return to_rfc3339(*instant);
}

// --- parse_timestamp

class ParseTimestamp : public testing::TestWithParam<Reading> {};

TEST_P(ParseTimestamp, ReadsOrRefuses) {
  EXPECT_EQ(printed(parse_timestamp(GetParam().text)), GetParam().instant) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Accepted, ParseTimestamp,
    testing::Values(Reading{"AsLaravelPrints", "2024-01-31T08:00:00.000000Z", "2024-01-31T08:00:00Z"},
                    Reading{"AsPhpPrints", "2024-01-31 08:00:00", "2024-01-31T08:00:00Z"},
                    Reading{"BlankAndFraction", "2024-01-31 08:00:00.5", "2024-01-31T08:00:00.500000Z"},
                    Reading{"LowerCase", "2024-01-31t08:00:00z", "2024-01-31T08:00:00Z"},
                    Reading{"Microseconds", "2024-01-31T08:00:00.123456Z", "2024-01-31T08:00:00.123456Z"},
                    Reading{"OneDigit", "2024-01-31T08:00:00.1Z", "2024-01-31T08:00:00.100000Z"},
                    Reading{"NineDigitsAreCut", "2024-01-31T08:00:00.123456999Z", "2024-01-31T08:00:00.123456Z"},
                    Reading{"ManyDigitsAreCut", "2024-01-31T08:00:00.0000001" + std::string(500, '9') + "Z",
                            "2024-01-31T08:00:00Z"},
                    Reading{"Ahead", "2024-01-31T08:00:00+14:00", "2024-01-30T18:00:00Z"},
                    Reading{"Behind", "2024-01-31T18:00:00.25-14:00", "2024-02-01T08:00:00.250000Z"},
                    Reading{"UnknownOffset", "2024-01-31T08:00:00-00:00", "2024-01-31T08:00:00Z"},
                    Reading{"HalfHourOffset", "2024-01-31T08:00:00+05:30", "2024-01-31T02:30:00Z"},
                    Reading{"LeapDay", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
                    Reading{"LeapDayOfACentury", "2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
                    Reading{"LastSecondOfADay", "2023-12-31T23:59:59Z", "2023-12-31T23:59:59Z"},
                    Reading{"BeforeTheEpoch", "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000Z"},
                    Reading{"Past2038", "2038-01-19T03:14:08Z", "2038-01-19T03:14:08Z"},
                    Reading{"FirstInstant", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
                    Reading{"LastInstant", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
                    Reading{"OffsetInsideTheFirstDay", "0001-01-01T14:00:00+14:00", "0001-01-01T00:00:00Z"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Refused, ParseTimestamp,
    testing::Values(
        Reading{"Empty", "", {}}, Reading{"DateAlone", "2024-01-31", {}}, Reading{"NoSeconds", "2024-01-31T08:00Z", {}},
        Reading{"LeapSecond", "2016-12-31T23:59:60Z", {}}, Reading{"Hour24", "2024-01-31T24:00:00Z", {}},
        Reading{"Minute60", "2024-01-31T08:60:00Z", {}}, Reading{"Feb29OfAPlainYear", "2023-02-29T00:00:00Z", {}},
        Reading{"Feb29Of1900", "1900-02-29T00:00:00Z", {}}, Reading{"Feb30", "2024-02-30T00:00:00Z", {}},
        Reading{"Apr31", "2024-04-31T00:00:00Z", {}}, Reading{"Month0", "2024-00-10T00:00:00Z", {}},
        Reading{"Month13", "2024-13-10T00:00:00Z", {}}, Reading{"Day0", "2024-01-00T00:00:00Z", {}},
        Reading{"Year0", "0000-01-01T00:00:00Z", {}}, Reading{"MySqlZeroDate", "0000-00-00 00:00:00", {}},
        Reading{"LaravelOfAMySqlZeroDate", "-0001-11-30T00:00:00.000000Z", {}},
        Reading{"FiveDigitYear", "10000-01-01T00:00:00Z", {}},
        Reading{"OffsetToBeforeYear1", "0001-01-01T00:00:00+00:01", {}},
        Reading{"OffsetToPast9999", "9999-12-31T23:59:59-00:01", {}},
        Reading{"OffsetOfADay", "2024-01-31T08:00:00+24:00", {}},
        Reading{"OffsetMinute60", "2024-01-31T08:00:00+01:60", {}},
        Reading{"OffsetWithoutColon", "2024-01-31T08:00:00+0100", {}},
        Reading{"OffsetOfAnHourAlone", "2024-01-31T08:00:00+01", {}},
        Reading{"NamedZone", "2024-01-31T08:00:00UTC", {}}, Reading{"PointWithoutDigits", "2024-01-31T08:00:00.Z", {}},
        Reading{"CommaForAPoint", "2024-01-31T08:00:00,5Z", {}}, Reading{"SignedField", "2024-01-31T+8:00:00Z", {}},
        Reading{"BlankInAField", "2024-01-31T 8:00:00Z", {}}, Reading{"SlashesForDashes", "2024/01/31T08:00:00Z", {}},
        Reading{"UnderscoreForT", "2024-01-31_08:00:00Z", {}}, Reading{"LeadingBlank", " 2024-01-31T08:00:00Z", {}},
        Reading{"TrailingBlank", "2024-01-31T08:00:00Z ", {}}, Reading{"TwoZones", "2024-01-31T08:00:00ZZ", {}},
        Reading{"DigitsBeyondAscii", "２０２４-01-31T08:00:00Z", {}},
        Reading{"NulInside", std::string("2024-01-31T08:00:0\0Z", 20), {}}),
    name_of);

TEST(ParseTimestamp, RefusesEveryCutOfADateWithAZone) {
  const std::string whole = "2024-01-31T08:00:00.123456+14:00";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto cut = std::string_view(whole).substr(0, length);
    const bool has_no_zone_yet = length == 19 || (length >= 21 && length <= 26);
    EXPECT_EQ(parse_timestamp(cut).has_value(), has_no_zone_yet) << cut;
  }
}

TEST(ParseTimestamp, ReadsBackWhatToRfc3339Prints) {
  for (auto instant = *parse_timestamp("0001-01-01T00:00:00Z"); instant < *parse_timestamp("9999-12-01T00:00:00Z");
       instant += std::chrono::days{11} + 7h + 3s + 1us) {
    ASSERT_EQ(parse_timestamp(to_rfc3339(instant)), instant) << to_rfc3339(instant);
  }
}

// --- parse_instant

class ParseInstant : public testing::TestWithParam<Reading> {};

TEST_P(ParseInstant, ReadsOrRefuses) {
  EXPECT_EQ(printed(parse_instant(GetParam().text)), GetParam().instant) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(Rows, ParseInstant,
                         testing::Values(Reading{"DateIsMidnightUtc", "2024-01-31", "2024-01-31T00:00:00Z"},
                                         Reading{"Zulu", "2024-01-31T08:00:00Z", "2024-01-31T08:00:00Z"},
                                         Reading{"Offset", "2024-01-31T08:00:00+02:00", "2024-01-31T06:00:00Z"},
                                         Reading{"BlankWithAZone", "2024-01-31 08:00:00Z", "2024-01-31T08:00:00Z"},
                                         Reading{"NoZone", "2024-01-31T08:00:00", {}},
                                         Reading{"NoZoneWithAFraction", "2024-01-31T08:00:00.5", {}},
                                         Reading{"BlankWithoutAZone", "2024-01-31 08:00:00", {}},
                                         Reading{"NoSuchDate", "2023-02-29", {}}, Reading{"Year0", "0000-12-31", {}},
                                         Reading{"DateWithAZone", "2024-01-31Z", {}}, Reading{"Word", "yesterday", {}},
                                         Reading{"UnixTime", "1706688000", {}}),
                         name_of);

// --- parse_http_date

class ParseHttpDate : public testing::TestWithParam<Reading> {};

TEST_P(ParseHttpDate, ReadsOrRefuses) {
  EXPECT_EQ(printed(parse_http_date(GetParam().text)), GetParam().instant) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(Rows, ParseHttpDate,
                         testing::Values(Reading{"TheStandardsExample", "Sun, 06 Nov 1994 08:49:37 GMT",
                                                 "1994-11-06T08:49:37Z"},
                                         Reading{"LeapDay", "Thu, 29 Feb 2024 23:59:59 GMT", "2024-02-29T23:59:59Z"},
                                         Reading{"WrongWeekday", "Mon, 06 Nov 1994 08:49:37 GMT", {}},
                                         Reading{"NoSuchWeekday", "Xxx, 06 Nov 1994 08:49:37 GMT", {}},
                                         Reading{"NoSuchDay", "Wed, 31 Apr 2024 08:49:37 GMT", {}},
                                         Reading{"NoSuchMonth", "Sun, 06 nov 1994 08:49:37 GMT", {}},
                                         Reading{"Hour24", "Sun, 06 Nov 1994 24:00:00 GMT", {}},
                                         Reading{"OtherZone", "Sun, 06 Nov 1994 08:49:37 CET", {}},
                                         Reading{"OffsetForAZone", "Sun, 06 Nov 1994 08:49:37 +0000", {}},
                                         Reading{"ObsoleteRfc850", "Sunday, 06-Nov-94 08:49:37 GMT", {}},
                                         Reading{"ObsoleteAsctime", "Sun Nov  6 08:49:37 1994", {}},
                                         Reading{"Empty", "", {}}, Reading{"Rfc3339", "1994-11-06T08:49:37Z", {}}),
                         name_of);

// --- printing

TEST(ToWire, IsTheFormThatEveryServerReadsAsUtc) {
  EXPECT_EQ(to_wire(*parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT")), "1994-11-06 08:49:37");
  EXPECT_EQ(to_wire(sys_seconds{}), "1970-01-01 00:00:00");
  EXPECT_EQ(to_wire(sys_seconds{-1s}), "1969-12-31 23:59:59");
}

TEST(ToRfc3339, PrintsBeyondFourDigitsOfAYearAsInfinity) {
  EXPECT_EQ(to_rfc3339(Timestamp::max()), "infinity");
  EXPECT_EQ(to_rfc3339(Timestamp::min()), "-infinity");
  EXPECT_EQ(to_rfc3339(*parse_timestamp("9999-12-31T23:59:59.999999Z") + 1us), "infinity");
  EXPECT_EQ(to_rfc3339(*parse_timestamp("0001-01-01T00:00:00Z") - 1us), "-infinity");
}

TEST(DurationText, UsesTheLargestUnits) {
  EXPECT_EQ(to_text(0s), "0s");
  EXPECT_EQ(to_text(1s), "1s");
  EXPECT_EQ(to_text(60s), "1m");
  EXPECT_EQ(to_text(90s), "90s");
  EXPECT_EQ(to_text(150s), "2m30s");
  EXPECT_EQ(to_text(15min), "15m");
  EXPECT_EQ(to_text(90min), "1h30m");
  EXPECT_EQ(to_text(168h), "7d");
  EXPECT_EQ(to_text(86'400s + 1s), "1d1s");
  EXPECT_EQ(to_text(-15min), "-15m");
}

}  // namespace
}  // namespace odetl
