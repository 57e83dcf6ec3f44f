#pragma once
#include <deque>
#include <memory>
#include <optional>

#include "etl/pipeline.hpp"
#include "etl/rate_allowance.hpp"
#include "tests/chaos/simulation/simulated_warehouse.hpp"

namespace odetl::chaos {

/// What the processes share: the world outside them.
struct World {
  Timeline& timeline;
  SimulatedTenant& tenant;
  SimulatedDatabase& database;
  Witness& witness;
  std::vector<std::pair<Timestamp, microseconds>> local_clock;  ///< from when on it is wrong by how much; sorted
  microseconds latency;                                         ///< of a request, at most

  Timestamp local_now() const;
};

struct ProcessOptions {
  ReadOptions read;
  WidthLimits widths;
  PlanOptions plan;
  std::optional<sys_seconds> start;
  std::chrono::seconds lookback{900};
  std::chrono::seconds interval{60};
  std::vector<std::pair<std::chrono::seconds, std::chrono::seconds>> rechecks;  ///< every, span
  TimeWindow backfill{};
  std::optional<std::chrono::seconds> backfill_window;
  bool reload = false;  ///< backfills read what is covered, too
  int workers = 1;
};

/// One process: the decisions of etl/pipeline.cpp, with the plan, the allowance and the retry policy that it uses, played
/// step by step in virtual time. Ends wherever it stands when destroyed.
class SimulatedProcess {
 public:
  SimulatedProcess(World& world, const ProcessOptions& options) : world_(world), options_(options), width_(options.widths) {}
  virtual ~SimulatedProcess() { world_.timeline.forget(actor_); }

  void start();
  bool is_over() const { return main_->is_over(); }
  void pause(microseconds span) { actor_.paused_until = world_.timeline.now() + span; }
  const std::vector<Timestamp>& requests() const { return requests_; }

 protected:
  /// What etl/pipeline.hpp shares between workers.
  struct Pipe {
    Pipe(WindowPlan& window_plan, Reason why, std::int64_t load, Timestamp pause)
        : plan(window_plan), allowance(0, why == Reason::poll ? 0.0 : 1.0 / 3), reason(why), seen_load(load), pause_at(pause) {}
    WindowPlan& plan;
    RateAllowance allowance;
    SimulatedClaims* claims = nullptr;
    Reason reason;
    std::int64_t seen_load;
    Timestamp pause_at;
    Coverage loaded;
    Signal changed;
    Signal worker_ended;
  };

  virtual Act<> run() = 0;
  Act<> work(Pipe& pipe, Session& session);
  std::optional<Timestamp> learn_clock(const Exchange& exchange, std::chrono::steady_clock::time_point sent);
  Act<Answer> ask(AskedRange asked);
  sys_seconds settled() const;
  Timeline& time() { return world_.timeline; }

  World& world_;
  const ProcessOptions options_;
  WindowWidth width_;
  Actor actor_;
  ServerClock server_clock_;

 private:
  struct Slot {
    Task task;
    Answer answer;
    Timestamp sent;
    std::optional<Timestamp> server_sent;
    std::int64_t seen_load = 0;
    std::shared_ptr<const Reading> reading;  ///< to load
    bool poisoned = false;                   ///< to write down
    bool is_known = false;                   ///< the answer is the one that was loaded before
  };
  struct Worker {
    int free = 2;
    std::deque<Slot> items;
    bool fetching_ended = false;
    Signal changed;
  };

  Act<> fetch_all(Pipe& pipe, Worker& worker);
  Act<std::optional<Task>> take(Pipe& pipe);
  Act<bool> fetch(Pipe& pipe, Worker& worker, Slot& slot);
  Act<> claim(Pipe& pipe, Task& task, bool& is_mine);
  bool parse(Pipe& pipe, Worker& worker, Slot& slot);
  Act<> load(Pipe& pipe, Worker& worker, Session& session, Slot& slot);
  static Act<std::int64_t> load_once(Session& session, const Slot& slot);
  static Act<> write(Pipe& pipe, Session& session, const Slot& slot);
  Act<> write_down(Pipe& pipe, Session& session, const Slot& slot);
  Act<bool> wait_in_hand(Pipe& pipe, const Fault& fault, int failures, Timestamp until);
  void failed(Pipe& pipe, Worker& worker, const Task& task, const TaskFailure& failure);
  void succeeded(Pipe& pipe, const Task& task, sys_seconds loaded_to, const AnswerSize& size);

  std::vector<Timestamp> requests_;
  std::optional<Act<>> main_;
};

/// `run`: the turns of daemon/service.cpp.
class SimulatedDaemon final : public SimulatedProcess {
 public:
  using SimulatedProcess::SimulatedProcess;

  /// When the rechecks began that were read to their end.
  const std::vector<Timestamp>& rechecks_done() const { return rechecks_done_; }

 private:
  struct Recheck {
    Recheck(const std::vector<TimeWindow>& ranges, const Coverage& poisoned, WindowWidth& width,
            const PlanOptions& options, Timestamp begin)
        : plan(ranges, poisoned, width, options), begun(begin) {}
    WindowPlan plan;
    Timestamp begun;
  };

  Act<> run() override;
  Act<> turn();
  Act<> do_turn(Timestamp begun, Timestamp& next);
  Act<bool> lead(Timestamp begun, Timestamp& next);
  Act<Timestamp> next_try(Timestamp begun);
  Act<std::optional<TaskFailure>> poll();
  Act<> recheck(Timestamp pause_at);
  Act<> begin_recheck();
  Act<sys_seconds> poll_from();
  Act<std::optional<TaskFailure>> ask_server_clock();
  Act<std::vector<TimeWindow>> ranges_to_poll();
  Act<> work_on(WindowPlan& plan, Reason reason, Timestamp pause_at);

  std::optional<Session> session_;
  StreamState state_;
  std::optional<Recheck> recheck_;
  std::vector<Timestamp> rechecks_done_;
  bool leads_ = false;
  bool state_is_fresh_ = false;
  int fruitless_ = 0;
};

/// `backfill`, run again until it is done.
class SimulatedBackfill final : public SimulatedProcess {
 public:
  using SimulatedProcess::SimulatedProcess;

 private:
  Act<> run() override;
  Act<> read_all(bool& done);
  Act<std::vector<TimeWindow>> read(const std::vector<TimeWindow>& ranges);
  Act<> work_in_parallel(Pipe& pipe);
  Act<> work_alone(Pipe& pipe);
  Act<> read_state();
  std::vector<TimeWindow> left_to_others() const;
  Act<bool> wait_for(sys_seconds settled);
  void expect_done() const;

  StreamState state_;
  std::optional<SimulatedClaims> claims_;  ///< none with reload
  bool is_shared_ = false;
  std::vector<TimeWindow> poisoned_;
};

}  // namespace odetl::chaos
