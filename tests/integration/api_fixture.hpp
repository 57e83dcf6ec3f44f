#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "etl/api_client.hpp"
#include "tests/integration/scripted_server.hpp"
#include "tests/support/child_process.hpp"

namespace odetl::test {

inline constexpr sys_seconds kEight{std::chrono::sys_days{std::chrono::year{2024} / 1 / 31} + std::chrono::hours{8}};
inline constexpr AskedRange kAsked{kEight, kEight + std::chrono::hours{1}};
inline constexpr const char* kQuery = "from=2024-01-31%2008:00:00&to=2024-01-31%2009:00:00";
inline constexpr const char* kToken = "17|canary-token-that-nobody-may-see";

/// How a request ended.
struct Fetched {
  std::optional<Failure> failure;  ///< nothing when it brought a body
  std::string message;
  std::string answer;  ///< the body as it was sent, if only decoding it failed
  std::string body;
  Exchange exchange;
  std::optional<std::chrono::seconds> retry_after;
};

/// One client against servers that do as they are told.
class ApiClientTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::signal(SIGPIPE, SIG_IGN);
    init_http_library();
  }

  ApiOptions options_;

  void serve(std::vector<Script> scripts) { server_ = std::make_unique<ScriptedServer>(std::move(scripts)); }
  void serve(const std::string& bytes, Script::Then then = Script::Then::keep) {
    serve({{.bytes = bytes, .then = then}});
  }
  ScriptedServer& server() { return *server_; }

  ApiClient& client() {
    if (!client_) {
      if (options_.base_url.empty()) options_.base_url = server_->url();
      client_ = make_api_client(options_, kToken);
    }
    return *client_;
  }

  Fetched fetch(std::stop_token stop = {}) {
    Fetched fetched;
    Answer answer;
    Body body;
    try {
      client().fetch(kAsked, answer, fetched.exchange, std::move(stop));
      fetched.answer = std::string(answer.bytes.view());
      client().decode(kAsked, answer, body, fetched.exchange);
    } catch (const ApiError& error) {
      fetched.failure = error.failure();
      fetched.message = error.what();
      fetched.retry_after = error.retry_after();
      EXPECT_EQ(error.status(), fetched.exchange.status);
      EXPECT_EQ(answer.bytes.size() + body.size(), 0U) << "nothing of a bad answer is left";
      EXPECT_THAT(fetched.message, testing::Not(testing::HasSubstr("canary")));
      EXPECT_THAT(fetched.message, testing::StartsWith("GET '" + options_.base_url));
      EXPECT_LE(fetched.message.size(), 600U);
    }
    fetched.body = std::string(body.view());
    return fetched;
  }

  std::optional<Failure> failure_of(const std::string& bytes, Script::Then then = Script::Then::close) {
    client_.reset();
    options_.base_url.clear();
    serve(bytes, then);
    return fetch().failure;
  }

 private:
  std::unique_ptr<ScriptedServer> server_;
  std::unique_ptr<ApiClient> client_;
};

/// The output of a shell command, byte by byte.
inline std::string output_of(const std::string& command) { return run({"/bin/sh", "-c", command}).out; }

inline std::string gzipped(std::string_view text) {
  const TempDirectory directory;
  write_file(directory / "text", text);
  return output_of("gzip -nc " + (directory / "text").string());
}

/// An answer as a chat of some length gives it.
inline std::string long_json() {
  std::string text = R"({"data":[)";
  for (int i = 0; i < 2000; ++i) text += R"({"u)" + std::to_string(i * 7919) + R"(":{"interactions":[]}},)";
  text.back() = ']';
  return text + "}";
}

}  // namespace odetl::test
