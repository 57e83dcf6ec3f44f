#include "daemon/printable.hpp"

#include <spdlog/fmt/fmt.h>

#include "etl/utf8_damage.hpp"

namespace odetl {
namespace {

std::string escape(unsigned code) {
  switch (code) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format("\\u{:04x}", code);
  }
}

// U+2028 and U+2029, which some readers take for line ends.
bool separates(std::string_view character) { return character == "\xE2\x80\xA8" || character == "\xE2\x80\xA9"; }

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    const auto first = static_cast<unsigned char>(character.front());
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (first < 0x20 || first == 0x7F) {
      out += escape(first);
    } else if (first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0) {
      out += escape(static_cast<unsigned char>(character[1]));
    } else if (separates(character)) {
      out += character[2] == '\xA8' ? "\\u2028" : "\\u2029";
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

}  // namespace odetl
