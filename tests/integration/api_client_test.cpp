#include <sys/resource.h>

#include <thread>

#include "tests/integration/api_fixture.hpp"

namespace odetl::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using Then = Script::Then;

constexpr const char* kEmpty = R"({"data":[]})";
constexpr const char* kJson = "Content-Type: application/json";
constexpr const char* kGzip = "Content-Encoding: gzip";
constexpr const char* kChunked = "Transfer-Encoding: chunked";

std::string length(std::size_t bytes) { return "Content-Length: " + std::to_string(bytes); }

// --- the request

class RequestLine : public ApiClientTest, public testing::WithParamInterface<std::pair<Endpoint, std::string>> {};

TEST_P(RequestLine, IsSpelledAsEveryServerReadsIt) {
  serve(json_answer(kEmpty));
  options_.endpoint = GetParam().first;
  options_.filters = {{"selected_scenario", "a b&c"}};
  EXPECT_EQ(fetch().body, kEmpty);
  EXPECT_THAT(server().requests().at(0), testing::StartsWith("GET " + GetParam().second + " HTTP/1.1\r\n"));
}

INSTANTIATE_TEST_SUITE_P(Forms, RequestLine,
                         testing::Values(std::pair{Endpoint::public_api, std::string("/public/api/user-interactions?") +
                                                                             kQuery + "&selected_scenario=a%20b%26c"},
                                         std::pair{Endpoint::legacy, std::string("/api/user-interactions?") + kQuery +
                                                                         "&selected_scenario=a%20b%26c"},
                                         std::pair{Endpoint::path,
                                                   std::string("/api/user-interactions/2024-01-31%2008:00:00/"
                                                               "2024-01-31%2009:00:00?selected_scenario=a%20b%26c")}));

