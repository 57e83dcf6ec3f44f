#include "etl/json_proof.hpp"

#include <string>

#include "etl/canonical_json.hpp"

namespace odetl {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

class Proof {
 public:
  explicit Proof(std::string_view json) : begin_(json.data()), at_(begin_), end_(begin_ + json.size()) {}

  void run() {
    do {
      open_value();
    } while (close_values());
    if (at_ != end_) fail("text after the value");
  }

 private:
  [[noreturn]] void fail(const char* reason) const {
    throw JsonError(JsonError::Kind::malformed, reason, static_cast<std::size_t>(at_ - begin_));
  }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (take(' ') || take('\n') || take('\r') || take('\t')) {
    }
  }

  // To the end of a scalar or of an empty list or object, through all brackets before it.
  void open_value() {
    for (;;) {
      skip_space();
      const char bracket = at_ == end_ ? '\0' : *at_;
      if (bracket != '[' && bracket != '{') return scalar();
      ++at_;
      skip_space();
      if (take(closing(bracket))) return;
      open_ += bracket;
      if (bracket == '{') key();
    }
  }

  // Past what ends behind a value; true when another value has to follow.
  bool close_values() {
    for (;;) {
      skip_space();
      if (open_.empty()) return false;
      if (take(',')) {
        if (open_.back() == '{') key();
        return true;
      }
      if (!take(closing(open_.back()))) fail("neither ',' nor a closing bracket after a value");
      open_.pop_back();
    }
  }

  static char closing(char bracket) { return bracket == '{' ? '}' : ']'; }

  void key() {
    skip_space();
    string();
    skip_space();
    if (!take(':')) fail("no ':' after a key");
  }

  void scalar() {
    if (at_ == end_) fail("the text ends where a value should stand");
    switch (*at_) {
      case '"': return string();
      case 't': return literal("true");
      case 'f': return literal("false");
      case 'n': return literal("null");
      default: return number();
    }
  }

  void literal(std::string_view word) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) fail("not a value");
    at_ += word.size();
  }

  void string() {
    if (!take('"')) fail("no string where one should stand");
    while (!take('"')) {
      if (at_ == end_) fail("the text ends inside a string");
      if (static_cast<unsigned char>(*at_) < 0x20) fail("a control character inside a string");
      if (*at_++ == '\\') escape();
    }
  }

  void escape() {
    if (at_ == end_) fail("the text ends inside an escape");
    const char kind = *at_++;
    if (kind != 'u') {
      if (std::string_view("\"\\/bfnrt").find(kind) == std::string_view::npos) fail("an unknown escape");
      return;
    }
    for (int i = 0; i < 4; ++i) {
      if (at_ == end_ || !is_hex(*at_)) fail("not four hexadecimal digits");
      ++at_;
    }
  }

  void number() {
    take('-');
    if (!take('0')) digits("not a value");
    if (take('.')) digits("no digit after the decimal point");
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      digits("no digit in the exponent");
    }
  }

  void digits(const char* reason) {
    if (at_ == end_ || !is_digit(*at_)) fail(reason);
    while (at_ != end_ && is_digit(*at_)) ++at_;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  std::string open_;  // the brackets around `at_`
};

}  // namespace

void prove_json(std::string_view json) { Proof(json).run(); }

}  // namespace odetl
