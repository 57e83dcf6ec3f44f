#include "tests/simulator/php_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

namespace odetl::simulator {
namespace {

constexpr int kMostLevels = 512;  // json_encode's own limit

void append_unit(std::string& out, std::uint32_t unit) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (unsigned shift : {12U, 8U, 4U, 0U}) out += kHex[(unit >> shift) & 0xfU];
}

void append_code_point(std::string& out, std::uint32_t code) {
  if (code < 0x10000) return append_unit(out, code);
  append_unit(out, 0xd800 + ((code - 0x10000) >> 10U));
  append_unit(out, 0xdc00 + ((code - 0x10000) & 0x3ffU));
}

// Escapes of one letter: what they stand for, and the letter.
constexpr std::string_view kEscaped = "\"\\/\b\f\n\r\t", kLetters = "\"\\/bfnrt";

void append_ascii(std::string& out, char c) {
  if (const std::size_t at = kEscaped.find(c); at != kEscaped.npos) {
    out.append(1, '\\').append(1, kLetters[at]);
  } else if (static_cast<unsigned char>(c) < 0x20) {
    append_unit(out, static_cast<unsigned char>(c));
  } else {
    out += c;
  }
}

// The code point at the front of `utf8`, taken off it.
std::uint32_t take_code_point(std::string_view& utf8) {
  const auto byte = [&](std::size_t at) -> std::uint32_t {
    return at < utf8.size() ? static_cast<unsigned char>(utf8[at]) : 0U;
  };
  const std::uint32_t first = byte(0);
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  std::uint32_t code = first & (0xffU >> (length + 1));
  bool sound = first >= 0xc2 && first <= 0xf4;
  for (std::size_t at = 1; at < length; ++at) {
    sound = sound && (byte(at) & 0xc0U) == 0x80U;
    code = (code << 6U) | (byte(at) & 0x3fU);
  }
  static constexpr std::array<std::uint32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  sound = sound && code >= kLeast[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  if (!sound) throw std::invalid_argument("text for JSON: not UTF-8");
  utf8.remove_prefix(length);
  return code;
}

// Reads JSON and writes it again as PHP would.
class Rewriter {
 public:
  explicit Rewriter(std::string_view json) : rest_(json) {}

  std::string whole() {
    std::string out = value(0);
    skip_blanks();
    if (!rest_.empty()) fail("something follows the document");
    return out;
  }

 private:
  [[noreturn]] static void fail(const char* why) { throw std::invalid_argument(std::string("JSON: ") + why); }

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }

  bool take(char c) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string value(int level) {
    if (level > kMostLevels) fail("nested too deeply");
    if (take('{')) return map(level);
    if (take('[')) return list(level);
    if (take('"')) return string().first;
    return scalar();
  }

  std::string map(int level) {
    std::vector<std::pair<std::string, std::string>> members;
    bool all_numeric = true;
    while (!take('}')) {
      if (!members.empty() && !take(',')) fail("a comma is missing in a map");
      if (!take('"')) fail("a key is missing in a map");
      auto [key, plain] = string();
      all_numeric = all_numeric && is_numeric(plain);
      if (!take(':')) fail("a colon is missing in a map");
      members.emplace_back(std::move(key), value(level + 1));
    }
    std::string out(1, all_numeric ? '[' : '{');
    for (const auto& [key, member] : members) {
      if (out.size() > 1) out += ',';
      if (!all_numeric) out.append(key).append(1, ':');
      out += member;
    }
    return out += all_numeric ? ']' : '}';
  }

  std::string list(int level) {
    std::string out = "[";
    while (!take(']')) {
      if (out.size() > 1 && !take(',')) fail("a comma is missing in a list");
      if (out.size() > 1) out += ',';
      out += value(level + 1);
    }
    return out += ']';
  }

  // A string after its opening quote: as PHP writes it, and its plain text.
  std::pair<std::string, std::string> string() {
    std::string written = "\"", plain;
    while (!rest_.empty() && rest_.front() != '"') {
      const std::uint32_t code = rest_.front() == '\\' ? escape() : character();
      if (code < 0x80) {
        append_ascii(written, static_cast<char>(code));
        plain += static_cast<char>(code);
      } else {
        append_code_point(written, code);
        plain += '?';  // only whether a key is numeric is asked of it
      }
    }
    if (!take('"')) fail("a string does not end");
    return {written + '"', plain};
  }

  std::uint32_t character() {
    if (static_cast<unsigned char>(rest_.front()) >= 0x80) return take_code_point(rest_);
    const auto code = static_cast<std::uint32_t>(rest_.front());
    rest_.remove_prefix(1);
    return code;
  }

  std::uint32_t escape() {
    rest_.remove_prefix(1);
    if (rest_.empty()) fail("an escape does not end");
    const char name = rest_.front();
    rest_.remove_prefix(1);
    if (name != 'u') {
      const std::size_t at = kLetters.find(name);
      if (at == kLetters.npos) fail("unknown escape");
      return static_cast<std::uint32_t>(kEscaped[at]);
    }
    const std::uint32_t high = unit();
    if (high < 0xd800 || high > 0xdbff || !rest_.starts_with("\\u")) return high;
    rest_.remove_prefix(2);
    return 0x10000 + ((high - 0xd800) << 10U) + (unit() - 0xdc00);
  }

  std::uint32_t unit() {
    std::uint32_t value = 0;
    const auto digits = rest_.substr(0, 4);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc() || end != digits.data() + 4) fail("bad \\u escape");
    rest_.remove_prefix(4);
    return value;
  }