TEST_F(ApiClientTest, AsksForJsonAloneAndShowsTheTokenInOneHeader) {
  serve(json_answer(kEmpty));
  fetch();
  const std::string request = server().requests().at(0);
  EXPECT_THAT(request, HasSubstr("\r\nAccept: application/json\r\n"));
  EXPECT_THAT(request, HasSubstr(std::string("\r\nAuthorization: Bearer ") + kToken + "\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nAccept-Encoding: gzip\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nUser-Agent: opendialog-etl\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("Cookie")));
  EXPECT_EQ(request.find("Accept:"), request.rfind("Accept:"));
}

TEST_F(ApiClientTest, KeepsItsConnection) {
  serve(json_answer(kEmpty));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fetch().body, kEmpty);
  EXPECT_EQ(server().connections(), 1);
}

TEST_F(ApiClientTest, KeepsItsConnectionAfterAnError) {
  serve({{.bytes = answer("500 Oops", {kJson, length(5)}, "error")}, {.bytes = json_answer(kEmpty)}});
  EXPECT_EQ(fetch().failure, Failure::server_error);
  EXPECT_EQ(fetch().body, kEmpty);
  EXPECT_EQ(server().connections(), 1);
}

TEST_F(ApiClientTest, TakesAnotherConnectionWhenTheKeptOneHasEnded) {
  serve(json_answer(kEmpty), Then::close);
  EXPECT_EQ(fetch().body, kEmpty);
  EXPECT_EQ(fetch().body, kEmpty);
  EXPECT_EQ(server().connections(), 2);
}

TEST_F(ApiClientTest, UsesANewTokenFromTheNextRequestOn) {
  serve(json_answer(kEmpty));
  fetch();
  client().set_token("other");
  fetch();
  EXPECT_THAT(server().requests().at(1), HasSubstr("\r\nAuthorization: Bearer other\r\n"));
  EXPECT_THAT(server().requests().at(1), Not(HasSubstr("canary")));
}

TEST_F(ApiClientTest, TakesNoCookies) {
  serve(json_answer(kEmpty, {"Set-Cookie: laravel_session=x; path=/"}));
  fetch();
  fetch();
  EXPECT_THAT(server().requests().at(1), Not(HasSubstr("laravel_session")));
}

// --- the exchange

TEST_F(ApiClientTest, TellsDateThrottleAndSizesOfAnAnswer) {
  const std::string body = long_json();
  const std::string packed = gzipped(body);
  serve(json_answer(
      packed, {kGzip, "Date: Sun, 22 Nov 2026 07:54:44 GMT", "X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 59"}));
  const auto fetched = fetch();
  EXPECT_EQ(fetched.body, body);
  EXPECT_EQ(fetched.exchange.status, 200);
  EXPECT_EQ(fetched.exchange.server_date, parse_http_date("Sun, 22 Nov 2026 07:54:44 GMT"));
  EXPECT_EQ(fetched.exchange.rate_limit.limit, 60);
  EXPECT_EQ(fetched.exchange.rate_limit.remaining, 59);
  EXPECT_EQ(fetched.exchange.body_bytes, body.size());
  EXPECT_GT(fetched.exchange.wire_bytes, packed.size());
  EXPECT_LT(fetched.exchange.wire_bytes, packed.size() + 300);
}

TEST_F(ApiClientTest, TellsTheSameOfAThrottledOne) {
  serve(answer("429 Too Many Requests",
               {kJson, length(2), "Retry-After: 59", "X-RateLimit-Limit: 3", "X-RateLimit-Remaining: 0",
                "X-RateLimit-Reset: 1795334144", "Date: Sun, 22 Nov 2026 07:54:45 GMT"},
               "{}"));
  const auto fetched = fetch();
  EXPECT_EQ(fetched.failure, Failure::throttled);
  EXPECT_EQ(fetched.retry_after, 59s);
  EXPECT_EQ(fetched.exchange.status, 429);
  EXPECT_EQ(fetched.exchange.rate_limit.remaining, 0);
  EXPECT_EQ(fetched.exchange.rate_limit.reset, sys_seconds{1795334144s});
  EXPECT_TRUE(fetched.exchange.server_date);
}

TEST_F(ApiClientTest, ReadsRetryAfterAgainstTheServersOwnDate) {
  serve(answer("503 Maintenance",
               {length(0), "Date: Sun, 22 Nov 2026 07:54:45 GMT", "Retry-After: Sun, 22 Nov 2026 07:56:45 GMT"}, ""));
  const auto fetched = fetch();
  EXPECT_EQ(fetched.failure, Failure::throttled);
  EXPECT_EQ(fetched.retry_after, 120s);
}

// --- framing

TEST_F(ApiClientTest, ReadsChunksOfAnySize) {
  const std::string body = long_json();
  for (const std::size_t size : {std::size_t{1000}, std::size_t{17}, body.size()}) {
    EXPECT_EQ(failure_of(answer("200 OK", {kJson, kChunked}, chunked(body, size)), Then::keep), std::nullopt);
    EXPECT_EQ(fetch().body, body);
  }
}

TEST_F(ApiClientTest, ReadsABodyThatEndsWithItsConnection) {
  serve(answer("200 OK", {kJson}, kEmpty), Then::close);
  EXPECT_EQ(fetch().body, kEmpty);
}

TEST_F(ApiClientTest, CannotTellACutCloseDelimitedBodyFromAWholeOne) {
  serve(answer("200 OK", {kJson}, R"({"data":[)"), Then::close);
  EXPECT_EQ(fetch().body, R"({"data":[)") << "the parser proves that the document is whole";
}

TEST_F(ApiClientTest, TellsACutGzipOfMatchingLengthFromAWholeOne) {
  const std::string packed = gzipped(long_json());
  serve(json_answer(packed.substr(0, packed.size() / 2), {kGzip}));
  const auto fetched = fetch();
  EXPECT_EQ(fetched.failure, Failure::broken_answer);
  EXPECT_THAT(fetched.message, HasSubstr("': the gzip of the answer is cut or damaged; the request is repeated"));
}

TEST_F(ApiClientTest, HandsOverTheBytesAsTheyWereSent) {
  const std::string packed = gzipped(long_json());
  serve({{.bytes = json_answer(packed, {kGzip})}, {.bytes = json_answer(kEmpty)}});
  EXPECT_EQ(fetch().answer, packed);
  EXPECT_EQ(fetch().answer, kEmpty) << "the coding of the answer before is forgotten";
}

TEST_F(ApiClientTest, ReadsGzipByItsOldNameAndInSeveralMembers) {
  serve(json_answer(gzipped(R"({"data":)") + gzipped("[]}"), {"Content-Encoding: X-GZip"}));
  EXPECT_EQ(fetch().body, kEmpty);
}

TEST_F(ApiClientTest, NamesACodingThatItDidNotAskFor) {
  serve({{.bytes = json_answer(kEmpty, {"Content-Encoding: br"})},
         {.bytes = json_answer(gzipped(gzipped(kEmpty)), {kGzip, kGzip})}});
  EXPECT_THAT(fetch().message, HasSubstr("content encoding 'br'"));
  EXPECT_THAT(fetch().message, HasSubstr("content encoding 'gzip, gzip'"));
}

TEST_F(ApiClientTest, DecodesNoErrorAndNoPage) {
  constexpr const char* kPage = "Content-Type: text/html";
  serve({{.bytes = answer("503 Maintenance", {kPage, "Content-Encoding: br", length(2)}, "\x0b\x02")},
         {.bytes = answer("200 OK", {kPage, kGzip, length(4)}, "page")}});
  EXPECT_EQ(fetch().failure, Failure::server_error);
  EXPECT_EQ(fetch().failure, Failure::unauthorised);
  EXPECT_EQ(server().connections(), 1);
}

TEST_F(ApiClientTest, EveryCutOfAFramedAnswerFails) {
  constexpr std::string_view kBody = R"({"data":[{"u":{}}]})";
  // The line end behind the last chunk may be missing its last byte: by then everything has come.
  const std::string in_chunks = answer("200 OK", {kJson, kChunked}, chunked(kBody, 7));
  for (const std::string& whole : {in_chunks.substr(0, in_chunks.size() - 1), json_answer(kBody)}) {
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
      const bool has_a_line = cut >= std::string_view("HTTP/1.1 200 OK\r\n").size();
      EXPECT_EQ(failure_of(whole.substr(0, cut)), has_a_line ? Failure::broken_answer : Failure::unreachable) << cut;
    }
  }
}

