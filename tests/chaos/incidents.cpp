#include "tests/chaos/incidents.hpp"

#include <array>
#include <thread>

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using test::cluster;

bool leads(Scene& scene) {
  return test::eventually([&] { return scene.daemon().err().find("leading") != std::string::npos; });
}

// --- processes ---------------------------------------------------------------------------------------------------

std::string kill_daemon(Scene& scene, Random& random) {
  const std::scoped_lock lock(daemon_mutex());
  for (int times = 0; times < 3; ++times) {
    pass_time(random, 300ms);
    scene.kill_daemon();
  }
  return "";
}

std::string kill_backfill(Scene& scene, Random& random) {
  scene.start_backfill();
  pass_time(random);
  scene.kill_backfill();
  return "";
}

std::string pause_daemon(Scene& scene, Random& random) {
  const std::scoped_lock lock(daemon_mutex());
  scene.daemon().kill(SIGSTOP);
  pass_time(random, 2s);
  scene.daemon().kill(SIGCONT);
  return "";
}

std::string end_daemon(Scene& scene, Random& random) {
  const std::scoped_lock lock(daemon_mutex());
  pass_time(random);
  const std::string wrong = scene.stop_daemon();
  scene.start_daemon();
  return wrong;
}

std::string storm_of_signals(Scene& scene, Random& random) {
  const std::scoped_lock lock(daemon_mutex());
  if (!leads(scene)) return "the daemon does not lead in time";
  constexpr std::array kSignals{SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD, SIGWINCH, SIGXFSZ, SIGCONT, SIGURG};
  for (int i = 0; i < 3000; ++i) scene.daemon().kill(kSignals[random.below(kSignals.size())]);
  return "";
}

std::string leader_dies(Scene& scene, Random&) {
  const std::scoped_lock lock(daemon_mutex());
  const auto standby = scene.odetl.start({"--set", "http.listen=", "run"});
  std::this_thread::sleep_for(300ms);
  scene.daemon().kill(SIGKILL);
  scene.daemon().wait();
  const auto begun = std::chrono::steady_clock::now();
  standby->read_line("leading", test::Stream::err, 15s);
  const bool in_time = std::chrono::steady_clock::now() - begun <= 15s;
  scene.start_daemon();
  standby->kill(SIGTERM);
  const auto status = standby->wait(10s);
  if (status.code != 0) return "SIGTERM ends the former standby with " + std::to_string(status.code);
  return in_time ? "" : "the standby takes over too late";
}

// A leader that sleeps, loses its session meanwhile, and wakes when another leads.
std::string leader_sleeps(Scene& scene, Random&) {
  const std::scoped_lock lock(daemon_mutex(), cluster_mutex());
  const auto standby = scene.odetl.start({"--set", "http.listen=", "run"});
  scene.daemon().kill(SIGSTOP);
  std::string wrong;
  const bool taken_over = test::eventually(
      [&] {
        cluster().query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted\n"
                        " AND (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') = 1");
        return standby->err().find("leading") != std::string::npos;
      },
      15s);
  if (!taken_over) wrong = "the standby does not take over in 15 s";
  scene.daemon().kill(SIGCONT);
  scene.say();
  std::this_thread::sleep_for(kWhile);
  standby->kill(SIGKILL);
  standby->wait();
  return wrong;
}

// --- the API -----------------------------------------------------------------------------------------------------

std::string sick_api_wire(Scene& scene, Random& random) {
  Affliction affliction = some_affliction(random);
  // Nor can JSON without compression: only what is no longer JSON shows.
  affliction.to_server.corrupt_at.reset();
  affliction.to_client.corrupt_at.reset();
  scene.api->afflict(affliction, 8);
  scene.api->cut_all();
  scene.start_backfill();
  std::this_thread::sleep_for(2 * kWhile);
  scene.api->heal();
  scene.api->cut_all();
  return "";
}

