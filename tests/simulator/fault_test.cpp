#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/simulator/bench.hpp"

namespace odetl::simulator {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using End = Reply::End;

constexpr const char* kCompressed =
    "Authorization: Bearer simulator-token\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\n";

TEST(SimulatorFault, StrikesSoManyRequestsAndThenNoMore) {
  FaultBench bench;
  bench.server.faults().add(
      read_fault("status code=503 retry_after=Fri,%2031%20Dec%201999%2023:59:59%20GMT next=2 skip=1"));
  std::vector<int> seen;
  for (int n = 0; n < 4; ++n) seen.push_back(bench.hour().status);
  EXPECT_THAT(seen, testing::ElementsAre(200, 503, 503, 200));
  EXPECT_EQ(bench.struck_by("status code=503 retry_after=-5").headers.at("retry-after"), "-5");
  EXPECT_EQ(bench.struck_by("status code=503").headers.count("retry-after"), 0U);
}

TEST(SimulatorFault, StrikesOnlyWhatItsConditionsName) {
  const std::vector<std::tuple<std::string, bool>> cases{{"status containing=2024-01-01T10:00:00Z", true},
                                                         {"status containing=2024-01-01T11:00:00Z", true},
                                                         {"status containing=2024-01-01T11:00:01Z", false},
                                                         {"status wider_than=3599", true},
                                                         {"status wider_than=3600", false},
                                                         {"status rows_over=19", true},
                                                         {"status rows_over=20", false},
                                                         {"status rows_over=19 wider_than=3600", false}};
  FaultBench bench;
  for (const auto& [line, strikes] : cases) EXPECT_EQ(bench.struck_by(line).status, strikes ? 500 : 200) << line;
}

TEST(SimulatorFault, StatusBodiesComeFromTheServerOrItsProxy) {
  FaultBench bench;
  EXPECT_EQ(bench.struck_by("status code=401").body, "{\"message\":\"Unauthenticated.\"}");
  EXPECT_THAT(bench.struck_by("status code=502").body, HasSubstr("<h1>502 Bad Gateway</h1>"));
  EXPECT_EQ(bench.struck_by("status code=204").status, 204);
}

TEST(SimulatorFault, ACutBodyEndsAsTheCutSays) {
  struct Case {
    const char* how;
    End end;
    const char* framing;  // the header that says it, "" for none
  };
  const std::vector<Case> cases{{"chunked", End::closed, "transfer-encoding"},
                                {"document", End::complete, "transfer-encoding"},
                                {"length", End::complete, "content-length"},
                                {"short", End::closed, "content-length"},
                                {"close", End::closed, ""}};
  FaultBench bench;
  for (const Case& c : cases) {
    Reply reply = bench.struck_by(std::string("truncate at=100 how=") + c.how);
    EXPECT_EQ(reply.status, 200) << c.how;
    EXPECT_EQ(reply.end, c.end) << c.how;
    EXPECT_EQ(reply.body, bench.whole.substr(0, 100)) << c.how;
    for (const char* name : {"transfer-encoding", "content-length"}) {
      EXPECT_EQ(reply.headers[name].empty(), std::string(name) != c.framing) << c.how;
    }
  }
}

TEST(SimulatorFault, ACutGzipStreamHasALengthThatMatches) {
  FaultBench bench;
  Reply reply = bench.struck_by("truncate how=gzip", kCompressed);
  EXPECT_EQ(reply.end, End::complete);
  EXPECT_EQ(reply.headers["content-encoding"], "gzip");
  const std::string text = gunzip(reply.body);
  EXPECT_LT(text.size(), bench.whole.size());
  EXPECT_EQ(text, bench.whole.substr(0, text.size()));
}

TEST(SimulatorFault, ACutCanFallOnEveryByte) {
  FaultBench bench;
  bench.whole.resize(300);
  for (std::size_t at = 0; at <= bench.whole.size(); ++at) {
    const Reply reply = bench.struck_by("truncate how=length at=" + std::to_string(at));
    ASSERT_EQ(reply.body, bench.whole.substr(0, at));
  }
}

TEST(SimulatorFault, AResetComesInPlaceOfTheAnswerOrInItsMiddle) {
  FaultBench bench;
  const Reply before = bench.struck_by("reset");
  EXPECT_EQ(before.end, End::reset);
  EXPECT_EQ(before.status, 0);
  const Reply middle = bench.struck_by("reset-mid-body at=50");
  EXPECT_NE(middle.end, End::complete);
  EXPECT_LE(middle.body.size(), 50U);
}

TEST(SimulatorFault, ABlackHoleKeepsTheConnectionAndSaysNothing) {
  FaultBench bench;
  bench.server.faults().add(read_fault("black-hole"));
  RawClient client(bench.server.port());
  const std::string request = "GET " + Bench::target("2024-01-01", "2024-01-02") + " HTTP/1.1\r\n" + kAsk + "\r\n";
  const Reply reply = client.exchange(request, std::chrono::milliseconds(50));
  EXPECT_EQ(reply.end, End::silent);
  EXPECT_EQ(reply.status, 0);
}

TEST(SimulatorFault, LateAndSlowAnswersTakeTheTimeTheyAreGiven) {
  FaultBench bench;
  const auto time = [&](const std::string& line) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(bench.struck_by(line).body, bench.whole);
    return std::chrono::steady_clock::now() - start;
  };
  EXPECT_GE(time("none delay_ms=120"), std::chrono::milliseconds(120));
  const std::size_t rate = bench.whole.size() * 5;  // a fifth of a second
  EXPECT_GE(time("none bytes_per_second=" + std::to_string(rate)), std::chrono::milliseconds(150));
}

