#include "etl/canonical_json.hpp"

#include <endian.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace odetl {
namespace {

// PostgreSQL's numeric: digits before and after the decimal point.
constexpr long kMaxWholeDigits = 131072;
constexpr long kMaxFractionDigits = 16383;

constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (int c = 0x20; c < 256; ++c) plain[static_cast<std::size_t>(c)] = c != '"' && c != '\\';
  return plain;
}
constexpr auto kPlain = make_plain();  // bytes that stand for themselves inside a string

constexpr std::size_t kWord = sizeof(std::uint64_t);

// How many of eight bytes, the first the lowest, are such before one that is not.
std::size_t count_plain(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const auto has_zero = [](std::uint64_t bytes) { return (bytes - kOnes) & ~bytes & kHighs; };
  const std::uint64_t control = (word - kOnes * 0x20) & ~word & kHighs;
  // Only bits above the first can be wrong.
  const std::uint64_t special = control | has_zero(word ^ (kOnes * '"')) | has_zero(word ^ (kOnes * '\\'));
  return static_cast<std::size_t>(std::countr_zero(special)) / 8;
}

// Eight bytes, the first the lowest.
std::uint64_t load(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return le64toh(word);
}

constexpr std::uint32_t kReplacement = 0xFFFD;  // U+FFFD, for U+0000

bool is_digit(char c) { return c >= '0' && c <= '9'; }

char* put_utf8(char* out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6));
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3F));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  }
  return out;
}

// Why an escape cannot be read.
struct BadEscape {
  const char* reason;
  JsonError::Kind kind = JsonError::Kind::malformed;
};

constexpr BadEscape kLoneSurrogate{"a surrogate without its pair", JsonError::Kind::unstorable};

constexpr std::array<std::uint8_t, 256> make_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(0xFF);
  for (std::uint8_t i = 0; i < 10; ++i) digits['0' + std::size_t{i}] = i;
  for (std::uint8_t i = 0; i < 6; ++i) digits['a' + std::size_t{i}] = digits['A' + std::size_t{i}] = 10 + i;
  return digits;
}
constexpr auto kDigits = make_digits();  // hexadecimal; above 15: none

std::uint32_t read_hex4(const char*& at, const char* end) {
  constexpr BadEscape bad{"not four hexadecimal digits"};
  if (end - at < 4) throw bad;
  std::uint32_t value = 0;
  std::uint32_t all = 0;
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t digit = kDigits[static_cast<unsigned char>(at[i])];
    value = value << 4 | digit;
    all |= digit;
  }
  if (all > 15) throw bad;
  at += 4;
  return value;
}

std::uint32_t read_unicode_escape(const char*& at, const char* end) {
  const std::uint32_t point = read_hex4(at, end);
  if (point < 0xD800 || point > 0xDFFF) return point;
  if (point >= 0xDC00 || end - at < 2 || at[0] != '\\' || at[1] != 'u') throw kLoneSurrogate;
  at += 2;
  const std::uint32_t low = read_hex4(at, end);
  if (low < 0xDC00 || low > 0xDFFF) throw kLoneSurrogate;
  return 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
}

// The code point that the escape at `at` (its backslash) stands for; `at` moves behind it.
std::uint32_t read_escape(const char*& at, const char* end) {
  if (end - at < 2) throw BadEscape{"the text ends inside an escape"};
  const char kind = at[1];
  at += 2;
  switch (kind) {
    case '"': case '\\': case '/': return static_cast<std::uint32_t>(kind);
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': return read_unicode_escape(at, end);
    default: throw BadEscape{"an unknown escape"};
  }
}

// At most as many bytes as the shortest escape of it has.
char* put_canonical(char* out, std::uint32_t point) {
  static constexpr const char* hex = "0123456789abcdef";
  const auto put = [&out](std::string_view text) { return out + text.copy(out, text.size()); };
  switch (point) {
    case '"': return put("\\\"");
    case '\\': return put("\\\\");
    case '\b': return put("\\b");
    case '\f': return put("\\f");
    case '\n': return put("\\n");
    case '\r': return put("\\r");
    case '\t': return put("\\t");
    default: break;
  }
  if (point >= 0x20) return put_utf8(out, point);
  out = put("\\u00");
  *out++ = hex[point >> 4];
  *out++ = hex[point & 15];
  return out;
}

// The byte that the next characters of a canonical string stand for; only single bytes are ever escaped there.
unsigned char next_byte(const char*& at) {
  if (*at != '\\') return static_cast<unsigned char>(*at++);
  const char kind = at[1];
  at += 2;
  switch (kind) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': return static_cast<unsigned char>(read_hex4(at, at + 4));
    default: return static_cast<unsigned char>(kind);
  }
}

// The first eight bytes that a canonical key stands for, the first the highest; 0, which no key holds, behind a shorter one.
std::uint64_t prefix_of(const char* at, const char* end) {
  std::uint64_t prefix = 0;
  for (int shift = 56; shift >= 0 && at != end; shift -= 8) prefix |= std::uint64_t{next_byte(at)} << shift;
  return prefix;
}

}  // namespace

