#include "etl/timestamp.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace odetl {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr sys_days kFirst{std::chrono::year{1} / 1 / 1};
constexpr sys_days kPast{std::chrono::year{10000} / 1 / 1};

constexpr bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

/// The number written in exactly `kDigits` digits, or -1.
template <int kDigits>
int number(const char* text) {
  unsigned value = 0, wrong = 0;
  for (int i = 0; i < kDigits; ++i) {
    const unsigned digit = static_cast<unsigned char>(text[i]) - unsigned{'0'};
    wrong |= digit > 9 ? 1U : 0U;
    value = value * 10 + digit;
  }
  return wrong != 0 ? -1 : static_cast<int>(value);
}

std::optional<sys_days> make_date(int year, int month, int day) {
  if (year < 1 || month < 1 || day < 1) return {};
  const year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                            std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return {};
  return sys_days{date};
}

std::optional<seconds> make_clock(int hour, int minute, int second) {
  if (hour < 0 || minute < 0 || second < 0 || hour > 23 || minute > 59 || second > 59) return {};
  return hours{hour} + minutes{minute} + seconds{second};
}

constexpr std::string_view kForm = "0000-00-00T00:00:00";
constexpr std::size_t kDateLength = 10;
constexpr std::size_t kMinuteLength = 16;

/// Reads kForm, with `t` or a blank for the `T`. The first sixteen bytes are compared without a branch,
/// which the compiler turns into a few vector instructions: this runs once a record.
std::optional<sys_seconds> read_second(const char* text) {
  static constexpr std::array<std::uint8_t, kMinuteLength> kLargest = {9, 9, 9,   9, 0, 9, 9, 0,
                                                                       9, 9, 255, 9, 9, 0, 9, 9};
  std::array<std::uint8_t, kMinuteLength> digits;
  std::uint8_t wrong = 0;
  for (std::size_t i = 0; i < kMinuteLength; ++i) {
    digits[i] = static_cast<std::uint8_t>(text[i] ^ kForm[i]);
    wrong = static_cast<std::uint8_t>(wrong | (digits[i] > kLargest[i] ? 255 : 0));
  }
  const char separator = text[kDateLength];
  if (wrong != 0 || text[kMinuteLength] != ':') return {};
  if (separator != 'T' && separator != 't' && separator != ' ') return {};
  const auto two = [&](std::size_t at) { return digits[at] * 10 + digits[at + 1]; };
  const auto date = make_date(two(0) * 100 + two(2), two(5), two(8));
  const auto clock = make_clock(two(11), two(14), number<2>(text + kMinuteLength + 1));
  if (!date || !clock) return {};
  return *date + *clock;
}

/// Takes `.123456` off the front of `rest`; zero when there is none, nothing for a point without digits.
std::optional<microseconds> take_fraction(std::string_view& rest) {
  constexpr std::size_t kDigits = 6;
  if (rest.empty() || rest.front() != '.') return microseconds{0};
  rest.remove_prefix(1);
  // What Laravel prints, in one step; anything else digit by digit.
  int micro = rest.size() < kDigits ? -1 : number<kDigits>(rest.data());
  std::size_t past = micro < 0 ? 0 : kDigits;
  while (past < rest.size() && is_digit(rest[past])) ++past;
  if (past == 0) return {};
  if (micro < 0) {
    micro = 0;
    for (std::size_t i = 0; i < kDigits; ++i) micro = micro * 10 + (i < past ? rest[i] - '0' : 0);
  }
  rest.remove_prefix(past);
  return microseconds{micro};
}

/// `Z` or `+14:00`: what the local time is ahead of UTC.
std::optional<minutes> read_offset(std::string_view text) {
  if (text.size() == 1 && (text[0] == 'Z' || text[0] == 'z')) return minutes{0};
  if (text.size() != 6 || text[3] != ':' || (text[0] != '+' && text[0] != '-')) return {};
  const auto ahead = make_clock(number<2>(text.data() + 1), number<2>(text.data() + 4), 0);
  if (!ahead) return {};
  const auto in_minutes = std::chrono::duration_cast<minutes>(*ahead);
  return text[0] == '-' ? -in_minutes : in_minutes;
}

enum class Zone { required, utc_when_absent };

