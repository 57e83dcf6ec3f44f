#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config.hpp"

namespace odetl {

enum class LogLevel { trace, debug, info, warn, error, critical };

/// `key=value` of an event. Values may hold anything: they are quoted and escaped.
struct LogField {
  std::string_view key;
  std::string value;
};

/// Sets where and how events are written: standard error, one event a line.
/// text: time, level, event, key=value (with colour on a terminal); logfmt: all as key=value; json: an object;
/// automatic: `<N>` priorities and no time under journald, else text.
void init_log(const std::string& level, LogFormat format);
void set_log_level(const std::string& level);

/// An event is a stable name in snake_case; never a sentence, never anything that a user said.
void log(LogLevel level, std::string_view event, const std::vector<LogField>& fields = {});

/// One line as it would be written, without time and line end: for tests.
std::string format_event(LogFormat format, LogLevel level, std::string_view event, const std::vector<LogField>& fields);

/// Keeps a progress bar off the lines of the log: called before and after each line. Empty functions for none.
struct LogCurtain {
  void (*before)() = nullptr;
  void (*after)() = nullptr;
};
void set_log_curtain(LogCurtain curtain);

}  // namespace odetl
