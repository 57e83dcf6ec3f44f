#pragma once
#include <string>
#include <utility>
#include <vector>

namespace odetl::bench {

inline constexpr const char* kRawCopy = "raw \\copy, s";

/// What was measured, by name, each as often as it was measured.
class Figures {
 public:
  /// Said at once, on standard error.
  void note(const std::string& what, double value);

  /// Medians, least and most, then the ratios beside their goals: Markdown tables on standard output.
  void print() const;

  /// The ratios that are worse than their limits, or that were not measured, each in words; none is good. Ratios alone
  /// are judged: seconds tell of the machine.
  std::vector<std::string> objections() const;

 private:
  const std::vector<double>* find(const std::string& what) const;
  double ratio(const char* what, const char* base) const;  // the median of the runs'; 0: not measured

  std::vector<std::pair<std::string, std::vector<double>>> figures_;  // in the order of their first note
};

}  // namespace odetl::bench
