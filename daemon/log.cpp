#include "daemon/log.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <cstdlib>

#include "etl/canonical_json.hpp"

namespace odetl {
namespace {

constexpr std::array kNames = {"trace", "debug", "info", "warn", "error", "critical"};
constexpr std::array kPriorities = {7, 7, 6, 4, 3, 2};  // of syslog
constexpr std::array kLevels = {spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                                spdlog::level::warn,  spdlog::level::err,   spdlog::level::critical};

// The format in use, and whether lines carry journald's priorities.
struct Settings {
  LogFormat format = LogFormat::text;
  bool journal = false;
};
Settings settings;
std::shared_ptr<spdlog::logger> logger;
LogCurtain curtain;

std::size_t index(LogLevel level) { return static_cast<std::size_t>(level); }

bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

void append_value(std::string& line, std::string_view text) {
  if (is_plain(text)) {
    line += text;
  } else {
    append_quoted(line, text);
  }
}

std::string json_event(LogLevel level, std::string_view event, const std::vector<LogField>& fields) {
  std::string line = fmt::format(R"("level":"{}","event":"{}")", kNames[index(level)], event);
  for (const auto& [key, value] : fields) {
    line += fmt::format(",\"{}\":", key);
    append_quoted(line, value);
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

}  // namespace

std::string format_event(LogFormat format, LogLevel level, std::string_view event,
                         const std::vector<LogField>& fields) {
  if (format == LogFormat::json) return json_event(level, event, fields);
  std::string line = format == LogFormat::logfmt ? fmt::format("level={} event={}", kNames[index(level)], event)
                                                 : std::string(event);
  for (const auto& [key, value] : fields) {
    line += fmt::format(" {}=", key);
    append_value(line, value);
  }
  return line;
}

void init_log(const std::string& level, LogFormat format) {
  settings.journal = format == LogFormat::automatic && is_journal();
  settings.format = format == LogFormat::automatic ? LogFormat::text : format;
  const bool colour = settings.format == LogFormat::text && !settings.journal && isatty(STDERR_FILENO) != 0;
  spdlog::sink_ptr sink;
  if (colour) {
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  logger = std::make_shared<spdlog::logger>("opendialog-etl", sink);
  // What cannot be written is lost, and never stops the work.
  logger->set_error_handler([](const std::string&) {});
  if (settings.journal) {
    logger->set_pattern("%v");
  } else if (settings.format == LogFormat::json) {
    logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})", spdlog::pattern_time_type::utc);
  } else if (settings.format == LogFormat::logfmt) {
    logger->set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
  } else {
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %v", spdlog::pattern_time_type::utc);
  }
  logger->flush_on(spdlog::level::trace);
  set_log_level(level);
}

void set_log_level(const std::string& level) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (level == kNames[i]) logger->set_level(kLevels[i]);
  }
}

void log(LogLevel level, std::string_view event, const std::vector<LogField>& fields) {
  if (!logger || !logger->should_log(kLevels[index(level)])) return;
  std::string line = format_event(settings.format, level, event, fields);
  if (settings.journal) line = fmt::format("<{}>{}", kPriorities[index(level)], line);
  if (curtain.before != nullptr) curtain.before();
  logger->log(kLevels[index(level)], "{}", line);
  if (curtain.after != nullptr) curtain.after();
}

void set_log_curtain(LogCurtain next) { curtain = next; }

}  // namespace odetl