TEST_F(ApiClientTest, ClassesBrokenTransfers) {
  const std::string packed = gzipped(long_json());
  std::string flipped = packed;
  flipped[packed.size() - 6] = static_cast<char>(flipped[packed.size() - 6] ^ 1);  // in the checksum
  const std::map<const char*, std::string> broken = {
      {"length longer than the body", answer("200 OK", {kJson, length(100)}, kEmpty)},
      {"bad chunk size", answer("200 OK", {kJson, kChunked}, "zz\r\n{}\r\n0\r\n\r\n")},
      {"chunk size beyond any number", answer("200 OK", {kJson, kChunked}, "fffffffffffffffff\r\n{}")},
      {"chunk longer than its size", answer("200 OK", {kJson, kChunked}, "2\r\n{}{}\r\n0\r\n\r\n")},
      {"bad checksum", json_answer(flipped, {kGzip})},
      {"garbage behind the gzip", json_answer(packed + "garbage", {kGzip})},
      {"plain text called gzip", json_answer(kEmpty, {kGzip})},
      {"gzip called nothing", json_answer(packed)},
      {"gzip of gzip", json_answer(gzipped(packed), {kGzip})},
      {"gzip of nothing", json_answer(gzipped(""), {kGzip})},
      {"unknown encoding", json_answer(kEmpty, {"Content-Encoding: rot13"})},
      {"two different lengths", answer("200 OK", {kJson, length(11), length(12)}, kEmpty)},
      {"no HTTP at all", "SSH-2.0-OpenSSH_9.2\r\n"},
      {"half a header", "HTTP/1.1 401 Unauthorized\r\nContent-Type: app"},
      {"a status of no sense", "HTTP/1.1 abc OK\r\n\r\n"},
      {"nothing in it", json_answer("")},
      {"nothing in it, as a web page", answer("200 OK", {"Content-Type: text/html", length(0)}, "")},
      {"no content", answer("204 No Content", {}, "")},
      {"a part", answer("206 Partial Content", {kJson, length(2), "Content-Range: bytes 0-1/9"}, "{}")},
      {"no type", answer("200 OK", {length(2)}, "{}")},
  };
  for (const auto& [name, bytes] : broken) EXPECT_EQ(failure_of(bytes), Failure::broken_answer) << name;
}

