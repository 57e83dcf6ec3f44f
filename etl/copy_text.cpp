#include "etl/copy_text.hpp"

#include <array>

namespace odetl {
namespace {

// What follows the backslash for a byte that needs one, else 0.
constexpr std::array<char, 256> make_escapes() {
  std::array<char, 256> escapes{};
  escapes['\\'] = '\\';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  escapes['\v'] = 'v';
  return escapes;
}
constexpr auto kEscapes = make_escapes();

// Most texts need nothing; the compiler makes this a vector's work.
bool needs_escapes(std::string_view text) {
  bool needs = false;
  for (const char c : text) needs |= static_cast<unsigned char>(c) < 0x20 || c == '\\';
  return needs;
}

void append_field(std::string& line, std::string_view text) {
  if (!needs_escapes(text)) {
    line.append(text);
    return;
  }
  const char* run = text.data();
  const char* const end = run + text.size();
  for (const char* at = run; at != end; ++at) {
    const char escape = kEscapes[static_cast<unsigned char>(*at)];
    if (escape == 0) continue;
    line.append(run, at);
    line += '\\';
    line += escape;
    run = at + 1;
  }
  line.append(run, end);
}

}  // namespace

void append_copy_row(std::string& line, std::span<const std::optional<std::string_view>> fields) {
  bool first = true;
  for (const auto& field : fields) {
    if (!first) line += '\t';
    first = false;
    if (field) {
      append_field(line, *field);
    } else {
      line += "\\N";
    }
  }
}

}  // namespace odetl
