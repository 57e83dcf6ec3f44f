#include "etl/server_error.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "etl/database.hpp"

namespace odetl {
namespace {

constexpr std::size_t kMaxCause = 300;  // bytes of a server's message

// Two classes of errors have values in their primary message too: of data, quoted; of what triggers raise, anywhere.
std::string without_values(const std::string& state, const std::string& cause) {
  if (state.starts_with("P0")) return "a trigger or function raised an error";
  const auto quote = state.starts_with("22") ? cause.find('"') : cause.npos;
  return quote == cause.npos ? cause : cause.substr(0, quote) + "…";
}

// The name in quotes behind `word`, as messages have it; empty when there is none.
std::string name_behind(std::string_view text, std::string_view word) {
  const auto at = text.find(word);
  if (at == text.npos) return {};
  text.remove_prefix(at + word.size());
  return std::string(text.substr(0, text.find('"')));
}

// The column that COPY was reading: `CONTEXT:  COPY interactions, line 1, column data: "…"`.
std::string copied_column(std::string_view message) {
  auto at = message.find("\nCONTEXT:  COPY ");
  if (at == message.npos || (at = message.find(", column ", at)) == message.npos) return {};
  message.remove_prefix(at + std::string_view(", column ").size());
  return std::string(message.substr(0, message.find_first_of(":\n")));
}

}  // namespace

std::string first_line(std::string_view message) {
  message = message.substr(0, message.find('\n'));
  for (const std::string_view prefix : {"ERROR:  ", "FATAL:  "}) {
    if (message.starts_with(prefix)) message.remove_prefix(prefix.size());
  }
  if (message.size() <= kMaxCause) return std::string(message);
  std::size_t end = kMaxCause;
  while (end > 0 && (message[end] & 0xC0) == 0x80) --end;  // not inside of a character
  return std::string(message.substr(0, end));
}

void throw_server_error(const std::string& operation, const std::string& state, std::string_view message) {
  // libpqxx reports a connection that died under a statement as an error without a state.
  const Failure failure = state.empty() ? Failure::db_unreachable : classify_sqlstate(state);
  const std::string line = first_line(message);
  const bool names_it = state.starts_with("23");  // class 23 names objects and shows values only in its details
  throw DatabaseError(failure,
                      fmt::format("{}: {} (SQLSTATE {}); the transaction is rolled back", operation, without_values(state, line),
                                  state.empty() ? "none" : state),
                      state, names_it ? name_behind(line, "constraint \"") : std::string(),
                      names_it ? name_behind(line, "column \"") : copied_column(message));
}

bool is_malformed_dsn(std::string_view message) {
  static constexpr std::string_view kWords[] = {"connection info string", "URI", "percent-encoded",
                                                "invalid connection option"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [message](std::string_view words) { return message.find(words) != message.npos; });
}

Failure classify_sqlstate(std::string_view state) {
  // Exact states first, then classes, after appendix A of PostgreSQL's manual.
  static constexpr std::pair<std::string_view, Failure> kTable[] = {
      {"22P03", Failure::db_schema},       // a value of another type than the column's
      {"23505", Failure::db_conflict},     // unique violation: another loader was first
      {"57014", Failure::db_retry},        // cancelled, statement time-out
      {"57P01", Failure::db_unreachable},  // the administrator ends the session
      {"57P02", Failure::db_unreachable},  // crash of another backend
      {"57P03", Failure::db_unreachable},  // starting up, in recovery
      {"57P04", Failure::db_denied},       // the database was dropped
      {"57P05", Failure::db_unreachable},  // idle session time-out
      {"25P03", Failure::db_unreachable},  // idle in transaction time-out
      {"25P04", Failure::db_unreachable},  // transaction time-out
      {"26000", Failure::db_unreachable},  // prepared statements that somebody dropped, or another's, behind a pooler:
      {"42P05", Failure::db_unreachable},  // the session is made anew
      {"25006", Failure::db_exhausted},    // read-only: a standby, or not promoted yet
      {"55P03", Failure::db_retry},        // lock time-out
      {"55006", Failure::db_retry},        // object in use
      {"42501", Failure::db_denied},       // insufficient privilege
      {"3D000", Failure::db_denied},       // no such database
      {"3F000", Failure::db_schema},       // no such schema
      {"08", Failure::db_unreachable},     {"40", Failure::db_retry},     {"53", Failure::db_exhausted},
      {"58", Failure::db_exhausted},       {"28", Failure::db_denied},    {"42", Failure::db_schema},
      {"0A", Failure::db_schema},          {"21", Failure::db_data},      {"22", Failure::db_data},      {"23", Failure::db_data},
      {"44", Failure::db_data},            {"54", Failure::db_data},            {"P0", Failure::db_data},  // raised by somebody's trigger
  };
  for (const auto& [prefix, failure] : kTable) {
    if (state.starts_with(prefix)) return failure;
  }
  return Failure::db_retry;
}

Failure classify_connect_error(std::string_view message) {
  const auto says = [message](std::string_view words) { return message.find(words) != message.npos; };
  if (says("too many clients") || says("remaining connection slots") || says("too many connections") ||
      says("no more connections allowed") || says("hot standby mode") || says("session is read-only")) {
    return Failure::db_exhausted;
  }
  const bool denied = says("authentication failed") || says("pg_hba.conf") || says("no password supplied") ||
                      says("is not permitted to log in") || says("permission denied for database") ||
                      says("does not support SSL") || says("certificate verify failed") ||
                      says("root certificate file") || says("server certificate for") || says("private key file") ||
                      says("invalid port number") || says("invalid integer value") || says("invalid sslmode value") ||
                      (says("role \"") && says("does not exist")) || (says("database \"") && says("does not exist"));
  return denied || is_malformed_dsn(message) ? Failure::db_denied : Failure::db_unreachable;
}

}  // namespace odetl
