#include "etl/utf8_damage.hpp"

#include <algorithm>
#include <cstdint>

namespace odetl {

std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto has = [&](std::size_t count) {
    if (text.size() < count) return false;
    for (std::size_t i = 1; i < count; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return false;
    }
    return true;
  };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return has(2) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!has(3)) return 0;
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!has(4)) return 0;
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool past_the_end = first == 0xF4 && byte(1) >= 0x90;
    return overlong || past_the_end ? 0 : 4;
  }
  return 0;
}

bool Utf8Damage::repair(Body& body) {
  bad_.clear();
  char* at = body.data();
  const char* end = at + body.size();
  while (at != end) {
    const std::size_t length = utf8_length({at, static_cast<std::size_t>(end - at)});
    if (length == 0) {
      if (bad_.size() == kMaxBadBytes) return false;
      bad_.push_back(at);
      *at = '?';
    }
    at += std::max<std::size_t>(length, 1);
  }
  return true;
}

std::size_t Utf8Damage::count(std::string_view text) const {
  const auto first = std::lower_bound(bad_.begin(), bad_.end(), text.data());
  const auto last = std::lower_bound(first, bad_.end(), text.data() + text.size());
  return static_cast<std::size_t>(last - first);
}

std::string Utf8Damage::restored(std::string_view text) const {
  std::string out(text);
  const auto first = std::lower_bound(bad_.begin(), bad_.end(), text.data());
  auto at = std::lower_bound(first, bad_.end(), text.data() + text.size());
  while (at != first) {
    --at;
    out.replace(static_cast<std::size_t>(*at - text.data()), 1, "\xEF\xBF\xBD");
  }
  return out;
}

}  // namespace odetl
