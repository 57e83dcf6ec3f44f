#include "etl/api_headers.hpp"

#include <gtest/gtest.h>

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr const char* kDate = "Sun, 22 Nov 2026 07:54:45 GMT";

AnswerHeader read(const std::vector<std::string>& lines) {
  AnswerHeader header;
  for (const auto& line : lines) read_header_line(line + "\r\n", header);
  return header;
}

// --- read_header_line

TEST(AnswerHeader, TakesWhatAThrottledLaravelSends) {
  const auto header = read({"HTTP/1.1 429 Too Many Requests", "Server: nginx/1.22.1", "Content-Type: application/json",
                            "X-RateLimit-Limit: 3", "X-RateLimit-Remaining: 0", "Retry-After: 59",
                            "X-RateLimit-Reset: 1795334144", std::string("Date: ") + kDate, ""});
  EXPECT_TRUE(header.complete);
  EXPECT_EQ(header.status, 429);
  EXPECT_EQ(header.content_type, "application/json");
  EXPECT_EQ(header.retry_after, "59");
  EXPECT_EQ(header.date, parse_http_date(kDate));
  EXPECT_EQ(header.rate_limit.limit, 3);
  EXPECT_EQ(header.rate_limit.remaining, 0);
  EXPECT_EQ(header.rate_limit.reset, sys_seconds{1795334144s});
}

TEST(AnswerHeader, ReadsTheStatusLineOfHttp2AndNamesWithoutCase) {
  const auto header = read({"HTTP/2 200 ", "content-TYPE:application/json", "x-ratelimit-REMAINING:\t7 ", ""});
  EXPECT_EQ(header.status, 200);
  EXPECT_EQ(header.content_type, "application/json");
  EXPECT_EQ(header.rate_limit.remaining, 7);
}

TEST(AnswerHeader, ForgetsAnInterimAnswer) {
  const auto header = read({"HTTP/1.1 103 Early Hints", "Content-Type: text/html", "", "HTTP/1.1 200 OK", ""});
  EXPECT_TRUE(header.complete);
  EXPECT_EQ(header.status, 200);
  EXPECT_EQ(header.content_type, "");
  EXPECT_FALSE(read({"HTTP/1.1 100 Continue", ""}).complete);
}

TEST(AnswerHeader, IgnoresTrailersBehindTheBody) {
  const auto header = read({"HTTP/1.1 200 OK", "Content-Type: text/html", "", "Content-Type: application/json",
                            "HTTP/1.1 401 Unauthorized", ""});
  EXPECT_EQ(header.status, 200);
  EXPECT_EQ(header.content_type, "text/html");
}

TEST(AnswerHeader, IsIncompleteWithoutItsBlankLine) { EXPECT_FALSE(read({"HTTP/1.1 401 Unauthorized"}).complete); }

TEST(AnswerHeader, TakesNoNumberOrDateThatIsNotEntirelyOne) {
  const auto header =
      read({"HTTP/1.1 200 OK", "Date: yesterday", "X-RateLimit-Limit: 60 a minute", "X-RateLimit-Remaining: -1",
            "X-RateLimit-Reset: 99999999999999999999", "no colon", ": no name", ""});
  EXPECT_EQ(header.date, std::nullopt);
  EXPECT_EQ(header.rate_limit.limit, std::nullopt);
  EXPECT_EQ(header.rate_limit.remaining, std::nullopt);
  EXPECT_EQ(header.rate_limit.reset, std::nullopt);
}

