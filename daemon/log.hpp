#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config.hpp"
#include "daemon/events.hpp"

namespace odetl {

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

/// Tells an event on its usual level, or on another. Fields never hold anything that a user said, nor a secret. Waits
/// half a second at the most for a standard error that takes nothing; then lines are lost and counted.
void log(Event event, const std::vector<LogField>& fields = {});
void log(LogLevel level, Event event, const std::vector<LogField>& fields = {});

/// Lines that standard error did not take since the start.
std::uint64_t lost_log_lines();

/// One line as it would be written, without time and line end: for tests.
std::string format_event(LogFormat format, LogLevel level, std::string_view event, const std::vector<LogField>& fields);

/// Keeps a progress bar off the lines of the log: called before and after each line. Empty functions for none.
struct LogCurtain {
  void (*before)() = nullptr;
  void (*after)() = nullptr;
};
void set_log_curtain(LogCurtain curtain);

}  // namespace odetl
