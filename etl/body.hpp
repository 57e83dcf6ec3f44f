#pragma once
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string_view>

namespace odetl {

/// The bytes of an answer, growing in place, with the zeroed padding behind them that the parser may
/// read. Kept and used again from window to window, so that a steady state allocates nothing.
class Body {
 public:
  /// At least simdjson::SIMDJSON_PADDING; asserted in response_parser.cpp.
  static constexpr std::size_t kPadding = 64;

  void clear() { size_ = 0; }
  void append(const char* bytes, std::size_t count);
  /// Room for `capacity` bytes in all. What nobody writes to costs addresses, no memory.
  void reserve(std::size_t capacity);
  /// What another wrote into the room is the content now: its first `size` bytes, at most capacity(). Any room must be
  /// there.
  void resize(std::size_t size);
  void assign(std::string_view bytes) { clear(); append(bytes.data(), bytes.size()); }
  /// Gives back what exceeds `capacity`, so that one large answer does not stay for ever.
  void shrink(std::size_t capacity);

  char* data() { return bytes_.get(); }
  const char* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }  ///< without the padding
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  struct Free { void operator()(char* p) const { std::free(p); } };
  void reallocate(std::size_t capacity);

  std::unique_ptr<char[], Free> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace odetl
