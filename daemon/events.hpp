#pragma once
#include <span>
#include <string_view>

namespace odetl {

enum class LogLevel { trace, debug, info, warn, error, critical };

/// Everything that the log can tell. Each has its row in events.cpp, from which the manual's table is made: nothing
/// else can be logged.
enum class Event {
  started,
  stopped,
  stop_forced,
  leading,
  standing_by,
  configuration,
  configuration_reloaded,
  configuration_kept,
  token_replaced,
  token_exposed,
  token_unusable,
  embedded_postgres_ready,
  schema_migrated,
  http_endpoint_off,
  window_loaded,
  window_split,
  window_failed,
  window_poisoned,
  vanished_at_once,
  request_failed,
  poll_stopped,
  database_failed,
  recovered,
  echo_differs,
  recheck_begun,
  backfill_progress,
  waiting_to_settle,
  waiting_for_others,
  indexes_not_summarised,
  log_lines_dropped,
};

struct EventKind {
  Event event;
  std::string_view name;     ///< as it is logged; never changes
  LogLevel level;            ///< the usual one
  std::string_view meaning;  ///< a sentence; when the level is another one, too
};

const EventKind& kind_of(Event event);
/// All of them, in the order of the enumeration.
std::span<const EventKind> all_events();
std::string_view to_text(LogLevel level);

}  // namespace odetl
