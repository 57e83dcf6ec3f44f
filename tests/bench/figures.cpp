#include "tests/bench/figures.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace odetl::bench {
namespace {

struct Ratio {
  const char* work;
  const char* figure;
  const char* base;  // none: the figure is one already
  double goal;
  double limit;  // of the gate, with room for the noise of a shared machine; 0: not judged
};
constexpr Ratio kRatios[] = {
    {"first load, 1 worker, ÷ \\copy", "first load, 1 worker, s", kRawCopy, 1.1, 1.6},
    {"first load, 2 workers, ÷ \\copy", "first load, 2 workers, s", kRawCopy, 0.75, 1.25},
    {"re-read, same answers, ÷ \\copy", "re-read, same answers, s", kRawCopy, 0.2, 0.35},
    {"re-read, shuffled answers, ÷ \\copy", "re-read, shuffled answers, s", kRawCopy, 0.2, 0.8},
    {"re-read, same answers, WAL ÷ first load's", "re-read, same answers, WAL bytes", "first load, 1 worker, WAL bytes",
     0.01, 0.02},
    {"re-read, shuffled answers, WAL ÷ first load's", "re-read, shuffled answers, WAL bytes",
     "first load, 1 worker, WAL bytes", 0.01, 0.06},
    {"first load, client CPU s per 100,000 rows", "first load, 1 worker, client CPU s per 100,000 rows",
     nullptr, 0.2, 0},
    {"onto ten times as much ÷ into nothing", "a fifth onto ten times as much, s", "a fifth into an empty warehouse, s", 1.2,
     0},
    {"first load, 1 worker, ÷ plain script", "first load, 1 worker, s", "plain script, s", 1, 0},
};

// Three decimals where they tell anything.
std::string shown(double value) { return fmt::format("{:.{}f}", value, value < 1000 ? 3 : 0); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace

void Figures::note(const std::string& what, double value) {
  fmt::print(stderr, "  {:<64} {:>14}\n", what, shown(value));
  for (auto& [name, values] : figures_) {
    if (name == what) return values.push_back(value);
  }
  figures_.push_back({what, {value}});
}

const std::vector<double>* Figures::find(const std::string& what) const {
  for (const auto& [name, values] : figures_) {
    if (name == what) return &values;
  }
  return nullptr;
}

double Figures::ratio(const char* what, const char* base) const {
  const auto* above = find(what);
  if (above == nullptr) return 0;
  if (base == nullptr) return median(*above);
  const auto* below = find(base);
  if (below == nullptr) return 0;
  // Within a run, because a shared machine is quicker and slower by the minute. The base may be measured several times in each.
  const std::size_t times = below->size() / above->size();
  std::vector<double> ratios;
  for (std::size_t run = 0; run < above->size(); ++run) {
    const auto first = below->begin() + static_cast<std::ptrdiff_t>(run * times);
    ratios.push_back((*above)[run] * static_cast<double>(times) / std::accumulate(first, first + static_cast<std::ptrdiff_t>(times), 0.0));
  }
  return median(ratios);
}

void Figures::print() const {
  fmt::print("\n| figure | median | least | most |\n|---|---|---|---|\n");
  for (const auto& [what, values] : figures_) {
    fmt::print("| {} | {} | {} | {} |\n", what, shown(median(values)),
               shown(*std::min_element(values.begin(), values.end())),
               shown(*std::max_element(values.begin(), values.end())));
  }
  const char* head = "\n| ratio, median of the runs | measured | goal | limit of the gate |\n|---|---|---|---|\n";
  for (const Ratio& each : kRatios) {
    const double value = ratio(each.figure, each.base);
    if (value == 0) continue;
    const std::string limit = each.limit > 0 ? fmt::format("{}", each.limit) : "";
    fmt::print("{}| {} | {:.3f} | {} | {} |\n", std::exchange(head, ""), each.work, value, each.goal, limit);
  }
}

std::vector<std::string> Figures::objections() const {
  std::vector<std::string> all;
  for (const Ratio& each : kRatios) {
    if (each.limit == 0) continue;
    const double value = ratio(each.figure, each.base);
    if (value == 0) all.push_back(fmt::format("{}: not measured", each.work));
    if (value > each.limit) all.push_back(fmt::format("{}: {:.3f}, more than the limit of {}", each.work, value, each.limit));
  }
  return all;
}

}  // namespace odetl::bench