TEST(AnswerHeader, KeepsABoundedValue) {
  EXPECT_LE(read({"HTTP/1.1 302 Found", "Location: " + std::string(100'000, 'x'), ""}).location.size(), 4096U);
}

TEST(AnswerHeader, ReadsAStatusOfNoSense) {
  EXPECT_EQ(read({"HTTP/1.1 OK"}).status, 0);
  EXPECT_EQ(read({"HTTP/1.1"}).status, 0);
  EXPECT_EQ(read({"HTTP/1.1 20"}).status, 0);
}

// --- parse_retry_after

struct RetryAfter {
  const char* name;
  std::string text;
  std::optional<std::chrono::seconds> wait;  ///< with kDate for a Date and an hour at most
};

class ParseRetryAfter : public testing::TestWithParam<RetryAfter> {};

TEST_P(ParseRetryAfter, BoundsTheWait) {
  EXPECT_EQ(parse_retry_after(GetParam().text, parse_http_date(kDate), 1h), GetParam().wait);
}

INSTANTIATE_TEST_SUITE_P(Rows, ParseRetryAfter,
                         testing::Values(RetryAfter{"Seconds", "59", 59s}, RetryAfter{"Zero", "0", 0s},
                                         RetryAfter{"Blanks", " 59\t", 59s}, RetryAfter{"NegativeIsNow", "-5", 0s},
                                         RetryAfter{"LongIsCut", "3601", 1h},
                                         RetryAfter{"AbsurdIsCut", "1000000000000", 1h},
                                         RetryAfter{"BeyondAnyNumberIsCut", std::string(100, '9'), 1h},
                                         RetryAfter{"Date", "Sun, 22 Nov 2026 07:55:45 GMT", 60s},
                                         RetryAfter{"PastDateIsNow", "Sun, 06 Nov 1994 08:49:37 GMT", 0s},
                                         RetryAfter{"FarDateIsCut", "Fri, 31 Dec 9999 23:59:59 GMT", 1h},
                                         RetryAfter{"BrokenDate", "Sun, 22 Nov 2026 25:55:45 GMT", {}},
                                         RetryAfter{"Fraction", "1.5", {}}, RetryAfter{"Unit", "60s", {}},
                                         RetryAfter{"Plus", "+60", {}}, RetryAfter{"Minus", "-", {}},
                                         RetryAfter{"Word", "soon", {}}, RetryAfter{"Nothing", "", {}}),
                         [](const auto& row) { return row.param.name; });

TEST(ParseRetryAfter, ADateWithoutADateToCompareIsIgnored) {
  EXPECT_EQ(parse_retry_after("Sun, 22 Nov 2026 07:55:45 GMT", {}, 1h), std::nullopt);
  EXPECT_EQ(parse_retry_after("60", {}, 1h), 60s);
}

// --- content codings

TEST(ContentCodings, AreGzipByBothItsNamesOrNone) {
  for (const char* gzip : {"gzip", "GZip", " gzip\t", "x-gzip"}) {
    EXPECT_EQ(content_coding(gzip), ContentCoding::gzip) << gzip;
  }
  for (const char* none : {"", " ", "identity", "IDENTITY"}) {
    EXPECT_EQ(content_coding(none), ContentCoding::identity) << none;
  }
  for (const char* other : {"br", "deflate", "zstd", "compress", "gzip, gzip", "gzip,identity", "gzipped", "gz"}) {
    EXPECT_EQ(content_coding(other), std::nullopt) << other;
  }
}

TEST(ContentCodings, OfSeveralLinesAreOneList) {
  EXPECT_EQ(read({"HTTP/1.1 200 OK", "Content-Encoding: gzip", ""}).content_encoding, "gzip");
  const auto header = read({"HTTP/1.1 200 OK", "Content-Encoding: gzip", "content-encoding: br", ""});
  EXPECT_EQ(header.content_encoding, "gzip, br");
}

// --- content types

struct ContentType {
  const char* name;
  std::string text;
  bool json;
  bool html;
};

class ContentTypes : public testing::TestWithParam<ContentType> {};

TEST_P(ContentTypes, AreToldApart) {
  EXPECT_EQ(is_json(GetParam().text), GetParam().json);
  EXPECT_EQ(is_html(GetParam().text), GetParam().html);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ContentTypes,
    testing::Values(ContentType{"Json", "application/json", true, false},
                    ContentType{"JsonWithCharset", "Application/JSON ; charset=UTF-8", true, false},
                    ContentType{"JsonApi", "application/vnd.api+json", true, false},
                    ContentType{"Html", "text/html; charset=UTF-8", false, true},
                    ContentType{"Xhtml", "application/xhtml+xml", false, true},
                    ContentType{"JsonInAParameter", "text/html; x=application/json", false, true},
                    ContentType{"LongerName", "application/jsonp", false, false},
                    ContentType{"TextJson", "text/json", false, false},
                    ContentType{"Plain", "text/plain", false, false}, ContentType{"None", "", false, false}),
    [](const auto& row) { return row.param.name; });

// --- location_host

struct Location {
  const char* name;
  std::string text;
  std::string host;
};

class LocationHost : public testing::TestWithParam<Location> {};

TEST_P(LocationHost, ShowsNothingButTheHost) { EXPECT_EQ(location_host(GetParam().text), GetParam().host); }

INSTANTIATE_TEST_SUITE_P(
    Rows, LocationHost,
    testing::Values(Location{"Absolute", "https://login.example.com/x?api_token=s", "login.example.com"},
                    Location{"Port", "http://169.254.169.254:80/latest", "169.254.169.254"},
                    Location{"User", "https://user:secret@evil.example/x", "evil.example"},
                    Location{"UserWithoutPath", "https://a@b@evil.example?x", "evil.example"},
                    Location{"Ipv6", "http://[::1]:8080/", "[::1]"},
                    Location{"SchemeLess", "//cdn.example/x", "cdn.example"},
                    Location{"Relative", "/login?next=//evil.example", ""}, Location{"File", "file:///etc/passwd", ""},
                    Location{"Script", "javascript:alert(1)", ""},
                    Location{"ControlCharacters", "http://a\x1b[31mb/", ""},
                    Location{"TokenForAHost", "http://a b secret/", ""}, Location{"Empty", "", ""}),
    [](const auto& row) { return row.param.name; });

TEST(Printable, CutsAndReplaces) {
  EXPECT_EQ(printable("a\nb\x1b\xc3\xa4"
                      "c",
                      100),
            "a?b???c");
  EXPECT_EQ(printable("abcdef", 3), "abc");
}

}  // namespace
}  // namespace odetl
