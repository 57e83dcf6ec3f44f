#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace odetl {

/// An instant in UTC with microseconds, the resolution of PostgreSQL's timestamptz.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;
/// An instant in whole seconds: the resolution in which the API can be asked.
using std::chrono::sys_seconds;

/// Reads RFC 3339 (`2024-01-31T08:00:00.123456Z`, `…+14:00`), with a blank for the `T` and with no
/// zone (then UTC) as PHP prints dates. Digits past the microsecond are cut off.
/// Nothing for all else: no such day, hour 24, second 60, years before 1 or past 9999.
std::optional<Timestamp> parse_timestamp(std::string_view text);

/// Reads what the command line and `windows.start` accept: `2024-01-31` (midnight UTC) or RFC 3339
/// with a zone. A time without a zone is refused: it would be read differently on another machine.
std::optional<Timestamp> parse_instant(std::string_view text);

/// Reads the `Date` and `Retry-After` form `Sun, 06 Nov 1994 08:49:37 GMT`.
std::optional<sys_seconds> parse_http_date(std::string_view text);

/// `2024-01-31T08:00:00Z`, with `.ffffff` only when the fraction is not zero. Outside the years 1 to
/// 9999 PostgreSQL's words `-infinity` and `infinity`.
std::string to_rfc3339(Timestamp instant);
void append_rfc3339(std::string& out, Timestamp instant);

/// `2024-01-31 08:00:00`: what every known server version reads as UTC. For the years 1 to 9999.
std::string to_wire(sys_seconds instant);

/// `90s`, `15m`, `1h30m`, `7d`: for messages.
std::string to_text(std::chrono::seconds duration);

}  // namespace odetl
