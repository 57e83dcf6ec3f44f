#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/chaos/fault_proxy.hpp"
#include "tests/integration/acceptance_fixture.hpp"

namespace odetl::chaos {

using simulator::Random;
using test::ChildProcess;
using test::Installation;
using test::Second;

/// What all lots are drawn by: the environment's ODETL_CHAOS_SEED, else always the same; printed when it is first asked for.
std::uint64_t seed();
/// How many cases of a kind: the environment's ODETL_CHAOS_CASES, else a few.
int cases(int few);
/// From one case to the next where they can be counted: 1, all of them, with ODETL_CHAOS_CASES.
int stride_of(int few);

/// A PostgreSQL address as `dsn` says it, through this unix socket's directory instead.
std::string through(const std::string& dsn, const std::string& directory);
/// Where the server of a connection string listens.
Address server_of(const std::string& dsn);

/// The judge of what an installation holds, the same after every fault.
class Oracle {
 public:
  /// Rows of [from, to) are what the tenant serves, once each; coverage is what the ledger says was loaded; loads have
  /// numbers without a gap; the watermark did not go back since the last time; no canary is where it must not be.
  /// Nothing, or what is wrong.
  std::string judge(const Installation& odetl, const std::string& from, const std::string& to);
  /// That a text (a log, a metric, a command line) holds no secret and nothing that a user said.
  static std::string judge_words(const std::string& where, const std::string& text);

 private:
  std::string watermark_;
};

/// The word that every secret and everything said here holds.
inline constexpr const char* kCanary = "canary";
/// A token and rows with it.
simulator::ServerOptions canary_server();
simulator::Interaction canary_row(Second when, std::uint64_t number);

/// A tenant with a past and a present, a daemon that polls it every second, backfills, and proxies before the API and the
/// database, for faults to strike.
class Scene {
 public:
  Scene();
  ~Scene();

  Installation odetl;
  std::unique_ptr<FaultProxy> api;
  std::unique_ptr<FaultProxy> database;
  bool is_alone = true;  ///< what befalls it does so alone; then promises of time and of words hold, too

  /// The daemon; started again when it was killed.
  void start_daemon();
  ChildProcess& daemon() { return *daemon_; }
  int port() const { return port_; }
  /// Kills it as an operator never would, and starts another.
  void kill_daemon();
  /// Where another thread started the daemon, which ends with that: starts one in this.
  void adopt_daemon() {
    if (started_by_ != std::this_thread::get_id()) kill_daemon();
  }
  /// Tells it to end; nothing, or how it did not do as promised.
  std::string stop_daemon();

  /// A backfill of the past under way, reading all again.
  void start_backfill();
  void kill_backfill();

  void say(std::uint64_t rows = 1);       ///< something new, a moment ago
  void take_back_some(Random& random);    ///< rows vanish
  void set_clock_file(const std::string& offset) const;  ///< of the daemon's libfaketime

  /// Says something; nothing, or that it is not in the warehouse in time.
  std::string loads_newest(std::chrono::seconds limit);
  /// All faults have ended: what follows must come within `limit`: the newest row is loaded, the past is, and the oracle has
  /// nothing to say. Nothing, or what is wrong.
  std::string recover(std::chrono::seconds limit = std::chrono::seconds(20));

 private:
  std::string judge(std::chrono::seconds limit);

  test::TempDirectory sockets_;
  std::unique_ptr<ChildProcess> daemon_;
  std::unique_ptr<ChildProcess> backfill_;
  std::thread::id started_by_;
  int port_;
  std::atomic<std::uint64_t> said_ = 1'000'000;  // past what was said long ago
  std::mutex rows_mutex_;
  std::vector<simulator::RowId> rows_;
  Oracle oracle_;
};

/// Something that befalls a scene for a moment and is over when it returns. Nothing, or a promise that was broken.
struct Incident {
  const char* name;
  std::function<std::string(Scene&, Random&)> strike;
};
const std::vector<Incident>& incidents();

}  // namespace odetl::chaos
