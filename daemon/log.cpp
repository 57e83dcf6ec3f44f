#include "daemon/log.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <mutex>
#include <new>

#include "daemon/log_output.hpp"
#include "daemon/printable.hpp"
#include "etl/canonical_json.hpp"

namespace odetl {
namespace {

constexpr std::array kPriorities = {7, 7, 6, 4, 3, 2};  // of syslog
constexpr std::array kLevels = {spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                                spdlog::level::warn,  spdlog::level::err,   spdlog::level::critical};

constexpr std::array kColours = {"2", "2", "32", "33", "31", "1;31"};  // SGR parameters

// The format in use, and whether lines carry journald's priorities or colours.
struct Settings {
  LogFormat format = LogFormat::text;
  bool journal = false;
  bool colour = false;
};
std::mutex mutex;  // guards what follows
Settings settings;
std::shared_ptr<spdlog::logger> logger;
LogCurtain curtain;
LogOutput output(STDERR_FILENO);
std::uint64_t lost_told = 0;

class Sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    output.write({line.data(), line.size()});
  }
  void flush_() override {}
};

std::size_t index(LogLevel level) { return static_cast<std::size_t>(level); }

bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

// A terminal or a reader of lines must not be led astray by what a server says.
bool is_harmless(std::string_view text) { return printable(text) == text; }

void append_escaped(std::string& line, std::string_view text) {
  std::string quoted;
  append_quoted(quoted, text);
  line += is_harmless(quoted) ? quoted : printable(quoted);
}

void append_value(std::string& line, std::string_view text) {
  if (is_plain(text) && is_harmless(text)) {
    line += text;
  } else {
    append_escaped(line, text);
  }
}

std::string json_event(LogLevel level, std::string_view event, const std::vector<LogField>& fields) {
  std::string line = fmt::format(R"("level":"{}","event":"{}")", to_text(level), event);
  for (const auto& [key, value] : fields) {
    line += fmt::format(",\"{}\":", key);
    append_escaped(line, value);
  }
  return line;
}

// Whether standard error is the socket that systemd gave us, by the device and inode it announces.
bool is_journal() {
  const char* announced = std::getenv("JOURNAL_STREAM");
  struct stat now {};
  if (announced == nullptr || fstat(STDERR_FILENO, &now) != 0) return false;
  return fmt::format("{}:{}", now.st_dev, now.st_ino) == announced;
}

const char* pattern() {
  if (settings.journal) return "%v";
  if (settings.format == LogFormat::json) return R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})";
  if (settings.format == LogFormat::logfmt) return "time=%Y-%m-%dT%H:%M:%S.%eZ %v";
  return "%Y-%m-%dT%H:%M:%S.%eZ %v";
}

// What text has before the event: journald's priority, or the level.
std::string prefix(LogLevel level) {
  if (settings.journal) return fmt::format("<{}>", kPriorities[index(level)]);
  if (settings.format != LogFormat::text) return "";
  if (!settings.colour) return fmt::format("{:<5} ", to_text(level));
  return fmt::format("\033[{}m{:<5}\033[0m ", kColours[index(level)], to_text(level));
}

void write(LogLevel level, std::string_view event, const std::vector<LogField>& fields) {
  try {
    logger->log(kLevels[index(level)], "{}", prefix(level) + format_event(settings.format, level, event, fields));
  } catch (const std::bad_alloc&) {
    output.lose();
  }
}

}  // namespace

std::string format_event(LogFormat format, LogLevel level, std::string_view event,
                         const std::vector<LogField>& fields) {
  if (format == LogFormat::json) return json_event(level, event, fields);
  std::string line =
      format == LogFormat::logfmt ? fmt::format("level={} event={}", to_text(level), event) : std::string(event);
  for (const auto& [key, value] : fields) {
    line += fmt::format(" {}=", key);
    append_value(line, value);
  }
  return line;
}

void init_log(const std::string& level, LogFormat format) {
  {
    const std::scoped_lock lock(mutex);
    settings.journal = format == LogFormat::automatic && is_journal();
    settings.format = format == LogFormat::automatic ? LogFormat::text : format;
    settings.colour = settings.format == LogFormat::text && !settings.journal && isatty(STDERR_FILENO) != 0 &&
                      std::getenv("NO_COLOR") == nullptr;
    logger = std::make_shared<spdlog::logger>("opendialog-etl", std::make_shared<Sink>());
    // What cannot be written is lost, and never stops the work.
    logger->set_error_handler([](const std::string&) {});
    logger->set_pattern(pattern(), spdlog::pattern_time_type::utc);
  }
  set_log_level(level);
}

void set_log_level(const std::string& level) {
  const std::scoped_lock lock(mutex);
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    if (level == to_text(static_cast<LogLevel>(i))) logger->set_level(kLevels[i]);
  }
}

void log(Event event, const std::vector<LogField>& fields) { log(kind_of(event).level, event, fields); }

void log(LogLevel level, Event event, const std::vector<LogField>& fields) {
  const std::scoped_lock lock(mutex);
  if (!logger || !logger->should_log(kLevels[index(level)])) return;
  if (curtain.before != nullptr) curtain.before();
  const std::uint64_t lost = output.lost();
  if (lost > lost_told) {
    write(LogLevel::warn, kind_of(Event::log_lines_dropped).name, {{"lines", std::to_string(lost - lost_told)}});
    if (output.lost() == lost) lost_told = lost;
  }
  write(level, kind_of(event).name, fields);
  if (curtain.after != nullptr) curtain.after();
}

std::uint64_t lost_log_lines() { return output.lost(); }

void set_log_curtain(LogCurtain next) {
  const std::scoped_lock lock(mutex);
  curtain = next;
}

}  // namespace odetl
