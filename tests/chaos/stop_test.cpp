// SIGTERM in every phase of a command's life: it ends by itself, with 0, soon; and nothing is lost or twice afterwards.
#include <thread>

#include "tests/chaos/scene.hpp"

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using test::cluster;
using test::eventually;

constexpr const char* kFrom = "2024-03-01 00:00:00";
constexpr const char* kTo = "2024-03-02 00:00:00";
constexpr auto kEndsWithin = 5s;

class Stopping;

struct Phase {
  const char* name;
  std::vector<std::string> command;
  void (*bring_about)(Stopping&);  // before the command starts
  bool (*is_reached)(Stopping&);
};
void PrintTo(const Phase& phase, std::ostream* out) { *out << phase.name; }

// A tenant whose clock stands at the end of a day of conversations, and a command that loads them.
class Stopping : public testing::TestWithParam<Phase> {
 protected:
  Stopping() : odetl({}, canary_server()), port(test::free_port()) {
    std::filesystem::permissions(sockets_.path(), std::filesystem::perms::all);
    wire = std::make_unique<FaultProxy>(Address{0, sockets_.path().string() + "/.s.PGSQL.5432"}, server_of(odetl.database));
    odetl.configure("warehouse.dsn", '"' + through(odetl.database, sockets_.path().string()) + '"');
    odetl.configure("windows.start", "2024-03-01");
    odetl.configure("windows.settle", "0s");
    odetl.configure("windows.poll_interval", "1s");
    odetl.configure("http.listen", "127.0.0.1:" + std::to_string(port));
    std::vector<simulator::Interaction> rows;
    for (std::uint64_t i = 0; i < 600; ++i) {
      rows.push_back(canary_row(test::second(kFrom) + std::chrono::seconds(i * 144), i / 2));
    }
    odetl.tenant.add(rows);
    odetl.tenant.clock().stand_at(test::second(kTo));
  }

 public:
  Installation odetl;
  int port;
  std::unique_ptr<FaultProxy> wire;
  std::unique_ptr<ChildProcess> process, other;
  std::jthread beside;

  // Makes every load wait: its session waits for a lock, or sleeps while it commits.
  void make_schema() const { ASSERT_EQ(odetl.etl({"migrate"}).exit_code, 0); }
  void hold(const std::string& table) {
    make_schema();
    other = std::make_unique<ChildProcess>(std::vector<std::string>{
        "psql", "-XAtq", "-d", odetl.database, "-c", "BEGIN; LOCK opendialog." + table + "; SELECT 'held'", "-c", "SELECT pg_sleep(60)"});
    other->read_line("held");
  }
  bool log_says(const std::string& part) const { return process->err().find(part) != std::string::npos; }
  bool database_says(const std::string& condition) const {
    return odetl.sql("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'opendialog-etl' AND datname = current_database() AND " + condition) == "t";
  }

 private:
  test::TempDirectory sockets_;
};

TEST_P(Stopping, EndsSoonWithZeroAndTheNextRunHasEverything) {
  GetParam().bring_about(*this);
  if (HasFatalFailure()) return;
  process = odetl.start(GetParam().command);
  ASSERT_TRUE(eventually([&] { return GetParam().is_reached(*this); }, 20s)) << process->err();
  const auto begun = std::chrono::steady_clock::now();
  process->kill(SIGTERM);
  const auto status = process->wait(20s);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  RecordProperty("ended_after_ms", static_cast<int>(took.count()));
  EXPECT_EQ(status, test::ExitStatus{}) << process->err();
  EXPECT_LE(took, kEndsWithin) << process->err();
  wire->thaw();
  wire->heal();
  cluster().query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()");
  other.reset();
  odetl.server.faults().clear();
  odetl.write_token(odetl.server.token());
  odetl.sql("DROP FUNCTION IF EXISTS public.linger CASCADE");
  ASSERT_TRUE(test::ended(odetl.etl({"run", "--once"}), 0));
  Oracle oracle;
  EXPECT_EQ(oracle.judge(odetl, kFrom, kTo), "");
  EXPECT_EQ(Oracle::judge_words("the log", process->err() + process->out()), "");
}

void nothing(Stopping&) {}
bool at_once(Stopping& test) { return test.log_says("started"); }
bool loaded(Stopping& test) { return test.log_says("window_loaded"); }
bool asked(Stopping& test) { return test.odetl.server.request_count() > 0; }
bool told_of_failure(Stopping& test) { return test.log_says("cause="); }
bool waits_for_lock(Stopping& test) { return test.database_says("wait_event_type = 'Lock'"); }
bool commits(Stopping& test) { return test.database_says("wait_event = 'PgSleep' AND query ILIKE 'commit'"); }
bool silent(Stopping& test) { return test.wire->holds_something(); }

