#include "daemon/log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>

#include "daemon/log_output.hpp"

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

TEST(Log, EscapesWhatATerminalOrAReaderWouldObey) {
  const auto value = [](const std::string& text) {
    return format_event(LogFormat::text, LogLevel::info, "e", {{"k", text}});
  };
  EXPECT_EQ(value("\x1b[31m"), R"(e k="\u001b[31m")");
  EXPECT_EQ(value("\xc2\x9b"
                  "31m"),
            R"(e k="\u009b31m")");
  EXPECT_EQ(value("a\xe2\x80\xa8z"), R"(e k="a\u2028z")");
  EXPECT_EQ(value("a\xff"), "e k=\"a\xef\xbf\xbd\"");
  EXPECT_EQ(format_event(LogFormat::json, LogLevel::info, "e", {{"k", "\xc2\x9b"}}),
            R"("level":"info","event":"e","k":"\u009b")");
}

TEST(Log, EveryEventHasANameOfItsOwnAndAMeaning) {
  std::set<std::string_view> names;
  for (const EventKind& kind : all_events()) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    EXPECT_THAT(std::string(kind.name), testing::MatchesRegex("[a-z][a-z_]*"));
    EXPECT_TRUE(kind.meaning.ends_with('.')) << kind.name;
    EXPECT_EQ(kind_of(kind.event).name, kind.name);
  }
}

// A pipe that is full and that nobody reads, until it is drained.
class FullPipe {
 public:
  FullPipe() {
    EXPECT_EQ(pipe2(fds_, O_CLOEXEC | O_NONBLOCK), 0);
    const std::string some(4096, '-');
    while (::write(fds_[1], some.data(), some.size()) > 0) continue;
    fcntl(fds_[1], F_SETFL, 0);
  }
  ~FullPipe() {
    close(fds_[0]);
    close(fds_[1]);
  }
  int writer() const { return fds_[1]; }
  std::string drain() const {
    std::string text(1 << 20, ' ');
    const ssize_t count = read(fds_[0], text.data(), text.size());
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, count)));
    text.erase(std::remove(text.begin(), text.end(), '-'), text.end());
    return text;
  }

 private:
  int fds_[2] = {};
};

TEST(LogOutput, WaitsShortlyForAPipeThatNobodyReadsAndThenLosesLines) {
  const FullPipe pipe;
  LogOutput output(pipe.writer());
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(output.write("lost\n"));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(1));
  EXPECT_EQ(output.lost(), 1000U);
  EXPECT_EQ(pipe.drain(), "");
  EXPECT_TRUE(output.write("kept\n"));
  EXPECT_EQ(pipe.drain(), "kept\n");
  EXPECT_EQ(output.lost(), 1000U);
}

TEST(LogOutput, ALineThatWasCutEndsBeforeTheNext) {
  const FullPipe pipe;
  LogOutput output(pipe.writer());
  pipe.drain();
  EXPECT_FALSE(output.write(std::string(1 << 20, 'x') + "\n"));
  std::string first = pipe.drain();
  EXPECT_EQ(first.find('\n'), first.npos);
  EXPECT_TRUE(output.write("kept\n"));
  EXPECT_EQ(pipe.drain(), "\nkept\n");
}

TEST(LogOutput, LosesLinesToADescriptorThatIsClosed) {
  LogOutput output(-1);
  EXPECT_FALSE(output.write("lost\n"));
  EXPECT_EQ(output.lost(), 1U);
}

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
    log(Event::started, {{"a", "1"}});
  });
  EXPECT_THAT(text, ContainsRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z info  started a=1\n$"));
  const std::string json = written([] {
    init_log("info", LogFormat::json);
    log(LogLevel::error, Event::started, {{"a", "1"}});
  });
  EXPECT_THAT(json, ContainsRegex(R"(^\{"time":"[0-9T:.-]+Z","level":"error","event":"started","a":"1"\})"));
  const std::string logfmt = written([] {
    init_log("info", LogFormat::logfmt);
    log(Event::started);
  });
  EXPECT_THAT(logfmt, ContainsRegex("^time=[0-9T:.-]+Z level=info event=started\n$"));
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  const std::string text = written([] {
    init_log("warn", LogFormat::text);
    log(LogLevel::info, Event::started);
    log(LogLevel::warn, Event::stopped);
    set_log_level("trace");
    log(LogLevel::trace, Event::leading);
  });
  EXPECT_EQ(text.find("started"), std::string::npos);
  EXPECT_THAT(text, HasSubstr("stopped"));
  EXPECT_THAT(text, HasSubstr("leading"));
}

TEST(Log, GivesJournaldPrioritiesAndNoTime) {
  const std::string text = written([] {
    struct stat now {};
    ASSERT_EQ(fstat(STDERR_FILENO, &now), 0);
    setenv("JOURNAL_STREAM", (std::to_string(now.st_dev) + ":" + std::to_string(now.st_ino)).c_str(), 1);
    init_log("trace", LogFormat::automatic);
    log(LogLevel::error, Event::started);
    log(LogLevel::info, Event::stopped);
    unsetenv("JOURNAL_STREAM");
  });
  EXPECT_EQ(text, "<3>started\n<6>stopped\n");
}

TEST(Log, IsTextWhereStandardErrorIsNotTheAnnouncedJournal) {
  const std::string text = written([] {
    setenv("JOURNAL_STREAM", "1:1", 1);
    init_log("info", LogFormat::automatic);
    log(Event::started);
    unsetenv("JOURNAL_STREAM");
  });
  EXPECT_THAT(text, HasSubstr("Z info  started\n"));
}

TEST(Log, DrawsTheCurtainAroundEachLine) {
  const std::string text = written([] {
    init_log("info", LogFormat::text);
    set_log_curtain({[] { [[maybe_unused]] const auto n = write(STDERR_FILENO, "<", 1); },
                     [] { [[maybe_unused]] const auto n = write(STDERR_FILENO, ">", 1); }});
    log(Event::started);
    log(LogLevel::debug, Event::stopped);
    set_log_curtain({});
  });
  EXPECT_THAT(text, StartsWith("<20"));
  EXPECT_THAT(text, testing::EndsWith("started\n>"));
}

}  // namespace
}  // namespace odetl
