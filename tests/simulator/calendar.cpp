#include "tests/simulator/calendar.hpp"

#include <array>
#include <cstdint>
#include <cstdio>

namespace odetl::simulator {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hh_mm_ss;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

// Eats a text from its front.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool next_is(std::string_view any_of) const { return !done() && any_of.find(rest_.front()) != any_of.npos; }
  bool skip(std::string_view any_of) {
    const bool found = next_is(any_of);
    if (found) rest_.remove_prefix(1);
    return found;
  }

  // Between `least` and `most` digits, as a number.
  std::optional<int> number(std::size_t least, std::size_t most) {
    std::size_t length = 0;
    int value = 0;
    while (length < most && length < rest_.size() && rest_[length] >= '0' && rest_[length] <= '9') {
      value = value * 10 + (rest_[length++] - '0');
    }
    if (length < least) return std::nullopt;
    rest_.remove_prefix(length);
    return value;
  }

 private:
  std::string_view rest_;
};

struct Fields {
  int year = 0, month = 0, day = 0;
  seconds clock{0};
  microseconds fraction{0};
  seconds offset{0};
};

bool read_date(Reader& in, Fields& fields) {
  const auto year = in.number(4, 6);
  const bool dash = in.skip("-");
  const auto month = in.number(1, 2);
  const bool second_dash = in.skip("-");
  const auto day = in.number(1, 2);
  if (!year || !dash || !month || !second_dash || !day) return false;
  fields.year = *year;
  fields.month = *month;
  fields.day = *day;
  return true;
}

std::optional<seconds> read_clock(Reader& in) {
  const auto hour = in.number(1, 2);
  if (!hour || *hour > 23) return std::nullopt;
  seconds clock = hours(*hour);
  for (int unit : {60, 1}) {
    if (!in.skip(":")) break;
    const auto value = in.number(2, 2);
    if (!value || *value > 59) return std::nullopt;
    clock += seconds(*value * unit);
  }
  return clock;
}

microseconds read_fraction(Reader& in) {
  std::int64_t value = 0;
  int digits = 0;
  while (const auto digit = in.number(1, 1)) {
    if (digits++ < 6) value = value * 10 + *digit;
  }
  for (; digits < 6; ++digits) value *= 10;
  return microseconds(value);
}

// `Z`, `+02:00`, `+0200`, `+02`; no zone at all is UTC.
bool read_zone(Reader& in, Fields& fields) {
  in.skip(" ");
  if (in.skip("Zz") || in.done()) return in.done();
  const int sign = in.next_is("-") ? -1 : 1;
  if (!in.skip("+-")) return false;
  const auto hour = in.number(1, 2);
  if (!hour) return false;
  seconds offset = hours(*hour);
  for (int unit : {60, 1}) {
    in.skip(":");
    if (in.done()) break;
    const auto value = in.number(2, 2);
    if (!value) return false;
    offset += seconds(*value * unit);
  }
  fields.offset = offset * sign;
  return in.done();
}

std::optional<Fields> read_fields(std::string_view text) {
  Reader in(text);
  Fields fields;
  if (!read_date(in, fields)) return std::nullopt;
  if (in.next_is("T t")) {
    in.skip("Tt ");
    const auto clock = read_clock(in);
    if (!clock) return std::nullopt;
    fields.clock = *clock;
    if (in.skip(".")) fields.fraction = read_fraction(in);
  }
  if (!read_zone(in, fields)) return std::nullopt;
  return fields;
}

void append_digits(std::string& out, unsigned long value, std::size_t width) {
  const std::size_t start = out.size();
  out.append(width, '0');
  for (std::size_t at = start + width; at > start && value != 0; value /= 10) {
    out[--at] = static_cast<char>('0' + value % 10);
  }
}

}  // namespace

std::optional<Moment> read_moment(std::string_view text) {
  const auto fields = read_fields(text);
  if (!fields) return std::nullopt;
  if (fields->year > 9999) return Moment{.wall = {}, .echo = {}, .beyond_calendar = true};
  const year_month_day date{std::chrono::year(fields->year), std::chrono::month(static_cast<unsigned>(fields->month)),
                            std::chrono::day(static_cast<unsigned>(fields->day))};
  if (!date.ok()) return std::nullopt;
  const Second wall = sys_days(date) + fields->clock;
  return Moment{.wall = wall, .echo = wall - fields->offset + fields->fraction, .beyond_calendar = false};
}

void append_wire_date(std::string& out, Instant at) {
  const sys_days day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss<microseconds> clock(at - day);
  append_digits(out, static_cast<unsigned long>(static_cast<int>(date.year())), 4);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_digits(out, static_cast<unsigned long>(clock.hours().count()), 2);
  out += ':';
  append_digits(out, static_cast<unsigned long>(clock.minutes().count()), 2);
  out += ':';
  append_digits(out, static_cast<unsigned long>(clock.seconds().count()), 2);
  out += '.';
  append_digits(out, static_cast<unsigned long>(clock.subseconds().count()), 6);
  out += 'Z';
}

std::string wire_date(Instant at) {
  std::string out;
  append_wire_date(out, at);
  return out;
}

std::string http_date(Second at) {
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_days day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss<seconds> clock(at - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02ld:%02ld:%02ld GMT",
                kDays.at(std::chrono::weekday(day).c_encoding()), static_cast<unsigned>(date.day()),
                kMonths.at(static_cast<unsigned>(date.month()) - 1), static_cast<int>(date.year()),
                static_cast<long>(clock.hours().count()), static_cast<long>(clock.minutes().count()),
                static_cast<long>(clock.seconds().count()));
  return text.data();
}

}  // namespace odetl::simulator
