#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>

#include "daemon/config.hpp"
#include "tests/unit/config_parsing.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

struct Row {
  const char* name;
  std::string text;     ///< below a valid base_url
  std::string problem;  ///< what the first problem must contain
};

class Refused : public testing::TestWithParam<Row> {};

TEST_P(Refused, WithALineThatSaysWhereAndWhy) {
  EXPECT_THAT(problems(kBase + GetParam().text), HasSubstr(GetParam().problem));
}

std::string row_name(const testing::TestParamInfo<Row>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    UnknownKey, Refused,
    testing::Values(
        Row{"NearASection", "window: {}", "c.yaml:2:1: window: is no known key; did you mean windows?"},
        Row{"InTheWrongSection", "log: {poll_interval: 1s}",
            "log.poll_interval: is no known key; did you mean windows.poll_interval?"},
        Row{"AtTheTop", "poll_interval: 1s", "poll_interval: is no known key; did you mean windows.poll_interval?"},
        Row{"MisspeltInTheWrongSection", "log: {poll_intervall: 1s}", "did you mean windows.poll_interval?"},
        Row{"WithTheSectionInTheName", "log_level: info", "log_level: is no known key; did you mean log.level?"},
        Row{"InCapitals", "WINDOWS: {}", "did you mean windows?"},
        Row{"WithADot", "windows.width: 1h", "windows.width: is no known key; write width below windows:"},
        Row{"NearNothing", "log: {banana: 1}", "log.banana: is no known key; level, format are accepted"},
        Row{"NearNothingAtTheTop", "banana: 1",
            "banana: is no known key; api, warehouse, windows, backfill, unknown_users, http, state_dir, log are "
            "accepted"},
        Row{"OfALaterVersion", "privacy: {drop: []}", "privacy: is no known key"},
        Row{"OfAMergeKey", "<<: {}", "<<: is no known key"},
        Row{"InARecheck", "windows: {rechecks: [{evry: 1h, span: 24h}]}",
            "c.yaml:2:23: windows.rechecks[0].evry: is no known key; did you mean windows.rechecks[0].every?"}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Type, Refused,
    testing::Values(
        Row{"ListForASection", "log: [level]", "c.yaml:2:6: log: is no mapping; level, format are accepted below it"},
        Row{"ScalarForASection", "log: info", "log: is no mapping"},
        Row{"MappingForAScalar", "log: {level: {a: 1}}", "log.level: is a mapping; a single value is accepted"},
        Row{"ListForAScalar", "state_dir: [a]", "state_dir: is a list; a single value is accepted"},
        Row{"NoValue", "log:\n  level:\n", "log.level: has no value; write one, or leave the key out"},
        Row{"ScalarForAList", "windows: {rechecks: 1h}", "windows.rechecks: is no list"},
        Row{"ScalarInTheList", "windows: {rechecks: [1h]}", "windows.rechecks[0]: is no mapping"},
        Row{"RecheckWithoutSpan", "windows: {rechecks: [{every: 1h}]}",
            "c.yaml:2:22: windows.rechecks[0]: has no span"},
        Row{"YesForABoolean", "warehouse: {auto_migrate: yes}", "yes is no truth value; true or false is accepted"},
        Row{"QuotedBoolean", "warehouse: {auto_migrate: \"true\"}",
            "true is text; true or false without quotes is accepted"},
        Row{"QuotedInteger", "backfill: {workers: '2'}", "2 is text; a whole number without quotes is accepted"},
        Row{"Fraction", "backfill: {workers: 2.5}", "2.5 is no whole number; 1 to 64 is accepted"},
        Row{"Hexadecimal", "backfill: {workers: 0x2}", "0x2 is no whole number"},
        Row{"EnumInCapitals", "log: {level: INFO}", "INFO is not known"},
        Row{"MisspeltEnum", "windows: {on_missing: marke}",
            "marke is not known; did you mean mark? keep, mark or delete is accepted"},
        Row{"EmptyEnum", "log: {level: \"\"}", "\"\" is not known"}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Value, Refused,
    testing::Values(
        Row{"NoUnit", "windows: {poll_interval: 60}", "60 has no unit; write 60s"},
        Row{"WrongUnit", "windows: {poll_interval: 2w}", "2w is no duration"},
        Row{"ZeroPoll", "windows: {poll_interval: 0s}", "0s is out of range; 1s to 1d is accepted"},
        Row{"NegativeSettle", "windows: {settle: -1s}", "-1s is no duration"},
        Row{"PartOfASecond", "windows: {min_width: 1500ms}", "1500ms is not whole; whole seconds are accepted"},
        Row{"MinWidthBelowASecond", "windows: {min_width: 500ms}", "500ms is out of range; 1s to 366d is accepted"},
        Row{"LongLookback", "windows: {lookback: 32d}", "32d is out of range; 0s to 31d is accepted"},
        Row{"Overflow", "windows: {width: 99999999999999999999d}", "is no duration"},
        Row{"OverflowByTheUnit", "windows: {width: 9223372036854775807d}", "is no duration"},
        Row{"IntegerOverflow", "backfill: {workers: 99999999999}", "99999999999 is out of range; 1 to 64 is accepted"},
        Row{"TooManyWorkers", "backfill: {workers: 65}", "65 is out of range"},
        Row{"SchemaWithSql", "warehouse: {schema: 'x\"; DROP TABLE y'}",
            "warehouse.schema: is no plain PostgreSQL identifier"},
        Row{"SchemaInCapitals", "warehouse: {schema: Chat}", "warehouse.schema: is no plain"},
        Row{"SchemaWithADigitFirst", "warehouse: {schema: 2chat}", "warehouse.schema: is no plain"},
        Row{"SchemaTooLong", "warehouse: {schema: " + std::string(64, 'a') + "}", "warehouse.schema: is no plain"},
        Row{"SchemaOfTheServer", "warehouse: {schema: pg_chat}", "warehouse.schema: belongs to PostgreSQL itself"},
        Row{"EmptyDsn", "warehouse: {dsn: \"\"}",
            "warehouse.dsn: is empty; leave the key out for the embedded PostgreSQL"},
        Row{"DsnOfAnotherDatabase", "warehouse: {dsn: \"mysql://h/d\"}", "warehouse.dsn: is no connection string"},
        Row{"DsnWithALineEnd", "warehouse: {dsn: \"host=h\\nx=y\"}", "warehouse.dsn: holds a control character"},
        Row{"StartWithoutZone", "windows: {start: \"2024-01-31T08:00:00\"}", "2024-01-31T08:00:00 is no instant"},
        Row{"StartOnNoDay", "windows: {start: 2023-02-29}", "2023-02-29 is no instant"},
        Row{"StartBetweenSeconds", "windows: {start: \"2024-01-31T08:00:00.5Z\"}", "is not whole"},
        Row{"ListenWithoutPort", "http: {listen: localhost}", "http.listen: is no host:port"},
        Row{"ListenOnAPortTooFar", "http: {listen: \"localhost:65536\"}", "http.listen: is no host:port"},
        Row{"ListenOnNoAddress", "http: {listen: \"300.1.1.1:80\"}", "http.listen: is no host:port"},
        Row{"ListenWithoutHost", "http: {listen: \":80\"}", "http.listen: is no host:port"},
        Row{"ListenOnV6WithoutBrackets", "http: {listen: \"::1:80\"}", "http.listen: is no host:port"},
        Row{"PathWithANul", "state_dir: \"a\\0b\"", "state_dir: holds a control character"},
        Row{"LongValueCutShort", "log: {level: " + std::string(99, 'x') + "}",
            ": " + std::string(40, 'x') + "… is not known"}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Contradiction, Refused,
    testing::Values(
        Row{"WidthAboveMax", "windows: {width: 2d, max_width: 1d}",
            "c.yaml:2:18: windows.width: 2d is more than windows.max_width 1d; change one of the two"},
        Row{"MaxBelowTheDefaultWidth", "windows: {max_width: 30m}",
            "windows.max_width: 30m is less than windows.width 1h (the default)"},
        Row{"MinAboveWidth", "windows: {min_width: 2h}",
            "windows.min_width: 2h is more than windows.width 1h (the default)"},
        Row{"RecheckWithinTheLookback", "windows: {rechecks: [{every: 1h, span: 15m}]}",
            "c.yaml:2:40: windows.rechecks[0].span: 15m is not more than windows.lookback 15m (the default)"},
        Row{"LookbackBeyondADefaultRecheck", "windows: {lookback: 1d}",
            "windows.lookback: 1d is not less than windows.rechecks[0].span 1d (the default)"},
        Row{"RecheckMoreOftenThanPoll", "windows: {rechecks: [{every: 30s, span: 1d}]}",
            "c.yaml:2:30: windows.rechecks[0].every: 30s is less than windows.poll_interval 1m (the default)"}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Expansion, Refused,
    testing::Values(
        Row{"UnsetVariable", "state_dir: /a/${NOPE}",
            "c.yaml:2:12: state_dir: ${NOPE} is not set; set it, or write ${NOPE:-default}"},
        Row{"NoName", "state_dir: ${}", "state_dir: holds a ${ that begins no reference"},
        Row{"NoEnd", "state_dir: ${HOST", "state_dir: holds a ${ that begins no reference"},
        Row{"AnotherOperator", "state_dir: ${HOST-x}", "state_dir: holds a ${ that begins no reference"},
        Row{"NestedReference", "state_dir: \"${A:-${HOST}}\"", "state_dir: holds a ${ that begins no reference"},
        Row{"WrongTypeWithoutTheValue", "backfill: {workers: \"${OPENDIALOG_TOKEN}\"}",
            "backfill.workers: ${OPENDIALOG_TOKEN} is no whole number"},
        Row{"NoUnitWithoutTheValue", "windows:\n  width: ${FOUR}", "windows.width: ${FOUR} is no duration"},
        Row{"EnumWithoutTheValue", "log:\n  level: ${OPENDIALOG_TOKEN}", "log.level: ${OPENDIALOG_TOKEN} is not known"},
        Row{"KeysAreNotExpanded", "${HOST}: 1", "c.yaml:2:1: ${HOST}: is no known key"},
        Row{"GrowsTooFar", "state_dir: ${LONG}${LONG}", "state_dir: expands to too much; up to 1 MiB is accepted"}),
    row_name);

class RefusedApi : public testing::TestWithParam<Row> {};

TEST_P(RefusedApi, WithALineThatSaysWhereAndWhy) {
  const std::string text = "api:\n  base_url: https://acme.example\n  " + GetParam().text + "\n";
  EXPECT_THAT(problems(text), HasSubstr("c.yaml:3:" + GetParam().problem));
}

INSTANTIATE_TEST_SUITE_P(
    Keys, RefusedApi,
    testing::Values(
        Row{"ResponseLimitTooSmall", "max_response: 63KiB",
            "17: api.max_response: 63KiB is out of range; 64KiB to 4GiB is accepted"},
        Row{"ResponseLimitTooLarge", "max_response: 4294967297", "17: api.max_response: 4294967297 is out of range"},
        Row{"ResponseLimitWithoutSense", "max_response: lots", "17: api.max_response: lots is no size"},
        Row{"ResponseLimitOverflow", "max_response: 99999999TiB", "17: api.max_response: 99999999TiB is no size"},
        Row{"ZeroTimeout", "timeout: 0s", "12: api.timeout: 0s is out of range; 1ms to 1d is accepted"},
        Row{"ZeroConnectTimeout", "connect_timeout: 0", "20: api.connect_timeout: 0 is out of range"},
        Row{"NegativeRate", "rate_limit: -1", "15: api.rate_limit: -1 is out of range; 0 to 1000000 is accepted"},
        Row{"ProxyWithoutScheme", "proxy: \"proxy:3128\"", "10: api.proxy: is no proxy"},
        Row{"FilterFrom", "filters: {from: 2024-01-01}",
            "19: api.filters.from: would replace the window that is asked for"},
        Row{"NestedFilter", "filters: {a: [1]}", "16: api.filters.a: is a list; a single value is accepted"},
        Row{"NamelessFilter", "filters: {\"\": 1}", "17: api.filters.: is no name of a filter"},
        Row{"FiltersAsAList", "filters: [a]", "12: api.filters: is no mapping"},
        Row{"TokenWithABlank", "token: hunter 2", "10: api.token: holds a blank"}),
    row_name);

TEST(Config, RefusesTokenAndTokenFileTogether) {
  EXPECT_EQ(problems("api:\n  base_url: https://acme.example\n  token: hunter2\n  token_file: /b\n"),
            "c.yaml:4:15: api.token_file: contradicts api.token at c.yaml:3:10; one of the two is accepted");
}

TEST(Config, RefusesABaseUrlTheClientWillNotSpeakTo) {
  for (const char* url : {"http://tenant.example", "https://user:hunter2@acme.example", "https://acme.example/?a=b",
                          "https://acme.example/#a", "ftp://acme.example", "acme.example"}) {
    const std::string lines = problems(std::string("api:\n  base_url: \"") + url + "\"\n");
    EXPECT_THAT(lines, testing::StartsWith("c.yaml:2:13: api.base_url: ")) << url;
    EXPECT_THAT(lines, Not(HasSubstr("hunter2"))) << url;
  }
  EXPECT_EQ(problems("api: {base_url: \"http://127.0.0.1:8080\"}"), "");
}

TEST(Units, ReadEveryFormOfADuration) {
  const std::map<std::string, std::chrono::milliseconds> fine{{"90s", 90s},
                                                              {"15m", 15min},
                                                              {"6h", 6h},
                                                              {"7d", 168h},
                                                              {"1h30m", 90min},
                                                              {"500ms", 500ms},
                                                              {"1d1h1m1s1ms", 90061001ms},
                                                              {"0", 0s},
                                                              {"0s", 0s},
                                                              {"007s", 7s},
                                                              {"90m", 90min}};
  for (const auto& [text, duration] : fine) EXPECT_EQ(parse_duration(text), duration) << text;
  for (const char* text : {"", "1", "s", "1 s", " 1s", "1s ", "-1s", "+1s", "1.5h", "1S", "1min", "30m1h", "1s1s",
                           "1h30", "1us", "0x1s", "1e3s", "106751991168d", "00"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Units, ReadEveryFormOfASize) {
  const std::map<std::string, std::size_t> fine{{"1024", 1024},
                                                {"0", 0},
                                                {"1B", 1},
                                                {"64KiB", 65536},
                                                {"256MiB", 268435456},
                                                {"1GiB", 1073741824},
                                                {"1TiB", 1099511627776},
                                                {"10MB", 10'000'000},
                                                {"1kB", 1000},
                                                {"2GB", 2'000'000'000}};
  for (const auto& [text, size] : fine) EXPECT_EQ(parse_size(text), size) << text;
  for (const char* text :
       {"", "KiB", "1 KiB", "-1", "1.5GiB", "1K", "1kib", "1KB", "1MiB ", "8388608TiB", "18446744073709551616"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace odetl
