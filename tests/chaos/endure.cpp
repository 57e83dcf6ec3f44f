// One scene, struck again and again for as long as wanted: endure [--seconds N] [--seed S] [--pairs]. First every incident
// alone, then pairs of them at once, by lot; or all pairs. The same seed strikes in the same order; --first goes straight to a
// number.
#include <CLI/CLI.hpp>
#include <chrono>
#include <future>
#include <iostream>

#include "tests/chaos/scene.hpp"

namespace {

namespace chaos = odetl::chaos;
using Clock = std::chrono::steady_clock;

struct Arguments {
  int seconds = 600;
  std::uint64_t seed = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  std::uint64_t first = 0;
  std::uint64_t most = UINT64_MAX;
  bool pairs = false;
};

struct Strike {
  const chaos::Incident* first;
  const chaos::Incident* second;  // at the same time, or none
  std::string name() const { return std::string(first->name) + (second != nullptr ? std::string("+") + second->name : ""); }
};

std::vector<Strike> all_pairs() {
  const auto& all = chaos::incidents();
  std::vector<Strike> pairs;
  for (std::size_t first = 0; first < all.size(); ++first) {
    for (std::size_t second = first + 1; second < all.size(); ++second) pairs.push_back({&all[first], &all[second]});
  }
  return pairs;
}

Strike strike_number(std::uint64_t number, const Arguments& arguments, chaos::Random& random) {
  static const std::vector<Strike> pairs = all_pairs();
  const auto& all = chaos::incidents();
  if (arguments.pairs) return pairs[number % pairs.size()];
  if (number < all.size()) return {&all[number], nullptr};
  return {&all[random.below(all.size())], &all[random.below(all.size())]};
}

std::string befall(chaos::Scene& scene, const Strike& strike, chaos::Random& random) {
  chaos::Random other(random.next());
  // What a thread starts ends with it: so it stays until all is judged.
  std::promise<std::string> struck;
  std::promise<void> judged;
  std::jthread beside;
  if (strike.second != nullptr) {
    beside = std::jthread([&] {
      try {
        struck.set_value(strike.second->strike(scene, other));
      } catch (...) {
        struck.set_exception(std::current_exception());
      }
      judged.get_future().wait();
    });
  } else {
    struck.set_value("");
  }
  std::string wrong;
  try {
    scene.is_alone = strike.second == nullptr;
    wrong = strike.first->strike(scene, random) + struck.get_future().get();
    if (wrong.empty()) wrong = scene.recover(std::chrono::seconds(30));
    scene.adopt_daemon();
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  judged.set_value();
  return wrong;
}

// A scene in which everything has begun.
std::unique_ptr<chaos::Scene> new_scene() {
  auto scene = std::make_unique<chaos::Scene>();
  if (const std::string wrong = scene->recover(std::chrono::seconds(30)); !wrong.empty()) throw std::runtime_error(wrong);
  return scene;
}

int endure(const Arguments& arguments) {
  std::cout << "seed " << arguments.seed << ", " << arguments.seconds << " s" << std::endl;
  const auto end = Clock::now() + std::chrono::seconds(arguments.seconds);
  auto scene = new_scene();
  int strikes = 0, broken = 0;
  std::uint64_t number = arguments.first;
  for (; Clock::now() < end && number - arguments.first < arguments.most; ++number, ++strikes) {
    chaos::Random random(odetl::simulator::scramble(arguments.seed, number));
    const Strike strike = strike_number(number, arguments, random);
    const auto begun = Clock::now();
    std::string wrong;
    try {
      wrong = befall(*scene, strike, random);
    } catch (const std::exception& error) {
      wrong = error.what();
    }
    const std::chrono::duration<double> took = Clock::now() - begun;
    std::cout << number << ' ' << strike.name() << ' ' << took.count() << " s " << (wrong.empty() ? "ok" : "BROKEN\n" + wrong)
              << std::endl;
    if (wrong.empty()) continue;
    ++broken;
    scene.reset();
    scene = new_scene();
  }
  std::cout << "seed " << arguments.seed << ": " << strikes << " strikes, " << broken << " broken\n";
  return broken == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A daemon, backfills, and everything that can befall them, alone and in pairs.");
  Arguments arguments;
  app.add_option("--seconds", arguments.seconds, "how long")->capture_default_str();
  app.add_option("--seed", arguments.seed, "the same seed strikes in the same order [default=the time]")->option_text("S");
  app.add_option("--first", arguments.first, "number of the first strike")->capture_default_str();
  app.add_option("--strikes", arguments.most, "at most so many")->option_text("N");
  app.add_flag("--pairs", arguments.pairs, "every pair there is, one after the other, in place of lots");
  CLI11_PARSE(app, argc, argv);
  return endure(arguments);
}
