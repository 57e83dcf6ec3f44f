#include "daemon/events.hpp"

#include <array>

namespace odetl {
namespace {

constexpr EventKind kEvents[] = {
    {Event::started, "started", LogLevel::info, "The service begins; api: the tenant that it reads."},
    {Event::stopped, "stopped", LogLevel::info, "The service ended as it was asked to; watermark: how far it got."},
    {Event::stop_forced, "stop_forced", LogLevel::warn,
     "Told to stop, the process still waited for a database or a server that says nothing, and ended without; the database "
     "rolls back what was in hand."},
    {Event::leading, "leading", LogLevel::info, "This process polls from now on; warehouse: where the rows go."},
    {Event::standing_by, "standing_by", LogLevel::debug,
     "Another process polls this warehouse; this one takes over when that ends."},
    {Event::configuration, "configuration", LogLevel::warn,
     "The configuration is accepted, but what should be changed."},
    {Event::configuration_reloaded, "configuration_reloaded", LogLevel::info,
     "A SIGHUP was obeyed: configuration and token are those of the files now."},
    {Event::configuration_kept, "configuration_kept", LogLevel::error,
     "A SIGHUP could not be obeyed: the new configuration is not valid and the old one stays; error: why."},
    {Event::token_replaced, "token_replaced", LogLevel::info,
     "The file of the token holds another one, which is used from now on."},
    {Event::token_exposed, "token_exposed", LogLevel::warn,
     "Others than the owner can read the file of the token; told once."},
    {Event::token_unusable, "token_unusable", LogLevel::error,
     "No token can be read; nothing is polled until one can; error: why."},
    {Event::embedded_postgres_ready, "embedded_postgres_ready", LogLevel::debug,
     "The embedded PostgreSQL runs; reach_it_with: a command for psql."},
    {Event::schema_migrated, "schema_migrated", LogLevel::info,
     "A migration was applied to the schema of the warehouse."},
    {Event::http_endpoint_off, "http_endpoint_off", LogLevel::error,
     "http.listen cannot be listened on; the service works without."},
    {Event::window_loaded, "window_loaded", LogLevel::info,
     "A window is in the warehouse, with what came of its rows. debug when nothing changed, and of a backfill; warn "
     "when records were rejected."},
    {Event::window_split, "window_split", LogLevel::debug,
     "A window was too much and is read in halves; error: what the whole met with."},
    {Event::window_failed, "window_failed", LogLevel::debug,
     "A window could not be read and is in the ledger as such; request_failed tells more."},
    {Event::window_poisoned, "window_poisoned", LogLevel::warn,
     "The server cannot serve this second: it is left out of coverage and tried again by rechecks and backfills."},
    {Event::vanished_at_once, "vanished_at_once", LogLevel::warn,
     "Most of a window is no longer served; nothing is taken away until another reading misses the same."},
    {Event::request_failed, "request_failed", LogLevel::warn,
     "A request, or the loading of its answer, failed and what follows; told once, then every five minutes with the "
     "count in failures, until something is loaded. debug for a first failure that is simply tried again."},
    {Event::poll_stopped, "poll_stopped", LogLevel::error,
     "A poll ended early because a human must act; cause and error: why. Tried again, more and more rarely."},
    {Event::database_failed, "database_failed", LogLevel::error,
     "The warehouse cannot be used at the moment; error: why. Tried again."},
    {Event::recovered, "recovered", LogLevel::info, "Something was loaded again after failures that were told."},
    {Event::echo_differs, "echo_differs", LogLevel::warn,
     "Answers repeat other bounds than were asked for (api.check_echo); told once."},
    {Event::recheck_begun, "recheck_begun", LogLevel::debug,
     "A recheck of this span begins, in the time that polls leave."},
    {Event::backfill_progress, "backfill_progress", LogLevel::info,
     "How far a backfill is; every few seconds where there is no terminal."},
    {Event::waiting_to_settle, "waiting_to_settle", LogLevel::info,
     "A backfill that reaches to the present waits until its end is settled."},
    {Event::waiting_for_others, "waiting_for_others", LogLevel::info,
     "Other processes backfill the rest of the range; it is taken over if they end before."},
    {Event::indexes_not_summarised, "indexes_not_summarised", LogLevel::warn,
     "After a backfill the indexes could not be brought up to date; reading is slower until autovacuum does it."},
    {Event::log_lines_dropped, "log_lines_dropped", LogLevel::warn,
     "So many lines before this one are lost: standard error did not take them."},
};

// One row an event, in the enumeration's order.
constexpr bool is_complete() {
  std::size_t i = 0;
  for (const EventKind& kind : kEvents) {
    if (static_cast<std::size_t>(kind.event) != i++) return false;
  }
  return i == static_cast<std::size_t>(Event::log_lines_dropped) + 1;
}
static_assert(is_complete());

constexpr std::array<std::string_view, 6> kLevels = {"trace", "debug", "info", "warn", "error", "critical"};

}  // namespace

const EventKind& kind_of(Event event) { return kEvents[static_cast<std::size_t>(event)]; }
std::span<const EventKind> all_events() { return kEvents; }
std::string_view to_text(LogLevel level) { return kLevels[static_cast<std::size_t>(level)]; }

}  // namespace odetl