TEST(SimulatorFault, AnAnswerCanLieAboutItself) {
  FaultBench bench;
  EXPECT_THAT(bench.struck_by("html").body, StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(bench.struck_by("empty-body").body, IsEmpty());
  EXPECT_EQ(bench.struck_by("empty-list").body, "{\"data\":[]}");
  EXPECT_EQ(bench.struck_by("content-type text=text/plain").headers.at("content-type"), "text/plain");
  EXPECT_EQ(bench.struck_by("garbage text={}").body, bench.whole + "{}");
  EXPECT_EQ(bench.struck_by("body text=[[[ code=206").body, "[[[");
  EXPECT_EQ(bench.struck_by("padding at=5000").body, std::string(5000, ' ') + bench.whole);
  EXPECT_NE(bench.struck_by("bad-chunk text=zz").body, bench.whole);
  EXPECT_EQ(bench.struck_by("headers at=5000").headers.count("x-padding-4"), 1U);
}

TEST(SimulatorFault, AnAnswerCanBeForAnotherWindow) {
  FaultBench bench;
  const std::string echo = R"("from":"2024-01-01T10:00:00.000000Z","to":"2024-01-01T11:00:00.000000Z")";
  const std::string shifted = R"("from":"2024-01-01T11:00:00.000000Z","to":"2024-01-01T12:00:00.000000Z")";
  EXPECT_THAT(bench.struck_by("wrong-echo").body, testing::AllOf(HasSubstr("hello"), HasSubstr(shifted)));
  EXPECT_THAT(bench.struck_by("other-window").body, testing::AllOf(HasSubstr("later"), HasSubstr(shifted)));
  EXPECT_THAT(bench.struck_by("ignore-bounds").body, testing::AllOf(HasSubstr("later"), HasSubstr(echo)));
  EXPECT_THAT(bench.struck_by("strange-row").body,
              HasSubstr(R"("date":"2024-01-01T12:00:00.000000Z","text":"strange")"));
  EXPECT_EQ(occurrences(bench.struck_by("cap at=7").body, "\"type\""), 7U);
}

TEST(SimulatorFault, ARedirectGoesWhereItIsTold) {
  FaultBench bench;
  const Reply reply = bench.struck_by("redirect text=http://169.254.169.254/ code=307");
  EXPECT_EQ(reply.status, 307);
  EXPECT_EQ(reply.headers.at("location"), "http://169.254.169.254/");
}

TEST(SimulatorFault, GzipIsBrokenInTheWayNamed) {
  FaultBench bench;
  EXPECT_EQ(bench.struck_by("bad-gzip how=plain").body, bench.whole);
  EXPECT_NE(gunzip(bench.struck_by("bad-gzip how=corrupt").body), bench.whole);
  EXPECT_EQ(gunzip(bench.struck_by("bad-gzip how=crc").body), bench.whole);
  EXPECT_EQ(gunzip(gunzip(bench.struck_by("bad-gzip how=double").body)), bench.whole);
  EXPECT_THAT(bench.struck_by("bad-gzip how=trailing").body, EndsWith("trailing"));
  EXPECT_EQ(bench.struck_by("bad-gzip how=unasked").headers.at("content-encoding"), "br");
}

TEST(SimulatorFault, ABombIsSmallOnTheWire) {
  FaultBench bench;
  const Reply reply = bench.struck_by("padding at=50000000", kCompressed);
  EXPECT_LT(reply.body.size(), 1'000'000U);
  EXPECT_EQ(gunzip(reply.body).size(), 50'000'000 + bench.whole.size());
}

TEST(SimulatorFault, AScriptIsRefusedWithTheWordItStumblesOn) {
  for (const char* line : {"", "explode", "status code=many", "status colour=red", "status next", "truncate how=nicely",
                           "status containing=tomorrow"}) {
    EXPECT_THROW(read_fault(line), std::invalid_argument) << line;
  }
}

}  // namespace
}  // namespace odetl::simulator
