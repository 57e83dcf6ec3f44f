#include <CLI/CLI.hpp>
#include <condition_variable>
#include <csignal>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/simulator/server.hpp"

namespace {

namespace sim = odetl::simulator;
using std::chrono::hours;
using std::chrono::seconds;

constexpr std::chrono::days kDefaultRange{35};
constexpr std::uint64_t kDefaultRowsPerDay = 20'000;

struct Arguments {
  sim::TenantOptions tenant;
  sim::ServerOptions server;
  std::uint64_t seed = 1;
  std::string from, to;
  std::uint64_t rows = 0;
  std::uint64_t rows_per_day = 0;
  double numeric_share = 0.05;
  std::vector<std::string> poison;
  std::vector<std::string> faults;
  bool live = false;
};

void declare_data(CLI::App& app, Arguments& arguments) {
  app.add_option("--seed", arguments.seed, "the same seed, range and rate give the same rows")->capture_default_str();
  app.add_option("--from", arguments.from, "first instant, UTC [default=35 days before --to]");
  app.add_option("--to", arguments.to, "end of the rows, UTC [default=now]");
  app.add_option("--rows", arguments.rows, "rows between --from and --to")->option_text("N");
  app.add_option("--rows-per-day", arguments.rows_per_day, "their rate instead of their number [default=20000]")
      ->excludes("--rows")
      ->option_text("N");
  app.add_option("--numeric-share", arguments.numeric_share,
                 "users whose id is a phone number and lost on the wire [default=0.05]")
      ->check(CLI::Range(0.0, 1.0))
      ->option_text("SHARE");
  app.add_flag("--live", arguments.live, "go on adding rows at the same rate as time passes");
}

void declare_behaviour(CLI::App& app, Arguments& arguments) {
  const std::map<std::string, sim::Fractions> fractions{{"whole", sim::Fractions::whole},
                                                        {"fractional", sim::Fractions::fractional},
                                                        {"truncated", sim::Fractions::truncated}};
  const std::map<std::string, sim::Order> orders{{"shuffled", sim::Order::shuffled},
                                                 {"insertion", sim::Order::insertion}};
  const std::map<std::string, sim::Shape> shapes{{"flat", sim::Shape::flat}, {"nested", sim::Shape::nested}};
  app.add_option("--memory-limit", arguments.tenant.memory_limit, "rows above which an answer is a 500; 0 = none")
      ->capture_default_str();
  app.add_option("--fractions", arguments.tenant.fractions, "whole | fractional | truncated [default=whole]")
      ->transform(CLI::CheckedTransformer(fractions))
      ->option_text("MODE");
  app.add_option("--order", arguments.tenant.order, "shuffled | insertion [default=shuffled]")
      ->transform(CLI::CheckedTransformer(orders))
      ->option_text("ORDER");
  app.add_option("--shape", arguments.tenant.shape, "flat | nested, as an old branch answers [default=flat]")
      ->transform(CLI::CheckedTransformer(shapes))
      ->option_text("SHAPE");
  app.add_option("--poison", arguments.poison, "seconds that can never be served");
  app.add_option("--fault", arguments.faults, "a line of a fault script, e.g. 'status code=503 retry_after=2 next=3'");
}

void declare_server(CLI::App& app, Arguments& arguments) {
  const std::map<std::string, sim::Endpoints> endpoints{{"any", sim::Endpoints::all},
                                                        {"public", sim::Endpoints::public_form},
                                                        {"legacy", sim::Endpoints::legacy},
                                                        {"path", sim::Endpoints::path}};
  app.add_option("--listen", arguments.server.listen, "IPv4 address and port; port 0 = any free one")
      ->capture_default_str();
  app.add_option("--token", arguments.server.token, "the bearer token that is accepted")->capture_default_str();
  app.add_option("--rate-limit", arguments.server.rate_limit, "requests a minute; 0 = no throttle")
      ->capture_default_str();
  app.add_option("--endpoint", arguments.server.endpoints, "any | public | legacy | path [default=any]")
      ->transform(CLI::CheckedTransformer(endpoints))
      ->option_text("FORM");
  app.add_flag("--keep-answers", arguments.server.keep_answers,
               "a request that comes again gets the same bytes, at next to no cost")
      ->excludes("--live")
      ->excludes("--fault");
  app.add_flag("!--no-gzip", arguments.server.compress, "never compress");
}

sim::Second instant(const std::string& text, sim::Second otherwise) {
  if (text.empty()) return otherwise;
  const auto moment = sim::read_moment(text);
  if (!moment || moment->beyond_calendar) throw CLI::ValidationError("'" + text + "': not a date");
  return std::chrono::floor<seconds>(moment->echo);
}

sim::ConversationPlan plan_of(const Arguments& arguments) {
  const auto now = std::chrono::floor<seconds>(std::chrono::system_clock::now());
  sim::ConversationPlan plan{.seed = arguments.seed};
  plan.to = instant(arguments.to, now);
  plan.from = instant(arguments.from, plan.to - kDefaultRange);
  if (plan.from >= plan.to) throw CLI::ValidationError("--from must lie before --to");
  const std::uint64_t per_day = arguments.rows_per_day != 0 ? arguments.rows_per_day : kDefaultRowsPerDay;
  const auto width = static_cast<std::uint64_t>((plan.to - plan.from).count());
  plan.rows = arguments.rows != 0 ? arguments.rows : per_day * width / 86'400;
  plan.users = plan.rows / 25 + 1;
  plan.numeric_permille = static_cast<unsigned>(arguments.numeric_share * 1000 + 0.5);
  return plan;
}

// Keeps a few hours of conversations ahead of the clock, which hides them until their time has come.
void live_on(sim::Tenant& tenant, sim::ConversationPlan plan, const std::stop_token& stop) {
  const auto range = static_cast<std::uint64_t>((plan.to - plan.from).count());
  const std::uint64_t rows = plan.rows;
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    while (plan.to < tenant.clock().now() + hours(2)) {
      plan.from = plan.to;
      plan.to += hours(1);
      plan.rows = rows * 3600 / range + 1;
      tenant.generate(plan);
    }
    wake.wait_for(lock, stop, seconds(30), [] { return false; });
  }
}

int serve(const Arguments& arguments, const sigset_t& signals) {
  const sim::ConversationPlan plan = plan_of(arguments);
  sim::Tenant tenant(arguments.tenant);
  tenant.generate(plan);
  for (const std::string& text : arguments.poison) tenant.poison(instant(text, {}));
  sim::Server server(tenant, arguments.server);
  for (const std::string& line : arguments.faults) server.faults().add(sim::read_fault(line));
  std::jthread live;
  if (arguments.live) live = std::jthread([&](const std::stop_token& stop) { live_on(tenant, plan, stop); });
  std::cout << "listening on " << server.url() << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "A tenant of conversations that never took place, served as the OpenDialog Interaction API serves them.");
  Arguments arguments;
  declare_data(app, arguments);
  declare_behaviour(app, arguments);
  declare_server(app, arguments);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  // Before any thread starts, so that only sigwait sees them.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  try {
    app.parse(argc, argv);
    arguments.tenant.seed = arguments.seed;
    if (arguments.live) arguments.tenant.future = sim::Future::hidden;
    return serve(arguments, signals);
  } catch (const CLI::Error& error) {
    return app.exit(error);
  } catch (const std::exception& error) {
    std::cerr << "opendialog-simulator: " << error.what() << '\n';
    return 1;
  }
}
