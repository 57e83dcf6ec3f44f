#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "tests/integration/api_fixture.hpp"

namespace odetl::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using Then = Script::Then;

constexpr const char* kEmpty = R"({"data":[]})";

/// Sets a variable of the environment for as long as it lives.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Environment() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

// --- where the token goes

TEST_F(ApiClientTest, FollowsNoRedirect) {
  ScriptedServer elsewhere({{.bytes = json_answer(kEmpty)}});
  for (const std::string& location :
       {elsewhere.url() + "/x?canary=1", std::string("//127.0.0.1:") + std::to_string(elsewhere.port()),
        std::string("/login"), std::string("http://169.254.169.254/"), std::string("file:///etc/passwd"),
        std::string("https://canary@evil.example/")}) {
    for (const char* status : {"301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"}) {
      EXPECT_EQ(failure_of(answer(status, {"Location: " + location, "Content-Length: 0"}, "")), Failure::unauthorised);
      EXPECT_EQ(server().requests().size(), 1U);
    }
  }
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST_F(ApiClientTest, NamesTheHostOfARedirectAndNoMore) {
  serve(answer("302 Found", {"Location: https://user:pw@login.example:444/canary?canary=1", "Content-Length: 0"}, ""));
  const auto fetched = fetch();
  EXPECT_THAT(fetched.message, HasSubstr("host login.example"));
  EXPECT_THAT(fetched.message, Not(HasSubstr("pw")));
}

TEST_F(ApiClientTest, TakesALoginPageForATokenThatIsNotAccepted) {
  EXPECT_EQ(failure_of(answer("200 OK", {"Content-Type: text/html; charset=UTF-8"}, "<html>login</html>")),
            Failure::unauthorised);
  EXPECT_EQ(
      failure_of(answer("401 Unauthorized", {"Content-Type: application/json"}, R"({"message":"Unauthenticated."})")),
      Failure::unauthorised);
}

TEST_F(ApiClientTest, IgnoresProxiesOfTheEnvironment) {
  ScriptedServer trap({{.bytes = json_answer(kEmpty)}});
  const Environment http("http_proxy", trap.url()), all("ALL_PROXY", trap.url()), https("HTTPS_PROXY", trap.url()),
      none("no_proxy", "");
  serve(json_answer(kEmpty));
  EXPECT_EQ(fetch().body, kEmpty);
  EXPECT_EQ(server().connections(), 1);
  EXPECT_EQ(trap.connections(), 0);
}

TEST_F(ApiClientTest, UsesTheProxyThatIsConfigured) {
  ScriptedServer proxy({{.bytes = json_answer(kEmpty)}});
  const Environment none("no_proxy", "*");
  options_.proxy = proxy.url();
  serve(json_answer(R"({"data":["not from here"]})"));
  EXPECT_EQ(fetch().body, kEmpty);
  EXPECT_THAT(proxy.requests().at(0), testing::StartsWith("GET " + server().url() + "/public/api/user-interactions"));
}

TEST_F(ApiClientTest, IgnoresNetrc) {
  const TempDirectory home;
  write_file(home / ".netrc", "machine 127.0.0.1 login someone password other-secret\n");
  const Environment variable("HOME", home.path().string());
  serve(json_answer(kEmpty));
  fetch();
  const std::string request = server().requests().at(0);
  EXPECT_EQ(request.find("Authorization"), request.rfind("Authorization"));
  EXPECT_THAT(request, HasSubstr(std::string("Authorization: Bearer ") + kToken + "\r\n"));
}

TEST_F(ApiClientTest, RefusesPlainHttpToAnotherHost) {
  options_.base_url = "http://192.0.2.1";
  EXPECT_THROW(make_api_client(options_, kToken), std::invalid_argument);
  options_.allow_http = true;
  EXPECT_NO_THROW(make_api_client(options_, kToken));
}

TEST_F(ApiClientTest, ShowsNoFilterInAnError) {
  options_.filters = {{"user_id", "canary-person"}};
  serve(answer("500 Oops", {"Content-Length: 0"}, ""));
  EXPECT_EQ(fetch().failure, Failure::server_error);
  EXPECT_THAT(server().requests().at(0), HasSubstr("&user_id=canary-person "));
}

// --- nothing slips into the request

TEST_F(ApiClientTest, RefusesATokenThatWouldAddALine) {
  options_.base_url = "http://127.0.0.1:1";
  for (const std::string& token :
       {std::string("a\r\nX: canary"), std::string("a\nb"), std::string("a b"), std::string(), std::string("a\0b", 3),
        std::string("t\xc3\xb6ken"), std::string("a\x7f")}) {
    try {
      make_api_client(options_, token);
      ADD_FAILURE() << "accepted";
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), Not(HasSubstr("canary")));
    }
  }
}

TEST_F(ApiClientTest, KeepsItsTokenWhenANewOneIsRefused) {
  serve(json_answer(kEmpty));
  EXPECT_THROW(client().set_token("a\r\nb"), std::invalid_argument);
  EXPECT_EQ(fetch().body, kEmpty);
  EXPECT_THAT(server().requests().at(0), HasSubstr(kToken));
}

