#pragma once
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace odetl {

/// Text that lives as long as a batch: appended to, never moved, dropped all at once, its memory used again.
class TextArena {
 public:
  /// Room for `size` bytes, valid until clear().
  char* reserve(std::size_t size) {
    if (size > kChunk / 4) return large_.emplace_back(new char[size]).get();
    if (chunks_.empty() || used_ + size > kChunk) next_chunk();
    char* room = chunks_[current_].get() + used_;
    used_ += size;
    return room;
  }

  /// Gives back the last `size` bytes of what reserve() gave last; of large texts all or nothing.
  void give_back(const char* room, std::size_t reserved, std::size_t size) {
    if (!large_.empty() && large_.back().get() == room) {
      if (size == reserved) large_.pop_back();
      return;
    }
    const bool last = !chunks_.empty() && room + reserved == chunks_[current_].get() + used_;
    if (last) used_ -= size;
  }

  std::string_view store(std::string_view text) {
    if (text.empty()) return {"", 0};
    char* room = reserve(text.size());
    std::memcpy(room, text.data(), text.size());
    return {room, text.size()};
  }

  void clear() {
    large_.clear();
    if (chunks_.size() > kKept) chunks_.resize(kKept);
    current_ = 0;
    used_ = chunks_.empty() ? kChunk : 0;
  }

 private:
  static constexpr std::size_t kChunk = std::size_t{256} << 10;
  static constexpr std::size_t kKept = 4;  ///< chunks kept from batch to batch: 1 MiB

  void next_chunk() {
    if (!chunks_.empty() && current_ + 1 < chunks_.size()) {
      ++current_;
    } else {
      chunks_.emplace_back(new char[kChunk]);
      current_ = chunks_.size() - 1;
    }
    used_ = 0;
  }

  std::vector<std::unique_ptr<char[]>> chunks_;
  std::vector<std::unique_ptr<char[]>> large_;
  std::size_t current_ = 0;
  std::size_t used_ = kChunk;
};

}  // namespace odetl
