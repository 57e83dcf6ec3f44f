#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>
#include <stdexcept>
#include <utility>

#include "tests/simulator/faults.hpp"

// The textual form of a fault.
namespace odetl::simulator {
namespace {

template <typename Value>
using Named = std::pair<std::string_view, Value>;

constexpr std::array kKinds{
    Named<FaultKind>{"none", FaultKind::none},
    Named<FaultKind>{"status", FaultKind::status},
    Named<FaultKind>{"html", FaultKind::html},
    Named<FaultKind>{"empty-body", FaultKind::empty_body},
    Named<FaultKind>{"empty-list", FaultKind::empty_list},
    Named<FaultKind>{"truncate", FaultKind::truncate},
    Named<FaultKind>{"reset", FaultKind::reset},
    Named<FaultKind>{"reset-mid-body", FaultKind::reset_mid_body},
    Named<FaultKind>{"black-hole", FaultKind::black_hole},
    Named<FaultKind>{"content-type", FaultKind::content_type},
    Named<FaultKind>{"garbage", FaultKind::garbage},
    Named<FaultKind>{"wrong-echo", FaultKind::wrong_echo},
    Named<FaultKind>{"other-window", FaultKind::other_window},
    Named<FaultKind>{"strange-row", FaultKind::strange_row},
    Named<FaultKind>{"ignore-bounds", FaultKind::ignore_bounds},
    Named<FaultKind>{"cap", FaultKind::cap},
    Named<FaultKind>{"redirect", FaultKind::redirect},
    Named<FaultKind>{"bad-gzip", FaultKind::bad_gzip},
    Named<FaultKind>{"bad-chunk", FaultKind::bad_chunk},
    Named<FaultKind>{"padding", FaultKind::padding},
    Named<FaultKind>{"headers", FaultKind::headers},
    Named<FaultKind>{"body", FaultKind::body},
};

constexpr std::array kCuts{
    Named<Cut>{"chunked", Cut::chunked}, Named<Cut>{"document", Cut::document}, Named<Cut>{"length", Cut::length},
    Named<Cut>{"short", Cut::shorter},   Named<Cut>{"gzip", Cut::gzip},         Named<Cut>{"close", Cut::close},
};

constexpr std::array kGzipFlaws{
    Named<GzipFlaw>{"plain", GzipFlaw::plain},       Named<GzipFlaw>{"corrupt", GzipFlaw::corrupt},
    Named<GzipFlaw>{"crc", GzipFlaw::crc},           Named<GzipFlaw>{"double", GzipFlaw::doubled},
    Named<GzipFlaw>{"trailing", GzipFlaw::trailing}, Named<GzipFlaw>{"unasked", GzipFlaw::unasked},
};

[[noreturn]] void refuse(std::string_view word, std::string_view why) {
  throw std::invalid_argument("fault '" + std::string(word) + "': " + std::string(why));
}

template <typename Table>
auto value_named(const Table& table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const auto& entry) { return entry.first == name; });
  if (found == table.end()) refuse(name, "no such name");
  return found->second;
}

template <typename Number>
Number number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) refuse(text, "not a number");
  return value;
}

Second second(std::string_view text) {
  const auto moment = read_moment(text);
  if (!moment) refuse(text, "not a date");
  return moment->wall;
}

void set_how(Fault& fault, std::string_view value) {
  if (fault.kind == FaultKind::truncate) {
    fault.cut = value_named(kCuts, value);
  } else {
    fault.gzip_flaw = value_named(kGzipFlaws, value);
  }
}

void set(Fault& fault, const std::string& name, const std::string& value) {
  const std::map<std::string, std::function<void()>> settings{
      {"next", [&] { fault.next = number<std::uint64_t>(value); }},
      {"skip", [&] { fault.skip = number<std::uint64_t>(value); }},
      {"containing", [&] { fault.containing = second(value); }},
      {"wider_than", [&] { fault.wider_than = std::chrono::seconds(number<long>(value)); }},
      {"rows_over", [&] { fault.rows_over = number<std::size_t>(value); }},
      {"code", [&] { fault.code = number<int>(value); }},
      {"retry_after", [&] { fault.retry_after = value; }},
      {"text", [&] { fault.text = value; }},
      {"at", [&] { fault.at = number<std::size_t>(value); }},
      {"shift", [&] { fault.shift = std::chrono::seconds(number<long>(value)); }},
      {"how", [&] { set_how(fault, value); }},
      {"delay_ms", [&] { fault.delay = std::chrono::milliseconds(number<long>(value)); }},
      {"bytes_per_second", [&] { fault.bytes_per_second = number<std::size_t>(value); }}};
  const auto setting = settings.find(name);
  if (setting == settings.end()) refuse(name, "no such setting");
  setting->second();
}

std::string_view take_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r"), rest.size()));
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t\r"));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace

Fault read_fault(std::string_view line) {
  Fault fault;
  fault.kind = value_named(kKinds, take_word(line));
  for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
    const std::size_t equals = word.find('=');
    if (equals == word.npos) refuse(word, "a setting is written name=value");
    set(fault, std::string(word.substr(0, equals)), percent_decoded(word.substr(equals + 1), Plus::literal));
  }
  return fault;
}

std::string_view name_of(FaultKind kind) {
  return std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& entry) { return entry.second == kind; })->first;
}

}  // namespace odetl::simulator
