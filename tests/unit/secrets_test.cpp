#include "daemon/secrets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace odetl {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

std::string credentials_directory;  // Environment is a plain function pointer

std::optional<std::string> no_environment(const std::string&) { return {}; }
std::optional<std::string> under_systemd(const std::string& name) {
  if (name != "CREDENTIALS_DIRECTORY") return {};
  return credentials_directory;
}

class Token : public testing::Test {
 protected:
  Token() {
    std::string pattern = testing::TempDir() + "odetl-secrets-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~Token() override { fs::remove_all(directory_); }

  std::string path(const std::string& name) const { return directory_ / name; }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path(name), std::ios::binary) << text;
    ::chmod(path(name).c_str(), mode);
    return path(name);
  }

  static ApiConfig from_file(const std::string& path) {
    ApiConfig api;
    api.token_file = path;
    return api;
  }

  std::string read(const std::string& text) const {
    return read_token(from_file(write("token", text)), no_environment);
  }

  /// The message of the refusal; empty when the token is read after all.
  static std::string refusal(const ApiConfig& api, Environment environment = no_environment) {
    try {
      read_token(api, environment);
    } catch (const ConfigError& error) {
      EXPECT_EQ(error.problems().size(), 1U);
      EXPECT_FALSE(error.is_temporary());
      return error.what();
    }
    return {};
  }
  std::string refusal_of(const std::string& text) const { return refusal(from_file(write("token", text))); }

  fs::path directory_;
};

TEST_F(Token, IsReadFromItsFile) { EXPECT_EQ(read("1|abcDEF~"), "1|abcDEF~"); }
TEST_F(Token, LosesOneNewlineAtItsEnd) { EXPECT_EQ(read("abc\n"), "abc"); }
TEST_F(Token, LosesOneCrlfAtItsEnd) { EXPECT_EQ(read("abc\r\n"), "abc"); }
TEST_F(Token, MayHaveExactly64KiB) { EXPECT_EQ(read(std::string(65536, 'x')).size(), 65536U); }

struct Row {
  const char* name;
  std::string text;
  const char* message;
};

class RefusedToken : public Token, public testing::WithParamInterface<Row> {};

TEST_P(RefusedToken, NamesTheFileAndNeverTheValue) {
  const std::string message = refusal_of(GetParam().text);
  EXPECT_THAT(message, testing::StartsWith(path("token") + ": api.token_file: " + GetParam().message));
  EXPECT_THAT(message, Not(HasSubstr("hunter")));
}

INSTANTIATE_TEST_SUITE_P(
    Files, RefusedToken,
    testing::Values(Row{"Empty", "", "is empty"}, Row{"OnlyANewline", "\n", "is empty"},
                    Row{"TwoNewlines", "hunter2\n\n", "holds"}, Row{"ALoneCarriageReturn", "hunter2\r", "holds"},
                    Row{"CrlfInside", "hunter\r\n2", "holds"}, Row{"ABlankInside", "hunter 2", "holds"},
                    Row{"ABlankAtTheEnd", "hunter2 ", "holds"}, Row{"ATab", "hunter\t2", "holds"},
                    Row{"ANul", std::string("hunter\0002", 8), "holds"}, Row{"Delete", "hunter\x7f", "holds"},
                    Row{"AByteOrderMark", "\xef\xbb\xbfhunter2", "holds"},
                    Row{"OneByteOver64KiB", std::string(65537, 'x'), "is too long"},
                    Row{"AMegabyte", std::string(1 << 20, 'x'), "is too long"}),
    [](const auto& each) { return each.param.name; });

TEST_F(Token, OfAMissingFileIsRefusedWithTheCause) {
  EXPECT_EQ(
      refusal(from_file(path("none"))),
      path("none") +
          ": api.token_file: cannot be opened: No such file or directory; a file that holds the token is accepted");
}

