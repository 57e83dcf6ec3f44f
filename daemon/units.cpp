#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

#include "daemon/config.hpp"
#include "daemon/config_values.hpp"

namespace odetl {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kDigits = "0123456789";

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

/// From the longest to the shortest: the order in which they may follow each other.
constexpr std::array<Unit, 5> kDurationUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

constexpr std::array<Unit, 10> kSizeUnits{{{"", 1},
                                           {"B", 1},
                                           {"kB", 1000},
                                           {"MB", 1'000'000},
                                           {"GB", 1'000'000'000},
                                           {"TB", 1'000'000'000'000},
                                           {"KiB", std::uint64_t{1} << 10},
                                           {"MiB", std::uint64_t{1} << 20},
                                           {"GiB", std::uint64_t{1} << 30},
                                           {"TiB", std::uint64_t{1} << 40}}};

/// Cuts the digits off the front of `text`; nothing when there are none or they overflow.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// Cuts the letters off the front of `text`.
std::string_view take_unit(std::string_view& text) {
  const std::string_view unit = text.substr(0, text.find_first_of(kDigits));
  text.remove_prefix(unit.size());
  return unit;
}

std::optional<std::uint64_t> multiply(std::uint64_t number, std::uint64_t factor) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (number > kMost / factor) return {};
  return number * factor;
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return milliseconds{0};
  if (text.empty()) return {};
  std::uint64_t total = 0;
  auto next = kDurationUnits.begin();
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return {};
    const std::string_view name = take_unit(text);
    const auto unit = std::find_if(next, kDurationUnits.end(), [&](const Unit& each) { return each.name == name; });
    if (unit == kDurationUnits.end()) return {};
    const auto part = multiply(*number, unit->factor);
    if (!part || !multiply(total + *part, 1)) return {};
    total += *part;
    next = unit + 1;
  }
  return milliseconds{static_cast<std::int64_t>(total)};
}

std::optional<std::size_t> parse_size(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return {};
  const auto unit =
      std::find_if(kSizeUnits.begin(), kSizeUnits.end(), [&](const Unit& each) { return each.name == text; });
  if (unit == kSizeUnits.end()) return {};
  return multiply(*number, unit->factor);
}

std::string duration_text(milliseconds duration) {
  auto rest = static_cast<std::uint64_t>(duration.count());
  std::string text;
  for (const Unit& unit : kDurationUnits) {
    if (rest >= unit.factor) text += std::to_string(rest / unit.factor).append(unit.name);
    rest %= unit.factor;
  }
  return text.empty() ? "0s" : text;
}

std::string size_text(std::size_t bytes) {
  for (std::size_t i = kSizeUnits.size(); i-- > 6;) {
    const Unit& unit = kSizeUnits[i];
    if (bytes >= unit.factor && bytes % unit.factor == 0) return std::to_string(bytes / unit.factor).append(unit.name);
  }
  return std::to_string(bytes);
}

}  // namespace odetl
