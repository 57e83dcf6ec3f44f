#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "etl/text_arena.hpp"

namespace odetl {

/// A text that is not JSON (`malformed`), or is but cannot be stored as jsonb without change of meaning.
class JsonError : public std::runtime_error {
 public:
  enum class Kind { malformed, unstorable };

  JsonError(Kind kind, const std::string& reason, std::size_t offset)
      : std::runtime_error(reason), kind_(kind), offset_(offset) {}
  bool malformed() const { return kind_ == Kind::malformed; }
  std::size_t offset() const { return offset_; }  ///< byte in the text that was read

 private:
  Kind kind_;
  std::size_t offset_;
};

enum class JsonKind { null, boolean, number, string, array, object };

/// Deeper nesting is refused. The API's own limit is 512 for a whole answer.
inline constexpr int kMaxJsonDepth = 1024;

/// Writes JSON in one form for all texts of the same meaning: no white space; object keys in the order of their
/// UTF-8 bytes; `"` `\` and control characters escaped (`\b \f \n \r \t`, else `\u00XX`), all else as UTF-8;
/// numbers as written. The form is what Python's `json.dumps(…, sort_keys=True, ensure_ascii=False,
/// separators=(',', ':'))` writes. U+0000 becomes U+FFFD. Refused with JsonError: what is not JSON, a key that
/// stands twice in one object, a surrogate without its pair, nesting past kMaxJsonDepth, a number that PostgreSQL's
/// numeric cannot hold. The input must be UTF-8. Keeps its memory; not thread-safe.
class Canonicaliser {
 public:
  /// A key (between its quotes, as escaped) and a value of the outermost object.
  struct Member {
    std::string_view key;
    std::string_view value;
  };

  /// The canonical form of `json`, valid until the next call of this one.
  std::string_view canonicalise(std::string_view json);
  /// The same, kept in `arena`, and so is what members() show of it.
  std::string_view canonicalise(std::string_view json, TextArena& arena);

  JsonKind kind() const { return kind_; }          ///< of the last text
  bool sanitised() const { return sanitised_; }    ///< U+0000 was replaced in the last text
  /// Sorted by key; empty unless the last text was an object. The list is valid until the next call.
  const std::vector<Member>& members() const { return members_; }

 private:
  struct Span {
    std::size_t key_begin, key_end, end;  // in out_: the key without quotes, the end of the value
    std::uint64_t key_prefix;             // the first bytes that the key stands for, in their order
  };

  std::string_view write(std::string_view json, char* room);
  void value(int depth);
  void object(int depth);
  void array(int depth);
  void string();
  void number();
  void literal(std::string_view word);
  void member(int depth, std::size_t first_span);
  void sort_members(std::size_t begin, std::size_t first_span);
  void keep_members(std::size_t first_span);
  std::string_view key_of(const Span& span) const;
  int compare(const Span& a, const Span& b) const;
  std::size_t size() const { return static_cast<std::size_t>(put_ - out_); }
  void skip_space() {
    if (at_ != end_ && static_cast<unsigned char>(*at_) <= ' ') skip_blanks();
  }
  void skip_blanks();
  [[noreturn]] void fail(const char* reason, JsonError::Kind kind = JsonError::Kind::malformed) const;

  const char* begin_ = nullptr;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  char* out_ = nullptr;  // where the form begins: as much room as `json` has, for none is longer
  char* put_ = nullptr;  // where it goes on
  std::unique_ptr<char[]> own_;
  std::size_t own_size_ = 0;
  std::string scratch_;
  std::vector<Span> spans_;
  std::vector<Member> members_;
  JsonKind kind_ = JsonKind::null;
  bool sanitised_ = false;
};

/// The order of two keys in canonical form (without quotes): by the bytes that they stand for, not by their escapes.
/// Negative, zero or positive.
int compare_keys(std::string_view a, std::string_view b);

/// Appends `text`, which must be UTF-8, as a JSON string with its quotes.
void append_quoted(std::string& out, std::string_view text);
std::string json_string(std::string_view text);  ///< the same alone

/// Writes the text that a JSON string (with its quotes, in any form) stands for to `out`, which must have room for
/// `quoted.size()` bytes, and returns its length. U+0000 becomes U+FFFD and sets `sanitised`. Throws JsonError.
std::size_t unquote(std::string_view quoted, char* out, bool& sanitised);

}  // namespace odetl