// Such a service is started again; one whose configuration is bad is not.
TEST_F(Token, IsRefusedForNowWhereNoDescriptorIsLeft) {
  const ApiConfig api = from_file(write("token", "abc"));
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{0, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  std::optional<ConfigError> token, config;
  try {
    read_token(api, no_environment);
  } catch (const ConfigError& error) {
    token = error;
  }
  try {
    load_config(api.token_file, {}, no_environment);
  } catch (const ConfigError& error) {
    config = error;
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_TRUE(token && config);
  EXPECT_TRUE(token->is_temporary() && config->is_temporary());
  EXPECT_THAT(token->what(), HasSubstr("Too many open files"));
  EXPECT_THAT(config->what(), HasSubstr("Too many open files"));
}

TEST_F(Token, OfADirectoryAFifoOrADeviceIsRefusedWithoutWaiting) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  for (const std::string& odd : {directory_.string(), path("fifo"), std::string("/dev/zero")}) {
    EXPECT_THAT(refusal(from_file(odd)), HasSubstr("is no regular file"));
  }
}

TEST_F(Token, IsReadThroughASymlinkToARegularFile) {
  fs::create_symlink(write("token", "abc"), path("link"));
  EXPECT_EQ(read_token(from_file(path("link")), no_environment), "abc");
}

TEST_F(Token, IsNotReadThroughASymlinkToSomethingElse) {
  fs::create_symlink("/dev/zero", path("link"));
  EXPECT_THAT(refusal(from_file(path("link"))), HasSubstr("is no regular file"));
}

TEST_F(Token, InAFileThatOthersCanReadComesWithAWarning) {
  for (const mode_t mode : {0644U, 0640U, 0604U}) {
    std::string warning;
    EXPECT_EQ(read_token(from_file(write("token", "hunter2", mode)), no_environment, &warning), "hunter2");
    EXPECT_THAT(warning, HasSubstr("others can read it (mode 06")) << mode;
    EXPECT_THAT(warning, HasSubstr(path("token")));
    EXPECT_THAT(warning, Not(HasSubstr("hunter2")));
  }
}

TEST_F(Token, InAPrivateFileClearsTheWarning) {
  std::string warning = "of an earlier read";
  read_token(from_file(write("token", "abc", 0400)), no_environment, &warning);
  EXPECT_EQ(warning, "");
}

TEST_F(Token, WarnsOfNoFileThatTheServiceManagerGuards) {
  credentials_directory = directory_;
  std::string warning = "of an earlier read";
  EXPECT_EQ(read_token(from_file(write("token", "abc", 0440)), under_systemd, &warning), "abc");
  EXPECT_EQ(warning, "");
}

TEST_F(Token, IsReadAfreshEachTime) {
  const ApiConfig api = from_file(write("token", "old"));
  EXPECT_EQ(read_token(api, no_environment), "old");
  write("token", "new");
  EXPECT_EQ(read_token(api, no_environment), "new");
}

TEST_F(Token, ByValueGoesBeforeTheFileAndTheCredential) {
  credentials_directory = directory_;
  write("opendialog-token", "credential");
  ApiConfig api = from_file(write("token", "file"));
  EXPECT_EQ(read_token(api, under_systemd), "file");
  api.token = "value\n";
  EXPECT_EQ(read_token(api, under_systemd), "value");
}

TEST_F(Token, IsTheSystemdCredentialWhenNeitherIsSetAndThenItsModeIsFine) {
  credentials_directory = directory_;
  write("opendialog-token", "abc\n", 0444);
  std::string warning;
  EXPECT_EQ(read_token({}, under_systemd, &warning), "abc");
  EXPECT_EQ(warning, "");
}

TEST_F(Token, OfABadCredentialIsRefusedByItsPath) {
  credentials_directory = directory_;
  write("opendialog-token", "hunter 2");
  EXPECT_THAT(refusal({}, under_systemd), testing::StartsWith(path("opendialog-token") + ": holds a blank"));
}

TEST_F(Token, WithoutAnySourceIsRefusedNamingAllThree) {
  const std::string expected =
      "api.token: is not set; api.token, api.token_file or a systemd credential named opendialog-token is accepted";
  credentials_directory = directory_;
  EXPECT_EQ(refusal({}), expected);
  EXPECT_EQ(refusal({}, under_systemd), expected);
}

TEST_F(Token, ByValueThatCannotBeSentIsRefusedWithoutTheValue) {
  ApiConfig api;
  api.token = "hunter\n2";
  EXPECT_THAT(refusal(api), testing::StartsWith("api.token: holds"));
  EXPECT_THAT(refusal(api), Not(HasSubstr("hunter")));
}

struct Dsn {
  const char* name;
  const char* dsn;
  const char* redacted;
};

class RedactedDsn : public testing::TestWithParam<Dsn> {};

TEST_P(RedactedDsn, HidesThePasswordAndNothingElse) { EXPECT_EQ(redact_dsn(GetParam().dsn), GetParam().redacted); }

INSTANTIATE_TEST_SUITE_P(
    Forms, RedactedDsn,
    testing::Values(
        Dsn{"Uri", "postgresql://u:pw@h:5432/d", "postgresql://u:***@h:5432/d"},
        Dsn{"ShortScheme", "postgres://u:pw@h/d?sslmode=require", "postgres://u:***@h/d?sslmode=require"},
        Dsn{"UriWithoutPassword", "postgresql://u@h:5432/d", "postgresql://u@h:5432/d"},
        Dsn{"UriWithoutUser", "postgresql://h:5432/d", "postgresql://h:5432/d"},
        Dsn{"AnEmptyUri", "postgresql://", "postgresql://"},
        Dsn{"AnUnencodedAt", "postgresql://u:p@ss@h/d", "postgresql://u:***@h/d"},
        Dsn{"AnUnencodedSlash", "postgresql://u:p/ss@h/d", "postgresql://u:***@h/d"},
        Dsn{"AnUnencodedQuestionMark", "postgresql://u:p?ss@h/d", "postgresql://u:***@h/d"},
        Dsn{"TheQuery", "postgresql://h/d?user=u&password=pw&x=y", "postgresql://h/d?user=u&password=***&x=y"},
        Dsn{"TheQueryAtItsEnd", "postgresql:///d?sslpassword=pw", "postgresql:///d?sslpassword=***"},
        Dsn{"AnEncodedName", "postgresql:///d?pass%77ord=pw", "postgresql:///d?pass%77ord=***"},
        Dsn{"AnAtInTheQuery", "postgresql://h:1/d?user=a@b", "postgresql://h:1/d?user=a@b"},
        Dsn{"Keywords", "host=h password=pw dbname=d", "host=h password=*** dbname=d"},
        Dsn{"KeywordsWithBlanks", "host = h  password = pw", "host = h  password = ***"},
        Dsn{"AQuotedPassword", "password='p w' host=h", "password=*** host=h"},
        Dsn{"AQuotedPasswordWithAQuote", R"(password='p\' w' host=h)", "password=*** host=h"},
        Dsn{"AnEscapedBlank", R"(password=p\ w host=h)", "password=*** host=h"},
        Dsn{"AnOpenQuote", "password='p w host=h", "password=***"},
        Dsn{"AnEqualsSign", "password=p=w host=h", "password=*** host=h"},
        Dsn{"KeywordsWithoutPassword", "host=/run/postgresql dbname=d", "host=/run/postgresql dbname=d"},
        Dsn{"AUriInsideAValue", "application_name=a://b password=pw", "application_name=a://b password=***"},
        Dsn{"WhatMakesNoSense", "host=h secretword", "host=h ***"},  //
        Dsn{"Nothing", "", ""}),
    [](const auto& each) { return each.param.name; });

TEST(HoldsSecret, TellsAWrittenSecretFromAReference) {
  EXPECT_TRUE(holds_secret("api.token", "abc"));
  EXPECT_TRUE(holds_secret("warehouse.dsn", "postgresql://u:pw@h/d"));
  EXPECT_TRUE(holds_secret("api.proxy", "http://u:pw@proxy:3128"));
  EXPECT_FALSE(holds_secret("api.token", ""));
  EXPECT_FALSE(holds_secret("api.token", "${OPENDIALOG_TOKEN}"));
  EXPECT_FALSE(holds_secret("warehouse.dsn", "postgresql://u@h/d"));
  EXPECT_FALSE(holds_secret("warehouse.dsn", "postgresql://u:${PGPASSWORD}@h/d"));
  EXPECT_FALSE(holds_secret("api.proxy", "http://proxy:3128"));
  EXPECT_FALSE(holds_secret("api.token_file", "/run/token"));
}

}  // namespace
}  // namespace odetl
