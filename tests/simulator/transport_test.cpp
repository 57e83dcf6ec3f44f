#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/simulator/bench.hpp"

namespace odetl::simulator {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(SimulatorTransport, ARefusedBrowserIsSentToTheLoginPage) {
  Bench bench;
  const Reply reply = bench.all("Accept: text/html, application/json\r\n");
  EXPECT_EQ(reply.status, 302);
  EXPECT_EQ(reply.headers.at("location"), bench.server.url() + "/login");
  const Reply login = bench.send("GET /login");
  EXPECT_EQ(login.status, 200);
  EXPECT_THAT(login.headers.at("content-type"), StartsWith("text/html"));
  EXPECT_EQ(bench.send("GET /api/user-interactions", "Authorization: Bearer simulator-token\r\n").status, 302);
}

TEST(SimulatorTransport, HeadersAreThoseOfTheRealServer) {
  Bench bench;
  bench.tenant.clock().stand_at(at("2026-11-22 07:54:44"));
  std::string expected = sample("r_empty.headers.txt");
  for (const auto& [name, value] : bench.window("2023-01-01", "2023-01-02").headers) {
    if (name == "date") {
      EXPECT_EQ(value, "Sun, 22 Nov 2026 07:54:44 GMT");
    } else {
      EXPECT_THAT(expected, HasSubstr(": " + value)) << name;
    }
  }
}

TEST(SimulatorTransport, OneConnectionServesManyRequestsPlainAndCompressed) {
  Bench bench;
  bench.tenant.add(message("u", "2024-01-01", "hello"));
  RawClient client(bench.server.port());
  const std::string request = "GET " + Bench::target("2024-01-01", "2024-01-02") + " HTTP/1.1\r\n" + kAsk;
  const Reply plain = client.exchange(request + "\r\n");
  const Reply compressed = client.exchange(request + "Accept-Encoding: gzip\r\n\r\n");
  EXPECT_EQ(plain.headers.at("transfer-encoding"), "chunked");
  EXPECT_EQ(compressed.headers.at("content-encoding"), "gzip");
  EXPECT_EQ(gunzip(compressed.body), plain.body);
  EXPECT_EQ(bench.server.connections(), 1U);
}

TEST(SimulatorTransport, AKeptAnswerIsTheSameWhereverItIsShuffled) {
  ServerOptions options;
  options.keep_answers = true;
  Bench bench({.order = Order::shuffled}, options);
  for (int n = 0; n < 50; ++n) bench.tenant.add(message('u' + std::to_string(n), "2024-01-01 10:00:00", "hello"));
  const Reply zipped = bench.all(std::string(kAsk) + "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(zipped.headers.at("content-encoding"), "gzip");
  EXPECT_EQ(bench.all(std::string(kAsk) + "Accept-Encoding: gzip\r\n").body, zipped.body);
  const Reply plain = bench.all();
  EXPECT_EQ(plain.headers.count("content-encoding"), 0U);
  EXPECT_EQ(bench.all().body, plain.body);
  EXPECT_NE(gunzip(zipped.body), plain.body);
  EXPECT_EQ(bench.all("Authorization: Bearer wrong\r\nAccept: application/json\r\n").status, 401);
  EXPECT_EQ(bench.window("2023-01-01", "2023-01-02").body, R"({"data":[]})");
}

TEST(SimulatorTransport, ARotatedTokenKillsTheOldOne) {
  Bench bench;
  bench.server.set_token("fresh");
  EXPECT_EQ(bench.all().status, 401);
  EXPECT_EQ(bench.all("Authorization: Bearer fresh\r\nAccept: application/json\r\n").status, 200);
}

TEST(SimulatorControl, FaultsAreSetAndRemovedOverHttp) {
  FaultBench bench;
  EXPECT_EQ(bench.send("POST /_simulator/faults", kAsk, "status code=503 next=0\nhtml\n").body, "{\"added\":2}\n");
  EXPECT_EQ(bench.hour().status, 503);
  EXPECT_THAT(bench.send("GET /_simulator/faults").body, HasSubstr(R"("kind":"status","next":0,"skip":0,"seen":1)"));
  bench.send("DELETE /_simulator/faults");
  EXPECT_EQ(bench.hour().status, 200);
  const Reply refused = bench.send("POST /_simulator/faults", kAsk, "html\nexplode\n");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("explode"));
  EXPECT_EQ(bench.hour().body, bench.whole);
}

TEST(SimulatorControl, RowsAreAddedToldAndRemovedOverHttp) {
  Bench bench;
  const std::string row = "user_id=447700900123&at=2024-01-01T10:00:00.25Z&text=a%2Fb&data=%7B%221%22:2%7D\n";
  EXPECT_EQ(bench.send("POST /_simulator/rows", "", row).body, "[0]\n");
  EXPECT_EQ(bench.send("GET /_simulator/rows?from=2024-01-01&to=2024-01-02").body,
            R"({"row":0,"user_id":"447700900123","user_id_lost":true,"occurred_at":"2024-01-01T10:00:00.000000Z",)"
            R"("type":"text","date":"2024-01-01T10:00:00.000000Z","text":"a\/b","data":[2]})"
            "\n");
  EXPECT_EQ(bench.send("DELETE /_simulator/rows?id=0").status, 200);
  EXPECT_EQ(bench.send("DELETE /_simulator/rows?id=0").status, 404);
}

TEST(SimulatorControl, SettingsChangeWhileItRuns) {
  FaultBench bench;
  bench.send("POST /_simulator/settings", "", "poison=2024-01-01T10:00:00Z&clock_at=2024-01-02");
  const Reply reply = bench.hour();
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.headers.at("date"), "Tue, 02 Jan 2024 00:00:00 GMT");
  EXPECT_EQ(bench.send("POST /_simulator/settings", "", "volume=11").status, 400);
}

TEST(SimulatorControl, EveryApiRequestIsRecordedAndNoOther) {
  FaultBench bench;
  bench.server.forget_requests();
  bench.struck_by("status code=503");
  bench.send("GET /_simulator/summary");
  bench.hour("Authorization: Bearer stale\r\nAccept: application/json\r\n");
  const auto records = bench.server.requests();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].from, "2024-01-01 10:00:00");
  EXPECT_EQ(records[0].fault, "status");
  EXPECT_EQ(records[0].status, 503);
  EXPECT_EQ(records[1].credential, Credential::wrong);
  const std::string told = bench.send("GET /_simulator/requests").body;
  EXPECT_THAT(told, HasSubstr("\"credential\":\"wrong\""));
  EXPECT_THAT(told, Not(HasSubstr("stale")));
}

}  // namespace
}  // namespace odetl::simulator
