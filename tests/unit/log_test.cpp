#include "daemon/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace odetl {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::StartsWith;

struct Line {
  const char* name;
  LogFormat format;
  std::vector<LogField> fields;
  const char* line;
};

class LogLine : public testing::TestWithParam<Line> {};

TEST_P(LogLine, IsOneLineThatCanBeReadBack) {
  EXPECT_EQ(format_event(GetParam().format, LogLevel::warn, "it_happened", GetParam().fields), GetParam().line);
}

INSTANTIATE_TEST_SUITE_P(
    Log, LogLine,
    testing::Values(
        Line{"TextAlone", LogFormat::text, {}, "it_happened"},
        Line{"Text",
             LogFormat::text,
             {{"rows", "5"}, {"from", "2024-01-01T00:00:00Z"}},
             "it_happened rows=5 from=2024-01-01T00:00:00Z"},
        Line{"TextQuotesBlanks", LogFormat::text, {{"error", "no way"}}, R"(it_happened error="no way")"},
        Line{"TextQuotesNothing", LogFormat::text, {{"error", ""}}, R"(it_happened error="")"},
        Line{"TextQuotesEquals", LogFormat::text, {{"url", "a?b=c"}}, R"(it_happened url="a?b=c")"},
        Line{"TextEscapesQuotes", LogFormat::text, {{"error", R"(a "b" \c)"}}, R"(it_happened error="a \"b\" \\c")"},
        Line{"TextEscapesLineEnds", LogFormat::text, {{"error", "a\nb\r\tc"}}, R"(it_happened error="a\nb\r\tc")"},
        Line{"TextKeepsUtf8", LogFormat::text, {{"name", "café"}}, "it_happened name=café"},
        Line{"Logfmt",
             LogFormat::logfmt,
             {{"rows", "5"}, {"error", "no way"}},
             R"(level=warn event=it_happened rows=5 error="no way")"},
        Line{"Json",
             LogFormat::json,
             {{"rows", "5"}, {"error", "a \"b\"\n"}},
             R"("level":"warn","event":"it_happened","rows":"5","error":"a \"b\"\n")"}),
    [](const auto& line) { return line.param.name; });

TEST(Log, NeverLetsAValueBreakTheLine) {
  for (int byte = 0; byte < 256; ++byte) {
    for (const LogFormat format : {LogFormat::text, LogFormat::logfmt, LogFormat::json}) {
      const std::string line =
          format_event(format, LogLevel::info, "event", {{"key", std::string(1, static_cast<char>(byte))}});
      EXPECT_EQ(line.find_first_of(std::string("\n\r\0\x1b", 4)), std::string::npos) << byte;
    }
  }
}

// What is written to standard error by `work`.
template <typename Work>
std::string written(Work work) {
  testing::internal::CaptureStderr();
  work();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, WritesTimeAndLevelInUtc) {
  const std::string text = written([] {
    init_log("info", LogFormat::text);
    log(LogLevel::info, "hello", {{"a", "1"}});
  });
  EXPECT_THAT(text, ContainsRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z info  hello a=1\n$"));
  const std::string json = written([] {
    init_log("info", LogFormat::json);
    log(LogLevel::error, "hello", {{"a", "1"}});
  });
  EXPECT_THAT(json, ContainsRegex(R"(^\{"time":"[0-9T:.-]+Z","level":"error","event":"hello","a":"1"\})"));
  const std::string logfmt = written([] {
    init_log("info", LogFormat::logfmt);
    log(LogLevel::info, "hello");
  });
  EXPECT_THAT(logfmt, ContainsRegex("^time=[0-9T:.-]+Z level=info event=hello\n$"));
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  const std::string text = written([] {
    init_log("warn", LogFormat::text);
    log(LogLevel::info, "too_low");
    log(LogLevel::warn, "high_enough");
    set_log_level("trace");
    log(LogLevel::trace, "lowest");
  });
  EXPECT_EQ(text.find("too_low"), std::string::npos);
  EXPECT_THAT(text, HasSubstr("high_enough"));
  EXPECT_THAT(text, HasSubstr("lowest"));
}

TEST(Log, GivesJournaldPrioritiesAndNoTime) {
  const std::string text = written([] {
    struct stat now {};
    ASSERT_EQ(fstat(STDERR_FILENO, &now), 0);
    setenv("JOURNAL_STREAM", (std::to_string(now.st_dev) + ":" + std::to_string(now.st_ino)).c_str(), 1);
    init_log("trace", LogFormat::automatic);
    log(LogLevel::error, "bad");
    log(LogLevel::info, "good");
    unsetenv("JOURNAL_STREAM");
  });
  EXPECT_EQ(text, "<3>bad\n<6>good\n");
}

TEST(Log, IsTextWhereStandardErrorIsNotTheAnnouncedJournal) {
  const std::string text = written([] {
    setenv("JOURNAL_STREAM", "1:1", 1);
    init_log("info", LogFormat::automatic);
    log(LogLevel::info, "hello");
    unsetenv("JOURNAL_STREAM");
  });
  EXPECT_THAT(text, HasSubstr("Z info  hello\n"));
}

TEST(Log, DrawsTheCurtainAroundEachLine) {
  const std::string text = written([] {
    init_log("info", LogFormat::text);
    set_log_curtain({[] { [[maybe_unused]] const auto n = write(STDERR_FILENO, "<", 1); },
                     [] { [[maybe_unused]] const auto n = write(STDERR_FILENO, ">", 1); }});
    log(LogLevel::info, "hello");
    log(LogLevel::debug, "not_shown");
    set_log_curtain({});
  });
  EXPECT_THAT(text, StartsWith("<20"));
  EXPECT_THAT(text, testing::EndsWith("hello\n>"));
}

}  // namespace
}  // namespace odetl
