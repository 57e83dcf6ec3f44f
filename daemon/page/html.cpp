#include "daemon/page/html.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

#include "daemon/progress.hpp"
#include "etl/utf8_damage.hpp"

namespace odetl::page {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// What one character, of one byte or several, becomes.
std::string_view escape(std::string_view character) {
  switch (character[0]) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    case '\t':
    case '\n':
      return character;
    default:
      break;
  }
  const auto first = static_cast<unsigned char>(character[0]);
  const bool control =
      first < 0x20 || first == 0x7F || (first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0);
  const bool no_character = character == "\xEF\xBF\xBE" || character == "\xEF\xBF\xBF";
  return control || no_character ? kReplacement : character;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    out += length == 0 ? kReplacement : escape(text.substr(0, length));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::string clock_text(sys_seconds instant) { return to_wire(instant); }

std::string day_text(std::chrono::sys_days day) { return to_wire(day).substr(0, 10); }

std::string_view weekday_text(std::chrono::sys_days day) {
  static constexpr std::array<std::string_view, 7> kNames = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  return kNames[std::chrono::weekday(day).c_encoding()];
}

std::string minute_text(sys_seconds instant) { return to_wire(instant).substr(11, 5); }

std::string count_text(std::int64_t count) {
  return with_commas(static_cast<std::uint64_t>(std::max<std::int64_t>(0, count)));
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto ms = std::max<std::int64_t>(0, duration.count());
  if (ms < 1000) return fmt::format("{} ms", ms);
  if (ms < 120'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000.0);
  return rough_text(std::chrono::seconds(ms / 1000));
}

std::string rough_text(std::chrono::seconds duration) {
  struct Unit {
    std::int64_t seconds;
    const char* name;
  };
  static constexpr std::array<Unit, 4> kUnits = {{{86'400, "d"}, {3'600, "h"}, {60, "min"}, {1, "s"}}};
  const std::int64_t all = std::max<std::int64_t>(0, duration.count());
  for (std::size_t i = 0; i + 1 < kUnits.size(); ++i) {
    const auto [size, name] = kUnits[i];
    if (all < size) continue;
    const std::int64_t rest = all % size / kUnits[i + 1].seconds;
    if (rest == 0 || all / size >= 10) return fmt::format("{} {}", all / size, name);
    return fmt::format("{} {} {} {}", all / size, name, rest, kUnits[i + 1].name);
  }
  return fmt::format("{} s", all);
}

std::string time_element(sys_seconds instant) {
  return fmt::format(R"(<time datetime="{}">{}</time>)", to_rfc3339(instant), clock_text(instant));
}

}  // namespace odetl::page
