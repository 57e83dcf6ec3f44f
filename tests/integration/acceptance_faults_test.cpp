#include "tests/integration/acceptance_fixture.hpp"

// What goes wrong on the wire, at the database and in the configuration.
namespace odetl::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kFrom = "2024-03-01T00:00:00Z";
const std::string kTo = "2024-03-03T00:00:00Z";

void converse(simulator::Tenant& tenant) {
  tenant.generate({.seed = 5, .from = second("2024-02-29"), .to = second("2024-03-04"), .rows = 1'000});
}

struct Passing {
  const char* name;
  const char* fault;
  const char* endpoint = "public";
};

class PassingFault : public testing::TestWithParam<Passing> {};

TEST_P(PassingFault, Guarantee5OnlyWholeAnswersForTheWindowCount) {
  Installation odetl;
  converse(odetl.tenant);
  odetl.configure("api.endpoint", GetParam().endpoint);
  odetl.configure("api.timeout", "2s");
  odetl.fault(GetParam().fault);
  ASSERT_TRUE(ended(odetl.backfill(kFrom, kTo, {"--window", "12h"}), 0));
  EXPECT_THAT(odetl.differences_in(kFrom, kTo), IsEmpty());
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.rejected_records"), "0");
  EXPECT_EQ(odetl.server.faults().standing().at(0).struck, 1U);
}

INSTANTIATE_TEST_SUITE_P(
    Acceptance, PassingFault,
    testing::Values(Passing{"ServerError", "status code=500"}, Passing{"BadGateway", "status code=502"},
                    Passing{"Unavailable", "status code=503"}, Passing{"GatewayTimeout", "status code=504"},
                    Passing{"CutChunked", "truncate how=chunked"}, Passing{"CutDocument", "truncate how=document"},
                    Passing{"CutWithLength", "truncate how=length"}, Passing{"ShortOfLength", "truncate how=short"},
                    Passing{"CutGzip", "truncate how=gzip"}, Passing{"CutByClose", "truncate how=close"},
                    Passing{"CutAtTheLastByte", "truncate how=close at=60"}, Passing{"Reset", "reset"},
                    Passing{"ResetMidBody", "reset-mid-body"}, Passing{"EmptyBody", "empty-body"},
                    Passing{"WrongContentType", "content-type text=text%2Fplain"},
                    Passing{"Garbage", "garbage text=%7B%7D"}, Passing{"GarbageText", "garbage text=x"},
                    Passing{"CorruptGzip", "bad-gzip how=corrupt"}, Passing{"GzipChecksum", "bad-gzip how=crc"},
                    Passing{"GzipThatIsPlain", "bad-gzip how=plain"}, Passing{"GzipTwice", "bad-gzip how=double"},
                    Passing{"UnknownEncoding", "bad-gzip how=unasked"}, Passing{"BadChunk", "bad-chunk text=zz"},
                    Passing{"BlackHole", "black-hole"}, Passing{"RowOutsideTheWindow", "strange-row"},
                    Passing{"AllRows", "ignore-bounds"}, Passing{"AnotherWindow", "other-window shift=43200"},
                    Passing{"WrongEchoOnLegacy", "wrong-echo", "legacy"},
                    Passing{"WrongEchoOnPath", "wrong-echo", "path"}, Passing{"NoData", "body text=%7B%7D"},
                    Passing{"DataIsNoList", "body text=%7B%22data%22%3A%7B%7D%7D"}),
    [](const auto& passing) { return passing.param.name; });

// A login page comes as a 200 as well: the token is to blame, and a human must look.
TEST(Faults, Guarantee5AWebPageInPlaceOfAnAnswerEndsWith77AndCountsAsNothing) {
  Installation odetl;
  converse(odetl.tenant);
  odetl.fault("html skip=1");
  EXPECT_TRUE(ended(odetl.backfill(kFrom, kTo, {"--window", "12h"}), 77));
  ASSERT_TRUE(ended(odetl.backfill(kFrom, kTo, {"--window", "12h"}), 0));
  EXPECT_THAT(odetl.differences_in(kFrom, kTo), IsEmpty());
}

struct Waiting {
  const char* name;
  const char* fault;
  std::chrono::milliseconds wait;
};

class RetryAfter : public testing::TestWithParam<Waiting> {};

TEST_P(RetryAfter, IsHonouredByAllWorkers) {
  Installation odetl;
  converse(odetl.tenant);
  odetl.fault(GetParam().fault);
  ASSERT_TRUE(ended(odetl.backfill(kFrom, kTo, {"--window", "6h", "--workers", "1"}), 0));
  const auto requests = odetl.server.requests();
  const auto refused =
      std::find_if(requests.begin(), requests.end(), [](const auto& request) { return request.status != 200; });
  ASSERT_NE(refused, requests.end());
  ASSERT_NE(refused + 1, requests.end());
  EXPECT_GE((refused + 1)->received - refused->received, GetParam().wait);
  EXPECT_THAT(odetl.differences_in(kFrom, kTo), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Acceptance, RetryAfter,
                         testing::Values(Waiting{"Throttled", "status code=429 retry_after=2 skip=2", 2s},
                                         Waiting{"Maintenance", "status code=503 retry_after=2", 2s}),
                         [](const auto& waiting) { return waiting.param.name; });

TEST(Faults, AThrottleIsNeverRunInto) {
  Installation odetl({}, {.rate_limit = 20});
  converse(odetl.tenant);
  // The clock of the throttle stands still: its minute never passes.
  const auto backfill = odetl.start({"backfill", "--from", kFrom, "--to", kTo, "--window", "1h"});
  EXPECT_TRUE(eventually([&] { return odetl.server.request_count() >= 10; }));
  EXPECT_FALSE(eventually([&] { return odetl.server.request_count() > 20; }, 1s));
  for (const auto& request : odetl.server.requests()) EXPECT_EQ(request.status, 200);
  backfill->kill(SIGTERM);
  EXPECT_EQ(backfill->wait(2s), (ExitStatus{0, 0}));
}

TEST(Faults, Guarantee9ARedirectIsNotFollowedAndTheTokenGoesNowhereElse) {
  simulator::Tenant other_tenant;
  simulator::Server elsewhere(other_tenant, {});
  Installation odetl;
  odetl.fault("redirect next=0 text=" + elsewhere.url() + "/public/api/user-interactions");
  const RunResult result = odetl.backfill(kFrom, kTo);
  EXPECT_TRUE(ended(result, 77));
  EXPECT_EQ(elsewhere.connections(), 0U);
}

TEST(Faults, ARefusedTokenEndsWith77) {
  Installation odetl;
  odetl.write_token("no-longer-valid");
  const RunResult backfill = odetl.backfill(kFrom, kTo);
  EXPECT_TRUE(ended(backfill, 77));
  EXPECT_THAT(backfill.err, HasSubstr("401"));
  odetl.configure("windows.start", iso(ago(1h)));
  EXPECT_TRUE(ended(odetl.etl({"run", "--once"}), 77));
}

TEST(Faults, AnUnknownAddressEndsWith78) {
  Installation odetl({}, {.endpoints = simulator::Endpoints::legacy});
  const RunResult result = odetl.backfill(kFrom, kTo);
  EXPECT_TRUE(ended(result, 78));
  EXPECT_THAT(result.err, HasSubstr("404"));
}

TEST(Faults, WhatNeverAnswersIsGivenUpWithinSeconds) {
  Installation away;
  away.configure("api.base_url", "http://127.0.0.1:" + std::to_string(free_port()));
  Installation broken;
  broken.fault("status code=500 next=0");
  const auto begun = std::chrono::steady_clock::now();
  const auto one = away.start({"backfill", "--from", kFrom, "--to", kTo});
  const auto other = broken.start({"backfill", "--from", kFrom, "--to", kTo});
  EXPECT_EQ(one->wait(30s).code, 69) << one->err();
  EXPECT_EQ(other->wait(30s).code, 75) << other->err();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 20s);
  EXPECT_EQ(broken.sql("SELECT poisoned FROM opendialog.stream_state"), "{}");
}

TEST(Faults, ADatabaseThatIsAwayEndsWith69) {
  Installation odetl;
  odetl.configure("warehouse.dsn", "postgresql://nobody@127.0.0.1:" + std::to_string(free_port()) + "/nothing");
  for (const auto& command : std::vector<std::vector<std::string>>{
           {"backfill", "--from", kFrom, "--to", kTo}, {"run", "--once"}, {"status"}, {"migrate"}, {"check"}}) {
    EXPECT_TRUE(ended(odetl.etl(command), 69)) << command.front();
  }
}

TEST(Faults, ADatabaseThatGoesAwayMeanwhileIsWaitedFor) {
  Installation odetl;
  converse(odetl.tenant);
  odetl.fault("none next=0 delay_ms=20");
  const auto backfill = odetl.start({"backfill", "--from", kFrom, "--to", kTo, "--window", "30m"});
  EXPECT_TRUE(eventually([&] { return odetl.server.request_count() > 10; }));
  cluster().restart(StopMode::immediate);
  EXPECT_EQ(backfill->wait(), (ExitStatus{0, 0})) << backfill->err();
  EXPECT_THAT(odetl.differences_in(kFrom, kTo), IsEmpty());
}

TEST(Faults, ADatabaseThatIsAwayCostsTheApiNoRequests) {
  Installation odetl;
  converse(odetl.tenant);
  odetl.fault("none next=0 delay_ms=20");
  const auto backfill = odetl.start({"backfill", "--from", kFrom, "--to", kTo, "--window", "30m", "--workers", "2"});
  EXPECT_TRUE(eventually([&] { return odetl.server.request_count() > 10; }));
  cluster().stop();
  // Each worker has a batch that waits to be loaded, and one behind it.
  const auto before = odetl.server.request_count();
  EXPECT_FALSE(eventually([&] { return odetl.server.request_count() > before + 4; }, 3s));
  cluster().start();
  EXPECT_EQ(backfill->wait(), (ExitStatus{0, 0})) << backfill->err();
  EXPECT_THAT(odetl.differences_in(kFrom, kTo), IsEmpty());
}

TEST(Faults, ARoleWithoutRightsEndsWith77) {
  Installation odetl;
  odetl.sql("DO $$ BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  odetl.configure("warehouse.dsn", '"' + odetl.database + " user=stranger\"");
  EXPECT_TRUE(ended(odetl.backfill(kFrom, kTo), 77));
  odetl.configure("warehouse.dsn", '"' + odetl.database + " user=nobody_knows\"");
  EXPECT_TRUE(ended(odetl.backfill(kFrom, kTo), 77));
}

// --- what must never be seen

// All that the program says while all kinds of things go wrong, at its most talkative.
TEST(Faults, Guarantee9NeitherTokenNorPersonalTextIsEverTold) {
  const std::string token = "canary-token-5f1c", text = "canary-text-77aa", address = "canary@example.org";
  Installation odetl({}, {.token = token});
  odetl.configure("log.level", "trace");
  odetl.configure("windows.start", iso(ago(1h)));
  odetl.configure("windows.poll_interval", "1s");
  odetl.configure("windows.settle", "0s");
  const int port = free_port();
  odetl.configure("http.listen", "127.0.0.1:" + std::to_string(port));
  const Second when = ago(5min);
  const std::string profile = R"({"first_name":")" + text + R"(","email":")" + address + R"("})";
  odetl.tenant.add(
      {.user_id = address, .at = when, .text = text, .data = "{\"value\":\"" + text + "\"}", .profile = profile});
  odetl.tenant.add({.user_id = address,
                    .at = when,
                    .profile = profile,
                    .verbatim = R"({"type":"text","date":")" + text + R"(","text":"","data":null})"});
  odetl.tenant.add({.user_id = address, .at = when, .profile = profile, .verbatim = "\"" + text + "\""});
  for (const std::string& fault :
       {"body code=500 text=" + token + "%20" + text, "body code=200 text=" + text,
        std::string("truncate how=document at=300"), "redirect text=http:%2F%2Fexample.org%2F" + token,
        "body code=422 text=%7B%22message%22%3A%22" + token + "%22%7D", std::string("garbage text=canary-text-77aa")}) {
    odetl.fault(fault);
  }
  std::string said;
  const auto listen = [&](const RunResult& result) { said += result.out + result.err; };
  const std::string from = iso(ago(10min)), to = iso(ago(1min));
  for (int i = 0; i < 6; ++i) listen(odetl.backfill(from, to));
  listen(odetl.etl({"check"}));
  listen(odetl.etl({"status"}));
  listen(odetl.etl({"status", "--json"}));
  listen(odetl.etl({"run", "--once"}));
  const auto daemon = odetl.start({"run"});
  ASSERT_TRUE(eventually([&] { return http_get(port, "/readyz").status == 200; }));
  said += http_get(port, "/metrics").body + http_get(port, "/status.json").body + http_get(port, "/readyz").body;
  daemon->kill(SIGTERM);
  daemon->wait();
  said += daemon->out() + daemon->err();

  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.interactions WHERE text = '" + text + "'"), "1");
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.rejected_records"), "2");
  EXPECT_THAT(said, HasSubstr("window_loaded"));
  for (const std::string& canary : {token, text, address}) {
    const auto found = said.find(canary);
    EXPECT_EQ(found, std::string::npos) << said.substr(found < 200 ? 0 : found - 200, 300);
  }
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.window_log WHERE error LIKE '%canary%'"), "0");
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.rejected_records WHERE reason LIKE '%canary%'"), "0");
}

}  // namespace
}  // namespace odetl::test
