#pragma once
#include <atomic>
#include <cstdint>
#include <string_view>

namespace odetl {

/// Writes lines to a descriptor that may not take them: a pipe that nobody reads, a stopped terminal, a full disk. Such
/// a line is waited for half a second in all, then it and those after it are lost at once until the descriptor takes
/// some again. One call at a time, but for lost().
class LogOutput {
 public:
  explicit LogOutput(int fd) : fd_(fd) {}

  /// Writes `line`, its line end included; false when it is lost.
  bool write(std::string_view line);
  /// A line that could not be made, for want of memory.
  void lose() { ++lost_; }
  /// Lines lost since the start.
  std::uint64_t lost() const { return lost_; }

 private:
  bool write_all(std::string_view text);

  int fd_;
  bool stuck_ = false;   // the last line was lost to waiting
  bool broken_ = false;  // the last line was written in part
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace odetl
