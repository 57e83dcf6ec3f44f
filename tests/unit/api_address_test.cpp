#include <gtest/gtest.h>

#include "etl/api_client.hpp"

namespace odetl {
namespace {

using namespace std::chrono_literals;

constexpr sys_seconds kEight{std::chrono::sys_days{std::chrono::year{2024} / 1 / 31} + 8h};
constexpr AskedRange kHour{kEight, kEight + 1h};

ApiOptions options(const std::string& base_url, Endpoint endpoint, std::map<std::string, std::string> filters = {}) {
  ApiOptions made;
  made.base_url = base_url;
  made.endpoint = endpoint;
  made.filters = std::move(filters);
  return made;
}

// --- request_url

TEST(RequestUrl, HasTheThreeForms) {
  EXPECT_EQ(request_url(options("https://t.example", Endpoint::public_api), kHour),
            "https://t.example/public/api/user-interactions?from=2024-01-31%2008:00:00&to=2024-01-31%2009:00:00");
  EXPECT_EQ(request_url(options("https://t.example/", Endpoint::legacy), kHour),
            "https://t.example/api/user-interactions?from=2024-01-31%2008:00:00&to=2024-01-31%2009:00:00");
  EXPECT_EQ(request_url(options("https://t.example/prefix//", Endpoint::path), kHour),
            "https://t.example/prefix/api/user-interactions/2024-01-31%2008:00:00/2024-01-31%2009:00:00");
}

TEST(RequestUrl, EncodesFilters) {
  const auto filtered = options("https://t.example", Endpoint::path,
                                {{"selected_scenario", "0x1a2b"}, {"user_id", "a&to=2030 \r\nX: y/ä+%"}});
  EXPECT_EQ(request_url(filtered, kHour),
            "https://t.example/api/user-interactions/2024-01-31%2008:00:00/2024-01-31%2009:00:00"
            "?selected_scenario=0x1a2b&user_id=a%26to%3D2030%20%0D%0AX%3A%20y%2F%C3%A4%2B%25");
}

TEST(RequestUrl, AddsFiltersBehindTheWindow) {
  EXPECT_EQ(request_url(options("https://t.example", Endpoint::legacy, {{"browser", "x"}}), kHour),
            "https://t.example/api/user-interactions?from=2024-01-31%2008:00:00&to=2024-01-31%2009:00:00&browser=x");
}

// --- refuse_filter

TEST(RefuseFilter, ProtectsTheWindowAndTheToken) {
  for (const char* name : {"from", "to", "api_token", "", "from[]", " from", "a&to", "a=b", "tö", "from\r\n"}) {
    EXPECT_TRUE(refuse_filter(name)) << name;
  }
  for (const char* name : {"selected_scenario", "user_id", "browser", "x-1"}) EXPECT_FALSE(refuse_filter(name)) << name;
}

// --- refuse_base_url

TEST(RefuseBaseUrl, TakesTlsAnywhereAndPlainHttpToThisHostOnly) {
  for (const char* url : {"https://acme.cloud.opendialog.ai", "HTTPS://ACME.example:8443/prefix/",
                          "https://[2001:db8::1]/", "http://127.0.0.1", "http://127.255.0.254:8080",
                          "http://localhost:80", "http://LOCALHOST", "http://[::1]:8080/x"}) {
    EXPECT_EQ(refuse_base_url(url, false), std::nullopt) << url;
  }
}

TEST(RefuseBaseUrl, SendsNoTokenInTheClear) {
  for (const char* url :
       {"http://acme.example", "http://127.0.0.1.evil.example", "http://127.0.0", "http://127.1", "http://127.0.0.256",
        "http://127.0.0.010", "http://127.0.0.1.", "http://localhost.evil.example", "http://0.0.0.0",
        "http://169.254.169.254", "http://[::2]", "http://[::ffff:127.0.0.1]", "http://127.0.0.a"}) {
    EXPECT_TRUE(refuse_base_url(url, false)) << url;
    EXPECT_EQ(refuse_base_url(url, true), std::nullopt) << url;
  }
}

TEST(RefuseBaseUrl, TakesNothingElse) {
  for (const char* url : {"",
                          "acme.example",
                          "ftp://acme.example",
                          "file:///etc/passwd",
                          "https://",
                          "https:///x",
                          "https://user:pw@acme.example",
                          "https://acme.example?x=1",
                          "https://acme.example#x",
                          "https://acme.example:0",
                          "https://acme.example:65536",
                          "https://acme.example:",
                          "https://acme.example:8o",
                          "https://acme example",
                          "https://acme.example/a b",
                          "https://acme.example\\@evil.example",
                          "https://acme.example\r\nX: y",
                          "https://[::1",
                          "https://[x]",
                          "https://-x",
                          "https://.x",
                          "https://ä.example",
                          "http://127.0.0.1@evil.example",
                          "//acme.example",
                          " https://acme.example"}) {
    EXPECT_TRUE(refuse_base_url(url, true)) << url;
  }
}

TEST(RefuseBaseUrl, DoesNotRepeatAPassword) {
  EXPECT_EQ(refuse_base_url("https://user:secret@acme.example", true)->find("secret"), std::string::npos);
}

}  // namespace
}  // namespace odetl