std::string_view Canonicaliser::canonicalise(std::string_view json) {
  if (own_size_ < json.size()) {
    const std::size_t size = std::max(json.size(), 2 * std::exchange(own_size_, 0));
    own_.reset();  // never both
    own_ = std::make_unique_for_overwrite<char[]>(size);
    own_size_ = size;
  }
  return write(json, own_.get());
}

std::string_view Canonicaliser::canonicalise(std::string_view json, TextArena& arena) {
  char* const room = arena.reserve(json.size());
  try {
    const std::string_view canonical = write(json, room);
    arena.give_back(room, json.size(), json.size() - canonical.size());
    return canonical;
  } catch (...) {
    arena.give_back(room, json.size(), json.size());
    throw;
  }
}

std::string_view Canonicaliser::write(std::string_view json, char* room) {
  begin_ = at_ = json.data();
  end_ = begin_ + json.size();
  out_ = put_ = room;
  spans_.clear();
  members_.clear();
  sanitised_ = false;
  skip_space();
  value(0);
  skip_space();
  if (at_ != end_) fail("text after the value");
  return {out_, size()};
}

void Canonicaliser::fail(const char* reason, JsonError::Kind kind) const {
  throw JsonError(kind, reason, static_cast<std::size_t>(at_ - begin_));
}

void Canonicaliser::skip_blanks() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

void Canonicaliser::value(int depth) {
  if (at_ == end_) fail("the text ends where a value should stand");
  JsonKind kind = JsonKind::null;
  switch (*at_) {
    case '{': object(depth); kind = JsonKind::object; break;
    case '[': array(depth); kind = JsonKind::array; break;
    case '"': string(); kind = JsonKind::string; break;
    case 't': literal("true"); kind = JsonKind::boolean; break;
    case 'f': literal("false"); kind = JsonKind::boolean; break;
    case 'n': literal("null"); break;
    default: number(); kind = JsonKind::number; break;
  }
  kind_ = kind;  // the outermost value is the last to end
}

void Canonicaliser::literal(std::string_view word) {
  if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, word.size()) != word) fail("not a value");
  at_ += word.size();
  put_ += word.copy(put_, word.size());
}

void Canonicaliser::array(int depth) {
  if (depth >= kMaxJsonDepth) fail("nested too deeply", JsonError::Kind::unstorable);
  *put_++ = *at_++;
  skip_space();
  if (at_ != end_ && *at_ == ']') {
    *put_++ = *at_++;
    return;
  }
  for (;;) {
    skip_space();
    value(depth + 1);
    skip_space();
    if (at_ == end_ || (*at_ != ',' && *at_ != ']')) fail("neither ',' nor ']' after an element");
    *put_++ = *at_;
    if (*at_++ == ']') return;
  }
}

void Canonicaliser::object(int depth) {
  if (depth >= kMaxJsonDepth) fail("nested too deeply", JsonError::Kind::unstorable);
  const std::size_t begin = size();
  const std::size_t first_span = spans_.size();
  *put_++ = *at_++;
  skip_space();
  if (at_ != end_ && *at_ == '}') {
    *put_++ = *at_++;
    return;
  }
  for (;;) {
    member(depth, first_span);
    skip_space();
    if (at_ == end_ || (*at_ != ',' && *at_ != '}')) fail("neither ',' nor '}' after a member");
    *put_++ = *at_;
    if (*at_++ == '}') break;
  }
  sort_members(begin, first_span);
  if (depth == 0) keep_members(first_span);
  spans_.resize(first_span);
}

void Canonicaliser::member(int depth, std::size_t first_span) {
  skip_space();
  if (at_ == end_ || *at_ != '"') fail("no key where one should stand");
  Span span{};
  span.key_begin = size() + 1;
  string();
  span.key_end = size() - 1;
  span.key_prefix = prefix_of(out_ + span.key_begin, out_ + span.key_end);
  skip_space();
  if (at_ == end_ || *at_ != ':') fail("no ':' after a key");
  *put_++ = *at_++;
  skip_space();
  value(depth + 1);
  span.end = size();
  spans_.push_back(span);
  if (spans_.size() - first_span > (std::size_t{1} << 20)) fail("more than a million keys in one object", JsonError::Kind::unstorable);
}

std::string_view Canonicaliser::key_of(const Span& span) const {
  return {out_ + span.key_begin, span.key_end - span.key_begin};
}

int Canonicaliser::compare(const Span& a, const Span& b) const {
  if (a.key_prefix != b.key_prefix) return a.key_prefix < b.key_prefix ? -1 : 1;
  return compare_keys(key_of(a), key_of(b));
}

