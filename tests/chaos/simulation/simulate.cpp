// Lives through histories by the seed: simulate [--histories N] [--seed FIRST] [--trace]
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>

#include "tests/chaos/simulation/history.hpp"

namespace {

namespace chaos = odetl::chaos;

struct Arguments {
  std::uint64_t histories = 1000;
  std::uint64_t seed = 1;
  bool trace = false;
};

void print_line(const std::string& line) { std::cout << line << '\n'; }

int simulate(const Arguments& arguments) {
  const auto begun = std::chrono::steady_clock::now();
  chaos::Verdict sum;
  int broken = 0;
  for (std::uint64_t seed = arguments.seed; seed - arguments.seed < arguments.histories; ++seed) {
    const chaos::Verdict verdict =
        arguments.trace ? chaos::live_through(seed, print_line) : chaos::live_through(seed);
    sum.days += verdict.days;
    sum.requests += verdict.requests;
    sum.loads += verdict.loads;
    if (verdict.wrong.empty()) continue;
    ++broken;
    std::cout << "broken: seed " << seed << ": " << verdict.wrong << std::endl;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::cout << arguments.histories << " histories from seed " << arguments.seed << ", "
            << static_cast<std::uint64_t>(sum.days) << " days, " << sum.requests << " requests, " << sum.loads
            << " loads in " << took.count() << " s: " << broken << " broken\n";
  return broken == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The core in virtual time, with faults of every kind, judged at every commit and at the end.");
  Arguments arguments;
  app.add_option("--histories", arguments.histories, "how many")->capture_default_str();
  app.add_option("--seed", arguments.seed, "of the first; the next ones follow")->capture_default_str();
  app.add_flag("--trace", arguments.trace, "tell what happens");
  CLI11_PARSE(app, argc, argv);
  return simulate(arguments);
}
