#include "daemon/http_endpoint.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>

#include "tests/support/child_process.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Sends bytes to 127.0.0.1 and reads until the other side closes, or so many bytes have come.
std::string exchange(int port, const std::string& request, std::size_t enough = SIZE_MAX) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    char buffer[4096];
    for (ssize_t n = 0; answer.size() < enough && (n = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(n));
    }
  }
  close(fd);
  return answer;
}

class HttpEndpointTest : public testing::Test {
 protected:
  std::string ask(const std::string& path, const std::string& method = "GET") const {
    std::string request = method;
    request.append(" ").append(path).append(
        " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return exchange(endpoint->port(), request);
  }

  std::optional<std::string> reason;
  bool status_fails = false;
  std::unique_ptr<HttpEndpoint> endpoint =
      start_http_endpoint("127.0.0.1:0", {[] { return "a_metric 1\n"; }, [this] { return reason; },
                                          [this]() -> std::string {
                                            if (status_fails) throw std::runtime_error("the database is away");
                                            return "{}";
                                          },
                                          [] {
                                            return HttpPage{"<p>all is well</p>", "default-src 'none'"};
                                          }});
};

TEST_F(HttpEndpointTest, ServesMetricsInTheirFormat) {
  const std::string answer = ask("/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\na_metric 1\n"));
  EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store"));
}

TEST_F(HttpEndpointTest, IsHealthyWhileItAnswers) {
  reason = "the API is away";
  EXPECT_THAT(ask("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpEndpointTest, SaysWhyItIsNotReady) {
  EXPECT_THAT(ask("/readyz"), StartsWith("HTTP/1.1 200"));
  reason = "the API is away";
  EXPECT_THAT(ask("/readyz"), testing::AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("\r\n\r\nthe API is away\n")));
}

TEST_F(HttpEndpointTest, AStatusThatCannotBeReadIsA503) {
  EXPECT_THAT(ask("/status.json"),
              testing::AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("application/json"), HasSubstr("{}")));
  status_fails = true;
  EXPECT_THAT(ask("/status.json"), testing::AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("the database is away")));
}

TEST_F(HttpEndpointTest, AnswersHeadWithoutABody) {
  const std::string answer = ask("/metrics", "HEAD");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, Not(HasSubstr("a_metric")));
}

TEST_F(HttpEndpointTest, ServesNothingElse) {
  EXPECT_THAT(ask("/nothing"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask("/metrics/../../etc/passwd"), StartsWith("HTTP/1.1 404"));
  for (const char* method : {"POST", "PUT", "DELETE"})
    EXPECT_THAT(ask("/metrics", method), testing::AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD")));
}

TEST_F(HttpEndpointTest, ServesThePageWithItsPolicy) {
  const std::string answer = ask("/");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/html; charset=utf-8"));
  EXPECT_THAT(answer, HasSubstr("Content-Security-Policy: default-src 'none'\r\n"));
  EXPECT_THAT(answer, HasSubstr("<p>all is well</p>"));
}

// Connected and silent, or slow; closed at the end.
class Idlers {
 public:
  Idlers(int port, int count, const std::string& says = "") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; ++i) {
      const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
      send(fd, says.data(), says.size(), MSG_NOSIGNAL);
      fds_.push_back(fd);
    }
  }
  ~Idlers() {
    for (const int fd : fds_) close(fd);
  }

 private:
  std::vector<int> fds_;
};

TEST_F(HttpEndpointTest, AnswersAlsoWhileManyConnectionsSayNothing) {
  const Idlers idlers(endpoint->port(), 500);
  EXPECT_THAT(ask("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpEndpointTest, EndsARequestThatDoesNotEnd) {
  const Idlers slow(endpoint->port(), 1, "GET /metrics HTTP/1.1\r\nX: ");
  std::string flood = "GET /metrics HTTP/1.1\r\n";
  for (int i = 0; i < 100'000; ++i) flood += "X: y\r\n";
  EXPECT_THAT(exchange(endpoint->port(), flood), Not(HasSubstr("a_metric")));
  EXPECT_THAT(ask("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpEndpointTest, SurvivesNonsense) {
  EXPECT_THAT(exchange(endpoint->port(), "nonsense\r\n\r\n", 1), StartsWith("HTTP/1.1 400"));
  exchange(endpoint->port(), "GET /" + std::string(100'000, 'x') + " HTTP/1.1\r\n\r\n", 1);
  EXPECT_THAT(ask("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpEndpointTest, RefusesALargeBody) {
  const std::string answer =
      exchange(endpoint->port(),
               "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\nConnection: close\r\n\r\n" +
                   std::string(20'000, 'x'),
               1);
  EXPECT_THAT(answer, Not(StartsWith("HTTP/1.1 2")));
}

TEST_F(HttpEndpointTest, EndsAtOnce) {
  ASSERT_THAT(ask("/healthz"), StartsWith("HTTP/1.1 200"));
  const int port = endpoint->port();
  const auto begun = std::chrono::steady_clock::now();
  endpoint.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 1s);
  EXPECT_EQ(exchange(port, "GET /healthz HTTP/1.1\r\n\r\n"), "");
}

TEST_F(HttpEndpointTest, SaysWhenThePortIsTaken) {
  const std::string taken = "127.0.0.1:" + std::to_string(endpoint->port());
  try {
    start_http_endpoint(taken, {});
    FAIL() << "it listens where another does";
  } catch (const HttpEndpointError& error) {
    EXPECT_THAT(error.what(), HasSubstr("http.listen '" + taken + "'"));
  }
}

TEST(HttpEndpoint, ListensOnIpv6) { EXPECT_GT(start_http_endpoint("[::1]:0", {})->port(), 0); }

}  // namespace
}  // namespace odetl
