#pragma once
#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "daemon/config_keys.hpp"
#include "daemon/config_values.hpp"
#include "daemon/nearest.hpp"

namespace odetl::value_types {

/// A kind of value, as the table of keys names it. The functions below make one from `field`, which finds the
/// place in a Config, and from its bounds; the setter throws BadValue.
struct ValueType {
  std::string type;
  KeyRow::Setter set;
  std::vector<std::string> accepted = {};
  std::string range = {};
};

template <typename Section, typename T>
auto at(Section Config::*section, T Section::*member) {
  return [=](Config& config) -> T& { return config.*section.*member; };
}

template <typename T>
auto at(T Config::*member) {
  return [=](Config& config) -> T& { return config.*member; };
}

inline std::chrono::milliseconds read_duration(const Scalar& scalar, std::chrono::milliseconds least,
                                               std::chrono::milliseconds most) {
  const auto duration = parse_duration(scalar.value);
  const bool bare = !scalar.value.empty() && scalar.value.find_first_not_of("0123456789") == std::string::npos;
  if (!duration && bare && scalar.literal) throw BadValue(scalar.shown + " has no unit; write " + scalar.shown + "s");
  if (!duration) throw BadValue(scalar.shown + " is no duration; one such as 90s, 15m, 1h30m or 7d is accepted");
  if (*duration < least || *duration > most) {
    throw BadValue(scalar.shown + " is out of range; " + duration_text(least) + " to " + duration_text(most) +
                   " is accepted");
  }
  return *duration;
}

inline std::chrono::seconds read_seconds(const Scalar& scalar, std::chrono::milliseconds least,
                                         std::chrono::milliseconds most) {
  const auto duration = read_duration(scalar, least, most);
  const auto whole = std::chrono::floor<std::chrono::seconds>(duration);
  if (whole != duration) throw BadValue(scalar.shown + " is not whole; whole seconds are accepted");
  return whole;
}

template <typename Field>
ValueType duration(Field field, std::chrono::milliseconds least, std::chrono::milliseconds most) {
  const auto set = [=](const ConfigNode& node, ConfigReader& reader) {
    if constexpr (std::is_same_v<decltype(field(reader.config)), std::chrono::seconds&>) {
      field(reader.config) = read_seconds(reader.scalar(node), least, most);
    } else {
      field(reader.config) = read_duration(reader.scalar(node), least, most);
    }
  };
  return {"duration", set, {}, duration_text(least) + " to " + duration_text(most)};
}

template <typename Field>
ValueType size(Field field, std::size_t least, std::size_t most) {
  const std::string range = size_text(least) + " to " + size_text(most);
  const auto set = [=](const ConfigNode& node, ConfigReader& reader) {
    const Scalar scalar = reader.scalar(node);
    const auto bytes = parse_size(scalar.value);
    if (!bytes) throw BadValue(scalar.shown + " is no size; one such as 64KiB, 256MiB or 1GiB is accepted");
    if (*bytes < least || *bytes > most) throw BadValue(scalar.shown + " is out of range; " + range + " is accepted");
    field(reader.config) = *bytes;
  };
  return {"size", set, {}, range};
}

/// A quoted number or truth value is text in YAML, unless it had to be quoted for the sake of a `${VAR}`.
inline void refuse_quoted(const Scalar& scalar, const char* accepted) {
  if (!scalar.quoted || !scalar.literal) return;
  throw BadValue(scalar.shown + " is text; " + accepted + " without quotes is accepted");
}

template <typename Field>
ValueType integer(Field field, int least, int most) {
  const std::string range = std::to_string(least) + " to " + std::to_string(most);
  const auto set = [=](const ConfigNode& node, ConfigReader& reader) {
    const Scalar scalar = reader.scalar(node);
    refuse_quoted(scalar, "a whole number");
    int number = 0;
    const char* end = scalar.value.data() + scalar.value.size();
    const auto [stop, error] = std::from_chars(scalar.value.data(), end, number);
    const bool whole = stop == end && error != std::errc::invalid_argument;
    if (!whole) throw BadValue(scalar.shown + " is no whole number; " + range + " is accepted");
    if (error != std::errc{} || number < least || number > most) {
      throw BadValue(scalar.shown + " is out of range; " + range + " is accepted");
    }
    field(reader.config) = number;
  };
  return {"integer", set, {}, range};
}

template <typename Field>
ValueType boolean(Field field) {
  const auto set = [=](const ConfigNode& node, ConfigReader& reader) {
    const Scalar scalar = reader.scalar(node);
    refuse_quoted(scalar, "true or false");
    if (scalar.value != "true" && scalar.value != "false") {
      throw BadValue(scalar.shown + " is no truth value; true or false is accepted");
    }
    field(reader.config) = scalar.value == "true";
  };
  return {"boolean", set};
}

/// `fail, warn, off or auto`.
inline std::string alternatives(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : &word == &words.back() ? " or " : ", ") + word;
  }
  return text;
}

template <typename Value, typename Field>
ValueType words(Field field, std::vector<std::pair<std::string, Value>> meanings) {
  std::vector<std::string> accepted;
  for (const auto& meaning : meanings) accepted.push_back(meaning.first);
  const auto set = [=](const ConfigNode& node, ConfigReader& reader) {
    const Scalar scalar = reader.scalar(node);
    const auto found = std::find(accepted.begin(), accepted.end(), scalar.value);
    if (found == accepted.end()) {
      const auto near = scalar.literal ? nearest(scalar.value, accepted) : std::nullopt;
      throw BadValue(scalar.shown + " is not known; " + (near ? "did you mean " + *near + "? " : "") +
                     alternatives(accepted) + " is accepted");
    }
    field(reader.config) = meanings[static_cast<std::size_t>(found - accepted.begin())].second;
  };
  return {"enum", set, accepted};
}

/// `refuse` says what is wrong without the value, see config_values.hpp.
template <typename Field>
ValueType text(Field field, std::optional<std::string> (*refuse)(const std::string&)) {
  const auto set = [=](const ConfigNode& node, ConfigReader& reader) {
    std::string value = reader.scalar(node).value;
    if (const auto wrong = refuse(value)) throw BadValue(*wrong);
    field(reader.config) = std::move(value);
  };
  return {"string", set};
}

}  // namespace odetl::value_types
