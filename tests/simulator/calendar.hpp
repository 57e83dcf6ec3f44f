#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace odetl::simulator {

using Instant = std::chrono::sys_time<std::chrono::microseconds>;
using Second = std::chrono::sys_seconds;

// The `from` or `to` of a request as the server reads it: the query takes the wall time and forgets the offset and
// the fraction, while the echo applies both.
struct Moment {
  Second wall;
  Instant echo;
  bool beyond_calendar = false;  // a year over 9999: accepted, and matches nothing
};

// Reads `2024-01-31`, `2024-01-31 08:00:00`, with `T`, a fraction, `Z` or an offset; nothing if it is no date.
// A blank that arrived as `+` reads as an offset, as it does on the server.
std::optional<Moment> read_moment(std::string_view text);

// `2024-01-31T08:00:00.000000Z`: how every date is written in an answer. Always 27 characters.
std::string wire_date(Instant at);
inline constexpr std::size_t kWireDateLength = 27;
void append_wire_date(std::string& out, Instant at);

// `Wed, 31 Jan 2024 08:00:00 GMT`: the Date header.
std::string http_date(Second at);

}  // namespace odetl::simulator