std::optional<Timestamp> read_instant(std::string_view text, Zone zone) {
  if (text.size() < kForm.size()) return {};
  const auto second = read_second(text.data());
  text.remove_prefix(kForm.size());
  const auto fraction = take_fraction(text);
  if (!second || !fraction) return {};
  const auto ahead = text.empty() && zone == Zone::utc_when_absent ? minutes{0} : read_offset(text);
  if (!ahead) return {};
  const Timestamp instant = *second + *fraction - *ahead;
  if (instant < kFirst || instant >= kPast) return {};
  return instant;
}

template <std::size_t kCount>
int position(const std::array<std::string_view, kCount>& names, std::string_view name) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (names[i] == name) return static_cast<int>(i);
  }
  return -1;
}

constexpr std::array<std::string_view, 7> kWeekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void put(std::string& out, int value, int width) {
  for (int scale = width == 2 ? 10 : width == 4 ? 1000 : 100'000; scale > 0; scale /= 10) {
    out.push_back(static_cast<char>('0' + value / scale % 10));
  }
}

/// `2024-01-31 08:00:00` with this separator.
void append_date_and_clock(std::string& out, sys_seconds instant, char separator) {
  const auto date = std::chrono::floor<days>(instant);
  const year_month_day ymd{date};
  const int second = static_cast<int>((instant - date).count());
  put(out, static_cast<int>(ymd.year()), 4);
  out += '-';
  put(out, static_cast<int>(static_cast<unsigned>(ymd.month())), 2);
  out += '-';
  put(out, static_cast<int>(static_cast<unsigned>(ymd.day())), 2);
  out += separator;
  put(out, second / 3600, 2);
  out += ':';
  put(out, second / 60 % 60, 2);
  out += ':';
  put(out, second % 60, 2);
}

/// PostgreSQL's word for an instant that four digits of a year cannot say.
const char* beyond(sys_seconds instant) {
  if (instant < kFirst) return "-infinity";
  return instant >= kPast ? "infinity" : nullptr;
}

}  // namespace

std::optional<Timestamp> parse_timestamp(std::string_view text) { return read_instant(text, Zone::utc_when_absent); }

std::optional<Timestamp> parse_instant(std::string_view text) {
  if (text.size() == kDateLength) return read_instant(std::string(text) + "T00:00:00Z", Zone::required);
  return read_instant(text, Zone::required);
}

std::optional<sys_seconds> parse_http_date(std::string_view text) {
  constexpr std::string_view kExample = "Sun, 06 Nov 1994 08:49:37 GMT";
  if (text.size() != kExample.size()) return {};
  for (const std::size_t at : {3U, 4U, 7U, 11U, 16U, 19U, 22U, 25U, 26U, 27U, 28U}) {
    if (text[at] != kExample[at]) return {};
  }
  const auto date =
      make_date(number<4>(text.data() + 12), position(kMonths, text.substr(8, 3)) + 1, number<2>(text.data() + 5));
  const auto clock = make_clock(number<2>(text.data() + 17), number<2>(text.data() + 20), number<2>(text.data() + 23));
  if (!date || !clock) return {};
  const auto weekday = static_cast<int>(std::chrono::weekday{*date}.c_encoding());
  if (weekday != position(kWeekdays, text.substr(0, 3))) return {};
  return *date + *clock;
}

void append_rfc3339(std::string& out, Timestamp instant) {
  const auto whole = std::chrono::floor<seconds>(instant);
  if (const char* word = beyond(whole)) {
    out += word;
    return;
  }
  append_date_and_clock(out, whole, 'T');
  if (const auto fraction = static_cast<int>((instant - whole).count()); fraction != 0) {
    out += '.';
    put(out, fraction, 6);
  }
  out += 'Z';
}

std::string to_rfc3339(Timestamp instant) {
  std::string out;
  append_rfc3339(out, instant);
  return out;
}

std::string to_wire(sys_seconds instant) {
  if (const char* word = beyond(instant)) return word;
  std::string out;
  append_date_and_clock(out, instant, ' ');
  return out;
}

std::string to_text(std::chrono::seconds duration) {
  if (duration.count() < 0) return to_text(-duration).insert(0, 1, '-');
  auto rest = duration.count();
  // A minute and a half reads better as 90s, and nobody writes 120s.
  if (rest == 0 || (rest < 120 && rest % 60 != 0)) return std::to_string(rest) + "s";
  std::string out;
  const auto take = [&](std::int64_t unit, char letter) {
    if (rest / unit > 0) out += std::to_string(rest / unit) + letter;
    rest %= unit;
  };
  take(86'400, 'd');
  take(3'600, 'h');
  take(60, 'm');
  take(1, 's');
  return out;
}

}  // namespace odetl