TEST_F(ApiClientTest, SkipsAHugeChunkExtension) {
  serve(answer("200 OK", {kJson, kChunked}, "b;x=" + std::string(1'000'000, 'y') + "\r\n" + kEmpty + "\r\n0\r\n\r\n"));
  const auto fetched = fetch();
  EXPECT_EQ(fetched.body, kEmpty);
  EXPECT_EQ(fetched.exchange.body_bytes, fetched.body.size());
}

TEST_F(ApiClientTest, ForgetsAnInterimAnswer) {
  serve("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + json_answer(kEmpty));
  EXPECT_EQ(fetch().body, kEmpty);
}

TEST_F(ApiClientTest, AResetBeforeAnyByteIsUnreachableAndLaterABrokenAnswer) {
  EXPECT_EQ(failure_of("", Then::reset), Failure::unreachable);
  EXPECT_EQ(failure_of("", Then::close), Failure::unreachable);
  EXPECT_EQ(failure_of("HTTP/1.1 200 OK\r\nContent-", Then::reset), Failure::broken_answer);
  EXPECT_EQ(failure_of(answer("200 OK", {kJson, length(99)}, kEmpty), Then::reset), Failure::broken_answer);
}

// --- limits

TEST_F(ApiClientTest, AcceptsExactlyTheLargestBodyAndNotAByteMore) {
  options_.max_response = 1000;
  serve({{.bytes = json_answer(std::string(1000, ' '))}, {.bytes = json_answer(std::string(1001, ' '))}});
  EXPECT_EQ(fetch().failure, std::nullopt);
  const auto past = fetch();
  EXPECT_EQ(past.failure, Failure::too_large);
  EXPECT_THAT(past.message, HasSubstr("api.max_response"));
}

TEST_F(ApiClientTest, AGzipBombEndsAtTheLimitAndInLittleMemory) {
  options_.max_response = 1 << 20;
  const std::string bomb = output_of("head -c 134217728 /dev/zero | gzip -nc");
  serve(answer("200 OK", {kJson, kGzip, kChunked}, chunked(bomb, 50'000)), Then::close);
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const auto fetched = fetch();
  getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(fetched.failure, Failure::too_large);
  EXPECT_LT(fetched.exchange.body_bytes, (1U << 20) + (1U << 19));
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 24 << 10) << "KiB";
}

TEST_F(ApiClientTest, ReadsNoMoreOfAnErrorThanItNeeds) {
  EXPECT_EQ(failure_of(answer("500 Oops", {kJson}, std::string(50'000'000, 'x'))), Failure::server_error);
  EXPECT_LT(fetch().exchange.body_bytes, 1'000'000U);
}

TEST_F(ApiClientTest, ShowsNothingOfAnErrorsBody) {
  serve(answer("500 Oops", {kJson}, R"({"message":"SQLSTATE[42000]: canary select * from users"})"), Then::close);
  EXPECT_THAT(fetch().message, Not(HasSubstr("SQLSTATE")));
}

TEST_F(ApiClientTest, BoundsTheHeader) {
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "X-" + std::to_string(i) + ": some longer value of a header line\r\n";
  EXPECT_EQ(failure_of("HTTP/1.1 200 OK\r\n" + many + "\r\n" + kEmpty), Failure::broken_answer);
  EXPECT_EQ(failure_of("HTTP/1.1 200 OK\r\nX: " + std::string(400'000, 'x') + "\r\n\r\n" + kEmpty),
            Failure::broken_answer);
  EXPECT_EQ(failure_of("HTTP/1.1 200 OK\r\nX: " + std::string(50'000'000, 'x')), Failure::broken_answer);
  EXPECT_EQ(failure_of(json_answer(kEmpty, {"X: " + std::string(10'000, 'x')})), std::nullopt);
}

// --- time

TEST_F(ApiClientTest, ASilentServerIsATimeOut) {
  options_.timeout = 200ms;
  serve("", Then::hang);
  const auto fetched = fetch();
  EXPECT_EQ(fetched.failure, Failure::timeout);
  EXPECT_GE(fetched.exchange.duration, 200ms);
  EXPECT_LT(fetched.exchange.duration, 2s);
}

TEST_F(ApiClientTest, AServerThatStopsMidwayIsATimeOut) {
  options_.timeout = 200ms;
  serve(answer("200 OK", {kJson, length(100)}, kEmpty), Then::hang);
  EXPECT_EQ(fetch().failure, Failure::timeout);
}

TEST_F(ApiClientTest, ASlowLorisIsATimeOut) {
  options_.low_speed_time = 1s;
  serve({{.bytes = json_answer(std::string(10'000, ' ')), .then = Then::close, .pace = 50ms}});
  const auto fetched = fetch();
  EXPECT_EQ(fetched.failure, Failure::timeout);
  EXPECT_LT(fetched.exchange.duration, 10s);
}

TEST_F(ApiClientTest, NobodyListeningIsUnreachable) {
  options_.base_url = "http://127.0.0.1:" + std::to_string(free_port());
  const auto fetched = fetch();
  EXPECT_EQ(fetched.failure, Failure::unreachable);
  EXPECT_EQ(fetched.exchange.status, 0);
}

TEST_F(ApiClientTest, ANameThatDoesNotExistIsUnreachable) {
  options_.base_url = "https://no-such-host.invalid";
  EXPECT_EQ(fetch().failure, Failure::unreachable);
}

TEST_F(ApiClientTest, ARequestToStopEndsAnyWaitAtOnce) {
  for (const std::string& begun : {std::string(), answer("200 OK", {kJson, length(100)}, kEmpty)}) {
    serve(begun, Then::hang);
    options_.base_url = server().url();
    const auto client = make_api_client(options_, kToken);
    std::stop_source stop;
    std::chrono::steady_clock::time_point asked;
    std::jthread stopper([&] {
      while (server().requests().empty()) std::this_thread::sleep_for(1ms);
      asked = std::chrono::steady_clock::now();
      stop.request_stop();
    });
    Answer unfinished;
    Exchange exchange;
    EXPECT_THROW(client->fetch(kAsked, unfinished, exchange, stop.get_token()), Stopped);
    stopper.join();
    EXPECT_LT(std::chrono::steady_clock::now() - asked, 100ms);
  }
}

TEST_F(ApiClientTest, AsksNothingWhenItIsAlreadyStopped) {
  serve(json_answer(kEmpty));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(fetch(stop.get_token()), Stopped);
  EXPECT_TRUE(server().requests().empty());
}

TEST_F(ApiClientTest, WorksAgainAfterAStop) {
  serve({{.bytes = "", .then = Then::hang}, {.bytes = json_answer(kEmpty)}});
  std::stop_source stop;
  const std::jthread stopper([&] {
    while (server().requests().empty()) std::this_thread::sleep_for(1ms);
    stop.request_stop();
  });
  EXPECT_THROW(fetch(stop.get_token()), Stopped);
  EXPECT_EQ(fetch().body, kEmpty);
}

}  // namespace
}  // namespace odetl::test