// So many answers of each kind, in any order.
std::string strange_answers(Scene& scene, Random& random) {
  constexpr std::array kFaults{
      "status code=500 next=2", "status code=502", "status code=503 retry_after=1", "status code=429 retry_after=1",
      "status code=504", "status code=404 next=1", "html next=2", "empty-body next=2", "reset next=2",
      "reset-mid-body at=700", "truncate how=chunked", "truncate how=document", "truncate how=length", "truncate how=short",
      "truncate how=gzip", "truncate how=close", "bad-gzip how=corrupt", "bad-gzip how=crc", "bad-gzip how=plain",
      "bad-gzip how=double", "bad-gzip how=trailing", "bad-chunk text=zz", "garbage text=%7B%7D", "strange-row",
      "redirect text=http://127.0.0.1:9/", "headers at=400000", "content-type text=text/html", "status code=413", "none delay_ms=500"};
  scene.start_backfill();
  for (int i = 0; i < 8; ++i) scene.odetl.fault(kFaults[random.below(kFaults.size())]);
  std::this_thread::sleep_for(kWhile);
  scene.odetl.server.faults().clear();
  return "";
}

std::string hidden_rows(Scene& scene, Random&) {
  scene.odetl.fault("empty-list next=3");
  std::this_thread::sleep_for(kWhile);
  scene.odetl.server.faults().clear();
  return "";
}

std::string new_token(Scene& scene, Random& random) {
  const std::string token = "canary-token-" + std::to_string(random.below(1'000'000));
  scene.odetl.server.set_token(token);
  pass_time(random);
  scene.odetl.write_token(token);
  return "";
}

std::string late_and_vanishing_rows(Scene& scene, Random& random) {
  for (int times = 0; times < 5; ++times) {
    scene.say(1 + random.below(30));
    pass_time(random, 200ms);
    scene.take_back_some(random);
  }
  return "";
}

// --- clocks and files --------------------------------------------------------------------------------------------

std::string server_clock_jumps(Scene& scene, Random& random) {
  constexpr std::array kJumps{-2h, 1h, -25h, 24h};
  const auto by = kJumps[random.below(kJumps.size())];
  scene.odetl.tenant.clock().move_by(by);
  std::this_thread::sleep_for(2s);
  scene.odetl.tenant.clock().move_by(0s);
  return "";
}

std::string local_clock_jumps(Scene& scene, Random& random) {
  constexpr std::array kJumps{"+1d", "-1d", "+10y", "-10y", "-2h", "+2h"};
  scene.set_clock_file(kJumps[random.below(kJumps.size())]);
  std::this_thread::sleep_for(2s);
  scene.set_clock_file("+0");
  return "";
}

std::string broken_configuration(Scene& scene, Random&) {
  const std::scoped_lock lock(daemon_mutex());
  const std::string before = test::read_file(scene.odetl.config_file());
  if (!leads(scene)) return "the daemon does not lead in time";
  test::write_file(scene.odetl.config_file(), "api: [");
  scene.daemon().kill(SIGHUP);
  scene.daemon().read_line("configuration_kept", test::Stream::err, 10s);
  test::write_file(scene.odetl.config_file(), before);
  scene.daemon().kill(SIGHUP);
  return "";
}

}  // namespace

void pass_time(Random& random, std::chrono::milliseconds most) {
  std::this_thread::sleep_for(std::chrono::milliseconds(random.below(static_cast<std::uint64_t>(most.count()))));
}

std::mutex& cluster_mutex() {
  static std::mutex mutex;
  return mutex;
}
std::mutex& daemon_mutex() {
  static std::mutex mutex;
  return mutex;
}

const std::vector<Incident>& incidents() {
  static const std::vector<Incident> all = [] {
    std::vector<Incident> both{
        {"KillDaemon", kill_daemon},
        {"KillBackfill", kill_backfill},
        {"PauseDaemon", pause_daemon},
        {"EndDaemon", end_daemon},
        {"StormOfSignals", storm_of_signals},
        {"LeaderDies", leader_dies},
        {"LeaderSleeps", leader_sleeps},
        {"SickApiWire", sick_api_wire},
        {"StrangeAnswers", strange_answers},
        {"HiddenRows", hidden_rows},
        {"NewToken", new_token},
        {"LateAndVanishingRows", late_and_vanishing_rows},
        {"ServerClockJumps", server_clock_jumps},
        {"LocalClockJumps", local_clock_jumps},
        {"BrokenConfiguration", broken_configuration},
    };
    both.insert(both.end(), database_incidents().begin(), database_incidents().end());
    return both;
  }();
  return all;
}

}  // namespace odetl::chaos