template <const char* script>
void api_fails(Stopping& test) {
  test.odetl.fault(script);
}
constexpr char kBlackHole[] = "black-hole next=0";
constexpr char kSlowly[] = "none bytes_per_second=50 next=0";
constexpr char kAway[] = "status code=503 next=0";
constexpr char kWait[] = "status code=429 retry_after=600 next=0";

void other_token(Stopping& test) { test.odetl.write_token("canary-other"); }
void lock_users(Stopping& test) { test.hold("users"); }
void lock_state(Stopping& test) { test.hold("stream_state"); }
void slow_commit(Stopping& test) {
  test.make_schema();
  test.odetl.sql(
      "CREATE FUNCTION public.linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$;\n"
      "CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON opendialog.window_log DEFERRABLE INITIALLY DEFERRED\n"
      " FOR EACH ROW EXECUTE FUNCTION public.linger()");
}
void database_is_silent(Stopping& test) { test.wire->freeze(); }
template <int piece>
void database_falls_silent(Stopping& test) {
  test.make_schema();
  test.wire->freeze_at(piece);
}
void database_closes(Stopping& test) {
  Affliction affliction;
  affliction.to_client.reset_after = 0;
  test.wire->afflict(affliction);
}
void another_leads(Stopping& test) {
  test.other = test.odetl.start({"--set", "http.listen=", "run"});
  test.other->read_line("leading", test::Stream::err);
}
bool stands_by(Stopping& test) { return test.log_says("standing_by"); }
bool is_looked_at(Stopping& test) {
  if (!loaded(test)) return false;
  test.wire->freeze();
  test.beside = std::jthread([port = test.port] { test::http_get(port, "/status.json"); });
  return eventually([&] { return silent(test); });
}

const std::vector<std::string> kRun{"run"}, kOnce{"run", "--once"};
const std::vector<std::string> kBackfill{"backfill", "--from", "2024-03-01", "--to", "2024-03-02", "--window", "1h", "--workers", "2"};

INSTANTIATE_TEST_SUITE_P(
    Chaos, Stopping,
    testing::Values(
        Phase{"AtItsStart", kRun, nothing, at_once}, Phase{"Idle", kRun, nothing, loaded},
        Phase{"WhileTheApiIsSilent", kRun, api_fails<kBlackHole>, asked}, Phase{"WhileAnAnswerTrickles", kRun, api_fails<kSlowly>, asked},
        Phase{"BetweenTwoTries", kRun, api_fails<kAway>, told_of_failure},
        Phase{"WhileTheServerMakesItWait", kRun, api_fails<kWait>, told_of_failure},
        Phase{"WhileItsTokenIsRefused", kRun, other_token, told_of_failure},
        Phase{"WhileALoadWaits", kRun, lock_users, waits_for_lock}, Phase{"WhileTheStateIsLocked", kRun, lock_state, waits_for_lock},
        Phase{"WhileItCommits", kRun, slow_commit, commits},
        Phase{"WhileItsDatabaseIsAway", kRun, database_closes, told_of_failure},
        Phase{"WhileItConnectsInVain", kRun, database_is_silent, silent},
        Phase{"WhileAStatementIsUnanswered", kRun, database_falls_silent<30>, silent},
        Phase{"WhileItIsLookedAt", kRun, nothing, is_looked_at},
        Phase{"AsAStandby", {"--log-level", "debug", "run"}, another_leads, stands_by},
        Phase{"OnceWhileAnotherLeads", {"--log-level", "debug", "run", "--once"}, another_leads, stands_by},
        Phase{"OnceWhileTheApiIsSilent", kOnce, api_fails<kBlackHole>, asked}, Phase{"OnceWhileItCommits", kOnce, slow_commit, commits},
        Phase{"OnceWhileAStatementIsUnanswered", kOnce, database_falls_silent<30>, silent},
        Phase{"ABackfillWhileTheApiIsSilent", kBackfill, api_fails<kBlackHole>, asked},
        Phase{"ABackfillWhileItCommits", kBackfill, slow_commit, commits},
        Phase{"ABackfillWhileALoadWaits", kBackfill, lock_users, waits_for_lock},
        Phase{"ABackfillWhileAStatementIsUnanswered", kBackfill, database_falls_silent<50>, silent}),
    [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace odetl::chaos
