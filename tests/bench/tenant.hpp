#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/child_process.hpp"

namespace odetl::bench {

struct Range {
  std::string from;
  std::string to;
};

/// In which order answers list their rows: real servers as they were written, so that the same request gets the same
/// bytes; or another one each time.
enum class Order { insertion, shuffled };

/// The tenant simulator in a process of its own.
class Tenant {
 public:
  /// `rows` over `range`, dense by day and sparse by night. `more`: further options of the simulator.
  Tenant(const Range& range, std::uint64_t rows, Order order, const std::vector<std::string>& more = {});

  const std::string& url() const { return url_; }
  const Range range;
  pid_t pid() const { return process_.pid(); }
  /// To the API, since the start.
  double requests() const;

 private:
  test::ChildProcess process_;
  std::string url_;
};

}  // namespace odetl::bench
