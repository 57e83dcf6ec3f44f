// Lives through histories by the seed: simulate [--histories N] [--seed FIRST] [--trace]
#include <CLI/CLI.hpp>
#include <ctime>
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
  chaos::Verdict sum;
  double days_of_minutes = 0;
  int broken = 0;
  for (std::uint64_t seed = arguments.seed; seed - arguments.seed < arguments.histories; ++seed) {
    const chaos::Verdict verdict =
        arguments.trace ? chaos::live_through(seed, print_line) : chaos::live_through(seed);
    sum.days += verdict.days;
    if (verdict.pace == 1) days_of_minutes += verdict.days;
    sum.requests += verdict.requests;
    sum.loads += verdict.loads;
    if (verdict.wrong.empty()) continue;
    ++broken;
    std::cout << "broken: seed " << seed << ": " << verdict.wrong << std::endl;
  }
  const double took = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;  // of this process, whatever else runs
  const auto whole = [](double number) { return static_cast<std::uint64_t>(number); };
  std::cout << arguments.histories << " histories from seed " << arguments.seed << ", " << whole(sum.days) << " days ("
            << whole(days_of_minutes) << " of them polled every minute, up to every 15), " << sum.requests << " requests, "
            << sum.loads << " loads in " << took << " s of processor time, " << whole(sum.days / took)
            << " days a second: " << broken << " broken\n";
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
