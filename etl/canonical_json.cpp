#include "etl/canonical_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>

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

// Whether all eight bytes at `at` are such.
bool are_plain(const char* at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  const auto has_zero = [](std::uint64_t bytes) { return (bytes - kOnes) & ~bytes & kHighs; };
  const std::uint64_t control = (word - kOnes * 0x20) & ~word & kHighs;
  return (control | has_zero(word ^ (kOnes * '"')) | has_zero(word ^ (kOnes * '\\'))) == 0;
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

std::uint32_t read_hex4(const char*& at, const char* end) {
  std::uint32_t value = 0;
  if (end - at < 4 || std::from_chars(at, at + 4, value, 16).ptr != at + 4) {
    throw BadEscape{"not four hexadecimal digits"};
  }
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

void append_canonical(std::string& out, std::uint32_t point) {
  static constexpr const char* hex = "0123456789abcdef";
  switch (point) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  if (point >= 0x20) {
    char bytes[4];
    out.append(bytes, put_utf8(bytes, point));
    return;
  }
  out += "\\u00";
  out += hex[point >> 4];
  out += hex[point & 15];
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
    case 'u': {
      unsigned value = 0;
      std::from_chars(at, at + 4, value, 16);
      at += 4;
      return static_cast<unsigned char>(value);
    }
    default: return static_cast<unsigned char>(kind);
  }
}

}  // namespace

std::string_view Canonicaliser::canonicalise(std::string_view json) {
  begin_ = at_ = json.data();
  end_ = begin_ + json.size();
  out_.clear();
  spans_.clear();
  members_.clear();
  sanitised_ = false;
  skip_space();
  value(0);
  skip_space();
  if (at_ != end_) fail("text after the value");
  return out_;
}

void Canonicaliser::fail(const char* reason, JsonError::Kind kind) const {
  throw JsonError(kind, reason, static_cast<std::size_t>(at_ - begin_));
}

void Canonicaliser::skip_space() {
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
  out_ += word;
}

void Canonicaliser::array(int depth) {
  if (depth >= kMaxJsonDepth) fail("nested too deeply", JsonError::Kind::unstorable);
  out_ += *at_++;
  skip_space();
  if (at_ != end_ && *at_ == ']') {
    out_ += *at_++;
    return;
  }
  for (;;) {
    skip_space();
    value(depth + 1);
    skip_space();
    if (at_ == end_ || (*at_ != ',' && *at_ != ']')) fail("neither ',' nor ']' after an element");
    out_ += *at_;
    if (*at_++ == ']') return;
  }
}

void Canonicaliser::object(int depth) {
  if (depth >= kMaxJsonDepth) fail("nested too deeply", JsonError::Kind::unstorable);
  const std::size_t begin = out_.size();
  const std::size_t first_span = spans_.size();
  out_ += *at_++;
  skip_space();
  if (at_ != end_ && *at_ == '}') {
    out_ += *at_++;
    return;
  }
  for (;;) {
    member(depth, first_span);
    skip_space();
    if (at_ == end_ || (*at_ != ',' && *at_ != '}')) fail("neither ',' nor '}' after a member");
    out_ += *at_;
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
  span.key_begin = out_.size() + 1;
  string();
  span.key_end = out_.size() - 1;
  skip_space();
  if (at_ == end_ || *at_ != ':') fail("no ':' after a key");
  out_ += *at_++;
  skip_space();
  value(depth + 1);
  span.end = out_.size();
  spans_.push_back(span);
  if (spans_.size() - first_span > (std::size_t{1} << 20)) fail("more than a million keys in one object", JsonError::Kind::unstorable);
}

// Puts the members of the object that begins at `begin` in order; most come sorted or alone.
void Canonicaliser::sort_members(std::size_t begin, std::size_t first_span) {
  const auto key = [this](const Span& s) {
    return std::string_view(out_).substr(s.key_begin, s.key_end - s.key_begin);
  };
  const auto spans = std::span(spans_).subspan(first_span);
  const auto not_ascending = [&](const Span& a, const Span& b) { return compare_keys(key(a), key(b)) >= 0; };
  if (std::adjacent_find(spans.begin(), spans.end(), not_ascending) == spans.end()) return;
  std::sort(spans.begin(), spans.end(), [&](const Span& a, const Span& b) { return compare_keys(key(a), key(b)) < 0; });
  if (std::adjacent_find(spans.begin(), spans.end(), not_ascending) != spans.end()) {
    fail("a key stands twice in the object that ends here", JsonError::Kind::unstorable);
  }
  scratch_.assign(1, '{');
  for (Span& span : spans) {
    if (scratch_.size() > 1) scratch_ += ',';
    const std::size_t moved = begin + scratch_.size();
    scratch_.append(out_, span.key_begin - 1, span.end - span.key_begin + 1);
    span = {moved + 1, moved + 1 + (span.key_end - span.key_begin), begin + scratch_.size()};
  }
  scratch_ += '}';
  out_.replace(begin, std::string::npos, scratch_);
}

void Canonicaliser::keep_members(std::size_t first_span) {
  const std::string_view out = out_;
  for (const Span& span : std::span(spans_).subspan(first_span)) {
    const std::size_t value_begin = span.key_end + 2;
    members_.push_back({out.substr(span.key_begin, span.key_end - span.key_begin),
                        out.substr(value_begin, span.end - value_begin)});
  }
}

void Canonicaliser::string() {
  out_ += *at_++;
  for (;;) {
    const char* run = at_;
    while (end_ - at_ >= 8 && are_plain(at_)) at_ += 8;
    while (at_ != end_ && kPlain[static_cast<unsigned char>(*at_)]) ++at_;
    out_.append(run, at_);
    if (at_ == end_) fail("the text ends inside a string");
    if (*at_ == '"') break;
    if (*at_ != '\\') fail("a control character inside a string");
    std::uint32_t point = 0;
    try {
      point = read_escape(at_, end_);
    } catch (const BadEscape& bad) {
      fail(bad.reason, bad.kind);
    }
    sanitised_ |= point == 0;
    append_canonical(out_, point == 0 ? kReplacement : point);
  }
  out_ += *at_++;
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
  out_.append(start, at_);
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
    append_canonical(out, static_cast<unsigned char>(*at));
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