// Puts the members of the object that begins at `begin` in order; most come sorted or alone.
void Canonicaliser::sort_members(std::size_t begin, std::size_t first_span) {
  const auto spans = std::span(spans_).subspan(first_span);
  const auto not_ascending = [this](const Span& a, const Span& b) { return compare(a, b) >= 0; };
  if (std::adjacent_find(spans.begin(), spans.end(), not_ascending) == spans.end()) return;
  std::sort(spans.begin(), spans.end(), [this](const Span& a, const Span& b) { return compare(a, b) < 0; });
  if (std::adjacent_find(spans.begin(), spans.end(), not_ascending) != spans.end()) {
    fail("a key stands twice in the object that ends here", JsonError::Kind::unstorable);
  }
  scratch_.assign(out_ + begin, put_);
  put_ = out_ + begin + 1;
  for (Span& span : spans) {
    if (size() > begin + 1) *put_++ = ',';
    const std::size_t moved = size();
    put_ += scratch_.copy(put_, span.end - span.key_begin + 1, span.key_begin - 1 - begin);
    span = {moved + 1, moved + 1 + (span.key_end - span.key_begin), size(), span.key_prefix};
  }
  *put_++ = '}';
}

void Canonicaliser::keep_members(std::size_t first_span) {
  members_.resize(spans_.size() - first_span);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const Span& span = spans_[first_span + i];
    const std::size_t value_begin = span.key_end + 2;
    members_[i] = {key_of(span), {out_ + value_begin, span.end - value_begin}};
  }
}

void Canonicaliser::string() {
  const char* at = at_;  // locals: any byte that is written could be the members', for all the compiler knows
  char* put = put_;
  *put++ = *at++;
  for (;;) {
    std::size_t plain = kWord;
    while (plain == kWord && static_cast<std::size_t>(end_ - at) >= kWord) {
      std::memcpy(put, at, kWord);
      plain = count_plain(load(at));
      at += plain;
      put += plain;
    }
    while (at != end_ && kPlain[static_cast<unsigned char>(*at)]) *put++ = *at++;
    at_ = at;
    if (at == end_) fail("the text ends inside a string");
    if (*at == '"') break;
    if (*at != '\\') fail("a control character inside a string");
    std::uint32_t point = 0;
    try {
      point = read_escape(at, end_);
    } catch (const BadEscape& bad) {
      at_ = at;
      fail(bad.reason, bad.kind);
    }
    sanitised_ |= point == 0;
    put = put_canonical(put, point == 0 ? kReplacement : point);
  }
  *put++ = '"';
  put_ = put;
  ++at_;
}

void Canonicaliser::number() {
  const char* start = at_;
  const auto digits = [this] {
    const char* first = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return static_cast<long>(at_ - first);
  };
  if (at_ != end_ && *at_ == '-') ++at_;
  const bool zero = at_ != end_ && *at_ == '0';
  const long whole = digits();
  if (whole == 0 || (zero && whole > 1)) fail("not a value");
  long fraction = 0;
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if ((fraction = digits()) == 0) fail("no digit after the decimal point");
  }
  long exponent = 0;
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    const bool negative = at_ != end_ && *at_ == '-';
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    const char* first = at_;
    if (digits() == 0) fail("no digit in the exponent");
    if (std::from_chars(first, at_, exponent).ec != std::errc{}) exponent = 1'000'000'000;
    if (negative) exponent = -exponent;
  }
  if (whole + exponent > kMaxWholeDigits || fraction - exponent > kMaxFractionDigits) {
    fail("a number outside of what PostgreSQL's numeric holds", JsonError::Kind::unstorable);
  }
  put_ = std::copy(start, at_, put_);
}

int compare_keys(std::string_view a, std::string_view b) {
  const char* p = a.data();
  const char* q = b.data();
  const char* const common = p + std::min(a.size(), b.size());
  for (; p != common && *p == *q && *p != '\\'; ++p, ++q) {
  }
  while (p < a.data() + a.size() && q < b.data() + b.size()) {
    const int difference = next_byte(p) - next_byte(q);
    if (difference != 0) return difference;
  }
  return (p < a.data() + a.size()) - (q < b.data() + b.size());
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  const char* run = text.data();
  const char* const end = run + text.size();
  for (const char* at = run; at != end; ++at) {
    if (kPlain[static_cast<unsigned char>(*at)]) continue;
    out.append(run, at);
    char escape[6];
    out.append(escape, put_canonical(escape, static_cast<unsigned char>(*at)));
    run = at + 1;
  }
  out.append(run, end);
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

std::size_t unquote(std::string_view quoted, char* out, bool& sanitised) {
  const char* at = quoted.data();
  const char* end = at + quoted.size();
  char* const begin = out;
  const auto fail = [&](const char* reason, JsonError::Kind kind = JsonError::Kind::malformed) {
    throw JsonError(kind, reason, static_cast<std::size_t>(at - quoted.data()));
  };
  if (quoted.size() < 2 || *at != '"' || end[-1] != '"') fail("not a string");
  ++at;
  --end;
  while (at != end) {
    const char* run = at;
    while (at != end && kPlain[static_cast<unsigned char>(*at)]) ++at;
    out = std::copy(run, at, out);
    if (at == end) break;
    if (*at != '\\') fail("a quote or a control character inside a string");
    std::uint32_t point = 0;
    try {
      point = read_escape(at, end);
    } catch (const BadEscape& bad) {
      fail(bad.reason, bad.kind);
    }
    sanitised |= point == 0;
    out = put_utf8(out, point == 0 ? kReplacement : point);
  }
  return static_cast<std::size_t>(out - begin);
}

}  // namespace odetl
