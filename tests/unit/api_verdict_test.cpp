#include "etl/api_verdict.hpp"

#include <curl/curl.h>
#include <gtest/gtest.h>

namespace odetl {
namespace {

std::optional<Failure> failure_of(const Outcome& outcome) {
  const auto verdict = judge(outcome);
  if (!verdict) return {};
  return verdict->failure;
}

/// A whole answer with a body.
Outcome answer(int status, const std::string& content_type = "application/json") {
  Outcome outcome;
  outcome.connected = true;
  outcome.wire_bytes = 200;
  outcome.body_bytes = 11;
  outcome.header.complete = true;
  outcome.header.status = status;
  outcome.header.content_type = content_type;
  return outcome;
}

// --- the status

struct Status {
  int status;
  std::optional<Failure> failure;
};

class JudgeStatus : public testing::TestWithParam<Status> {};

TEST_P(JudgeStatus, ClassesItByWhatToDo) { EXPECT_EQ(failure_of(answer(GetParam().status)), GetParam().failure); }

INSTANTIATE_TEST_SUITE_P(
    Rows, JudgeStatus,
    testing::Values(Status{200, {}}, Status{101, Failure::broken_answer}, Status{201, Failure::broken_answer},
                    Status{204, Failure::broken_answer}, Status{206, Failure::broken_answer},
                    Status{302, Failure::refused}, Status{304, Failure::refused}, Status{400, Failure::too_large},
                    Status{401, Failure::unauthorised}, Status{402, Failure::refused},
                    Status{403, Failure::unauthorised}, Status{404, Failure::refused}, Status{405, Failure::refused},
                    Status{407, Failure::refused}, Status{408, Failure::timeout}, Status{410, Failure::refused},
                    Status{413, Failure::too_large}, Status{414, Failure::too_large}, Status{418, Failure::refused},
                    Status{422, Failure::refused}, Status{425, Failure::throttled}, Status{429, Failure::throttled},
                    Status{500, Failure::server_error}, Status{501, Failure::server_error},
                    Status{502, Failure::server_error}, Status{503, Failure::server_error},
                    Status{504, Failure::timeout}, Status{507, Failure::server_error},
                    Status{509, Failure::server_error}, Status{600, Failure::broken_answer},
                    Status{999, Failure::broken_answer}),
    [](const auto& row) { return "Http" + std::to_string(row.param.status); });

TEST(Judge, A503ThatSaysWhenIsAThrottle) {
  auto outcome = answer(503);
  outcome.header.retry_after = "60";
  EXPECT_EQ(failure_of(outcome), Failure::throttled);
}

TEST(Judge, A503ThatSaysNothingOfUseIsAServerError) {
  for (const char* garbage : {"", "soon", "1.5", "+60"}) {
    auto outcome = answer(503);
    outcome.header.retry_after = garbage;
    EXPECT_EQ(failure_of(outcome), Failure::server_error) << garbage;
  }
}

TEST(Judge, ARedirectIsATokenThatIsNotAcceptedAndShowsOnlyTheHost) {
  for (const int status : {300, 301, 302, 303, 307, 308}) {
    auto outcome = answer(status, "text/html");
    outcome.header.location = "https://login.example/x?token=secret";
    const auto verdict = judge(outcome);
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->failure, Failure::unauthorised);
    EXPECT_NE(verdict->cause.find("login.example"), std::string::npos) << verdict->cause;
    EXPECT_EQ(verdict->cause.find("secret"), std::string::npos) << verdict->cause;
  }
}

TEST(Judge, AnErrorStatusCountsHoweverItsBodyEnds) {
  for (const int code : {CURLE_PARTIAL_FILE, CURLE_WRITE_ERROR, CURLE_OPERATION_TIMEDOUT, CURLE_BAD_CONTENT_ENCODING}) {
    auto outcome = answer(401);
    outcome.curl_code = code;
    EXPECT_EQ(failure_of(outcome), Failure::unauthorised) << code;
  }
}

TEST(Judge, AStatusWithoutItsWholeHeaderDoesNotCount) {
  auto outcome = answer(401);
  outcome.header.complete = false;
  outcome.curl_code = CURLE_RECV_ERROR;
  EXPECT_EQ(failure_of(outcome), Failure::broken_answer);
  outcome.curl_code = CURLE_OK;
  EXPECT_EQ(failure_of(outcome), Failure::broken_answer);
}

TEST(Judge, EveryCauseNamesTheStatus) {
  for (const int status : {204, 304, 400, 401, 404, 408, 429, 500, 503, 504}) {
    EXPECT_NE(judge(answer(status))->cause.find(std::to_string(status)), std::string::npos) << status;
  }
}

// --- the content of a 200

TEST(Judge, AWebPageForA200IsATokenThatIsNotAccepted) {
  EXPECT_EQ(failure_of(answer(200, "text/html; charset=UTF-8")), Failure::unauthorised);
}

TEST(Judge, A200WithNothingInItIsBrokenWhateverItsType) {
  for (const char* type : {"text/html", "application/json", "", "text/plain"}) {
    auto outcome = answer(200, type);
    outcome.body_bytes = 0;
    EXPECT_EQ(failure_of(outcome), Failure::broken_answer) << type;
  }
}

TEST(Judge, A200OfAnyOtherTypeIsBroken) {
  for (const char* type : {"", "text/plain", "application/octet-stream", "application/pdf"}) {
    EXPECT_EQ(failure_of(answer(200, type)), Failure::broken_answer) << type;
  }
  EXPECT_EQ(failure_of(answer(200, "application/vnd.api+json")), std::nullopt);
}

TEST(Judge, A200OfAnotherCodingThanWasAskedForIsBrokenAndNamed) {
  auto outcome = answer(200);
  for (const char* asked_for : {"", "gzip", "x-gzip", "identity"}) {
    outcome.header.content_encoding = asked_for;
    EXPECT_EQ(failure_of(outcome), std::nullopt) << asked_for;
  }
  for (const std::string other : {"br", "deflate", "zstd", "gzip, gzip", "rot13\x1b"}) {
    outcome.header.content_encoding = other;
    EXPECT_EQ(failure_of(outcome), Failure::broken_answer) << other;
    EXPECT_NE(judge(outcome)->cause.find("'" + printable(other, 60) + "'"), std::string::npos) << judge(outcome)->cause;
  }
}

TEST(Judge, TheCodingOfAnyOtherAnswerIsNobodysConcern) {
  auto page = answer(200, "text/html");
  auto error = answer(401);
  page.header.content_encoding = error.header.content_encoding = "br";
  EXPECT_EQ(failure_of(page), Failure::unauthorised);
  EXPECT_EQ(failure_of(error), Failure::unauthorised);
}

TEST(Judge, PastTheLimitIsTooLargeThoughLibcurlCallsItAWriteError) {
  auto outcome = answer(200);
  outcome.curl_code = CURLE_WRITE_ERROR;
  outcome.over_limit = true;
  EXPECT_EQ(failure_of(outcome), Failure::too_large);
  EXPECT_NE(judge(outcome)->cause.find("api.max_response"), std::string::npos);
}

// --- how far the transfer came

enum class Reached { nothing, request, bytes };

struct Transfer {
  const char* name;
  CURLcode code;
  Reached reached;
  Failure failure;
  const char* detail = "";
};

class JudgeTransfer : public testing::TestWithParam<Transfer> {};

TEST_P(JudgeTransfer, ClassesItByWhatToDo) {
  Outcome outcome;
  outcome.curl_code = GetParam().code;
  outcome.detail = GetParam().detail;
  outcome.connected = GetParam().reached != Reached::nothing;
  outcome.wire_bytes = GetParam().reached == Reached::bytes ? 100 : 0;
  EXPECT_EQ(failure_of(outcome), GetParam().failure);
}

constexpr auto kName = [](const testing::TestParamInfo<Transfer>& row) { return row.param.name; };

INSTANTIATE_TEST_SUITE_P(
    Unreachable, JudgeTransfer,
    testing::Values(Transfer{"Resolve", CURLE_COULDNT_RESOLVE_HOST, Reached::nothing, Failure::unreachable},
                    Transfer{"ResolveProxy", CURLE_COULDNT_RESOLVE_PROXY, Reached::nothing, Failure::unreachable},
                    Transfer{"Connect", CURLE_COULDNT_CONNECT, Reached::nothing, Failure::unreachable},
                    Transfer{"ConnectTimeout", CURLE_OPERATION_TIMEDOUT, Reached::nothing, Failure::unreachable},
                    Transfer{"HandshakeReset", CURLE_SSL_CONNECT_ERROR, Reached::nothing, Failure::unreachable,
                             "OpenSSL SSL_connect: Connection reset by peer"},
                    Transfer{"GotNothing", CURLE_GOT_NOTHING, Reached::request, Failure::unreachable},
                    Transfer{"SendError", CURLE_SEND_ERROR, Reached::request, Failure::unreachable},
                    Transfer{"ReceiveErrorBeforeAByte", CURLE_RECV_ERROR, Reached::request, Failure::unreachable},
                    Transfer{"Http2BeforeAByte", CURLE_HTTP2, Reached::request, Failure::unreachable}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Broken, JudgeTransfer,
    testing::Values(Transfer{"PartialFile", CURLE_PARTIAL_FILE, Reached::bytes, Failure::broken_answer},
                    Transfer{"ReceiveError", CURLE_RECV_ERROR, Reached::bytes, Failure::broken_answer},
                    Transfer{"ContentEncoding", CURLE_BAD_CONTENT_ENCODING, Reached::bytes, Failure::broken_answer},
                    Transfer{"GarbageBehindGzip", CURLE_WRITE_ERROR, Reached::bytes, Failure::broken_answer},
                    Transfer{"Http2Stream", CURLE_HTTP2_STREAM, Reached::bytes, Failure::broken_answer},
                    Transfer{"WeirdReply", CURLE_WEIRD_SERVER_REPLY, Reached::bytes, Failure::broken_answer},
                    Transfer{"Http09", CURLE_UNSUPPORTED_PROTOCOL, Reached::request, Failure::broken_answer},
                    Transfer{"HugeHeaderLine", CURLE_OUT_OF_MEMORY, Reached::bytes, Failure::broken_answer}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Refused, JudgeTransfer,
    testing::Values(Transfer{"Certificate", CURLE_PEER_FAILED_VERIFICATION, Reached::nothing, Failure::refused},
                    Transfer{"CaFile", CURLE_SSL_CACERT_BADFILE, Reached::nothing, Failure::refused},
                    Transfer{"Issuer", CURLE_SSL_ISSUER_ERROR, Reached::nothing, Failure::refused},
                    Transfer{"Cipher", CURLE_SSL_CIPHER, Reached::nothing, Failure::refused},
                    Transfer{"Protocol", CURLE_UNSUPPORTED_PROTOCOL, Reached::nothing, Failure::refused},
                    Transfer{"OldTls", CURLE_SSL_CONNECT_ERROR, Reached::nothing, Failure::refused,
                             "error:0A00042E:SSL routines::tlsv1 alert protocol version"},
                    Transfer{"PlainHttpOnThePort", CURLE_SSL_CONNECT_ERROR, Reached::nothing, Failure::refused,
                             "error:0A00010B:SSL routines::wrong version number"}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Slow, JudgeTransfer,
    testing::Values(Transfer{"NoAnswer", CURLE_OPERATION_TIMEDOUT, Reached::request, Failure::timeout},
                    Transfer{"SlowAnswer", CURLE_OPERATION_TIMEDOUT, Reached::bytes, Failure::timeout}),
    kName);

TEST(Judge, NamesTheSettingOfATimeOut) {
  Outcome outcome;
  outcome.curl_code = CURLE_OPERATION_TIMEDOUT;
  EXPECT_NE(judge(outcome)->cause.find("api.connect_timeout"), std::string::npos);
  outcome.connected = true;
  EXPECT_NE(judge(outcome)->cause.find("api.timeout"), std::string::npos);
}

TEST(Judge, BoundsAndCleansForeignWords) {
  Outcome outcome;
  outcome.curl_code = CURLE_COULDNT_CONNECT;
  outcome.detail = "\x1b[31m" + std::string(10'000, 'x');
  const auto cause = judge(outcome)->cause;
  EXPECT_LE(cause.size(), 250U);
  EXPECT_EQ(cause.find('\x1b'), std::string::npos);
}

TEST(Judge, AFailureOfTheApiNeverCountsAsTheDatabases) {
  for (int code = 1; code < CURL_LAST; ++code) {
    Outcome outcome;
    outcome.curl_code = code;
    ASSERT_TRUE(judge(outcome));
    ASSERT_FALSE(is_database(judge(outcome)->failure)) << code;
  }
}

}  // namespace
}  // namespace odetl