TEST_F(ApiClientTest, EncodesAFilterThatWouldAddALine) {
  options_.filters = {{"user_id", "x HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET /"}};
  serve(json_answer(kEmpty));
  EXPECT_EQ(fetch().body, kEmpty);
  EXPECT_THAT(server().requests().at(0), Not(HasSubstr("\r\nX-Evil")));
}

TEST_F(ApiClientTest, RefusesAFilterThatWouldReplaceTheWindow) {
  options_.base_url = "http://127.0.0.1:1";
  for (const char* name : {"from", "to", "from[]", "a\r\nb"}) {
    options_.filters = {{name, "x"}};
    EXPECT_THROW(make_api_client(options_, kToken), std::invalid_argument) << name;
  }
}

// --- TLS

/// `openssl s_server` with a certificate of its own, which sends one whole answer as soon as a handshake is done.
class ApiClientTls : public ApiClientTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(::pipe2(input_.data(), O_CLOEXEC), 0);
    const std::string bytes = json_answer(kEmpty);
    ASSERT_EQ(::write(input_[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }

  // The pipe stays open until now: s_server hangs up when its standard input ends.
  void TearDown() override {
    child_.reset();
    for (const int fd : input_) ::close(fd);
  }

  /// Its path.
  std::string make_certificate(const std::string& name, const std::string& subject = "IP:127.0.0.1") const {
    const auto made = run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                           "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=" + subject, "-keyout",
                           file(name + ".key"), "-out", file(name + ".pem")});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    return file(name + ".pem");
  }

  void serve_tls(const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> command = {"openssl", "s_server",          "-accept", "127.0.0.1:0",
                                        "-cert",   file(name + ".pem"), "-key",    file(name + ".key")};
    command.insert(command.end(), more.begin(), more.end());
    LaunchOptions launch;
    launch.input_fd = input_[0];
    child_ = std::make_unique<ChildProcess>(command, EnvChanges{}, launch);
    const std::string accepting = child_->read_line("ACCEPT");
    options_.base_url = "https://127.0.0.1" + accepting.substr(accepting.rfind(':'));
  }

 private:
  std::string file(const std::string& name) const { return (directory_ / name).string(); }

  TempDirectory directory_;
  std::array<int, 2> input_{-1, -1};
  std::unique_ptr<ChildProcess> child_;
};

TEST_F(ApiClientTls, RefusesACertificateThatNobodySigned) {
  make_certificate("good");
  serve_tls("good");
  const auto fetched = fetch();
  EXPECT_EQ(fetched.failure, Failure::refused);
  EXPECT_THAT(fetched.message, HasSubstr("certificate"));
}

TEST_F(ApiClientTls, AcceptsTheCertificateOfTheCaFile) {
  options_.ca_file = make_certificate("good");
  serve_tls("good");
  const auto fetched = fetch();
  EXPECT_EQ(fetched.body, kEmpty) << fetched.message;
}

TEST_F(ApiClientTls, RefusesACertificateOfAnotherAuthority) {
  make_certificate("good");
  options_.ca_file = make_certificate("other");
  serve_tls("good");
  EXPECT_EQ(fetch().failure, Failure::refused);
}

TEST_F(ApiClientTls, RefusesACertificateForAnotherHost) {
  options_.ca_file = make_certificate("elsewhere", "DNS:elsewhere.example");
  serve_tls("elsewhere");
  EXPECT_EQ(fetch().failure, Failure::refused);
}

TEST_F(ApiClientTls, RefusesACaFileThatIsNotThere) {
  make_certificate("good");
  options_.ca_file = "/nonexistent.pem";
  serve_tls("good");
  EXPECT_EQ(fetch().failure, Failure::refused);
}

TEST_F(ApiClientTls, RefusesOldTls) {
  options_.ca_file = make_certificate("good");
  serve_tls("good", {"-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"});
  const auto fetched = fetch();
  EXPECT_EQ(fetched.failure, Failure::refused) << fetched.message;
}

TEST_F(ApiClientTest, APlainServerOnATlsAddressIsRefused) {
  serve({{.bytes = "HTTP/1.1 400 Bad Request\r\n\r\n", .then = Then::close, .before_request = true}});
  options_.base_url = "https://127.0.0.1:" + std::to_string(server().port());
  EXPECT_EQ(fetch().failure, Failure::refused);
}

TEST_F(ApiClientTest, AServerThatEndsTheHandshakeIsUnreachable) {
  serve({{.bytes = "", .then = Then::reset, .before_request = true}});
  options_.base_url = "https://127.0.0.1:" + std::to_string(server().port());
  EXPECT_EQ(fetch().failure, Failure::unreachable);
}

TEST_F(ApiClientTest, AHandshakeWithoutAnAnswerIsUnreachable) {
  options_.connect_timeout = 200ms;
  serve({{.bytes = "", .then = Then::hang}});
  options_.base_url = "https://127.0.0.1:" + std::to_string(server().port());
  const auto fetched = fetch();
  EXPECT_EQ(fetched.failure, Failure::unreachable);
  EXPECT_THAT(fetched.message, HasSubstr("api.connect_timeout"));
}

}  // namespace
}  // namespace odetl::test
