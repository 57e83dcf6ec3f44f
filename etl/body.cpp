#include "etl/body.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace odetl {
namespace {
constexpr std::size_t kSmallest = 64 << 10;
constexpr std::size_t kLargest = std::numeric_limits<std::size_t>::max() / 4;
}  // namespace

void Body::append(const char* bytes, std::size_t count) {
  if (count > kLargest - size_) throw std::bad_alloc();
  if (!bytes_ || size_ + count > capacity_) reallocate(std::max({kSmallest, capacity_ * 2, size_ + count}));
  if (count > 0) std::memcpy(bytes_.get() + size_, bytes, count);
  resize(size_ + count);
}

void Body::reserve(std::size_t capacity) {
  if (capacity > kLargest) throw std::bad_alloc();
  if (bytes_ && capacity <= capacity_) return;
  reallocate(capacity);
}

void Body::resize(std::size_t size) {
  size_ = size;
  std::memset(bytes_.get() + size_, 0, kPadding);
}

void Body::shrink(std::size_t capacity) {
  if (capacity_ > capacity) reallocate(std::max(capacity, size_));
}

void Body::reallocate(std::size_t capacity) {
  auto* moved = static_cast<char*>(std::realloc(bytes_.get(), capacity + kPadding));
  if (moved == nullptr) throw std::bad_alloc();
  static_cast<void>(bytes_.release());
  bytes_.reset(moved);
  capacity_ = capacity;
}

}  // namespace odetl