  std::string scalar() {
    skip_blanks();
    const std::size_t length = std::min(rest_.find_first_of(",]} \t\r\n"), rest_.size());
    std::string token(rest_.substr(0, length));
    rest_.remove_prefix(length);
    if (token == "null" || token == "true" || token == "false") return token;
    if (!is_numeric(token)) fail("neither a word nor a number");
    if (token.find('.') != token.npos && token.find_first_of("eE") == token.npos) {
      token.erase(token.find_last_not_of('0') + 1);
      if (token.back() == '.') token.pop_back();
    }
    return token;
  }

  std::string_view rest_;
};

}  // namespace

void append_php_string(std::string& out, std::string_view utf8) {
  out += '"';
  while (!utf8.empty()) {
    const auto plain = static_cast<std::size_t>(
        std::find_if(utf8.begin(), utf8.end(),
                     [](char c) { return static_cast<signed char>(c) < 0x20 || c == '"' || c == '\\' || c == '/'; }) -
        utf8.begin());
    out.append(utf8.substr(0, plain));
    utf8.remove_prefix(plain);
    if (utf8.empty()) break;
    if (static_cast<unsigned char>(utf8.front()) >= 0x80) {
      append_code_point(out, take_code_point(utf8));
    } else {
      append_ascii(out, utf8.front());
      utf8.remove_prefix(1);
    }
  }
  out += '"';
}

std::string php_string(std::string_view utf8) {
  std::string out;
  append_php_string(out, utf8);
  return out;
}

std::string php_json(std::string_view json) { return Rewriter(json).whole(); }

bool is_numeric(std::string_view text) {
  static constexpr std::string_view kBlanks = " \t\n\r\v\f";
  const auto digits = [&] {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count;
  };
  const auto take = [&](std::string_view any_of) {
    const bool found = !text.empty() && any_of.find(text.front()) != any_of.npos;
    if (found) text.remove_prefix(1);
    return found;
  };
  while (take(kBlanks)) {
  }
  take("+-");
  const std::size_t before = digits();
  const std::size_t after = take(".") ? digits() : 0;
  if (before + after == 0) return false;
  if (take("eE")) {
    take("+-");
    if (digits() == 0) return false;
  }
  while (take(kBlanks)) {
  }
  return text.empty();
}

}  // namespace odetl::simulator
