#include "tests/chaos/scene.hpp"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <thread>

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using test::eventually;

constexpr const char* kPastFrom = "2024-03-01 00:00:00";
constexpr const char* kPastTo = "2024-03-02 00:00:00";
constexpr const char* kEnd = "2038-01-01 00:00:00";
constexpr std::uint64_t kPastRows = 2000;

std::string word_of(const std::string& dsn, const std::string& name) {
  const auto at = dsn.find(name + "=");
  const auto from = at + name.size() + 1;
  return at == std::string::npos ? "" : dsn.substr(from, dsn.find(' ', from) - from);
}

std::string find_libfaketime() {
  const std::string places[] = {"/usr/lib/" ODETL_LIBRARY_ARCHITECTURE, "/usr/lib64", "/usr/lib"};
  for (const std::string& place : places) {
    std::string library = place + "/faketime/libfaketime.so.1";
    if (std::filesystem::exists(library)) return library;
  }
  throw std::runtime_error("no " + places[0] + "/faketime/libfaketime.so.1, without which the daemon's clock cannot jump; "
                           "apt-get install faketime");
}

}  // namespace

std::uint64_t seed() {
  static const std::uint64_t chosen = [] {
    const char* text = std::getenv("ODETL_CHAOS_SEED");
    const std::uint64_t number = text != nullptr ? std::stoull(text) : 1;
    std::cout << "ODETL_CHAOS_SEED=" << number << std::endl;
    return number;
  }();
  return chosen;
}

int cases(int few) {
  const char* text = std::getenv("ODETL_CHAOS_CASES");
  return text != nullptr ? std::stoi(text) : few;
}

int stride_of(int few) { return cases(0) > 0 ? 1 : few; }

std::string through(const std::string& dsn, const std::string& directory) {
  const std::string host = "host=" + word_of(dsn, "host");
  std::string changed = dsn;
  return changed.replace(changed.find(host), host.size(), "host=" + directory);
}

Address server_of(const std::string& dsn) {
  return {0, word_of(dsn, "host") + "/.s.PGSQL." + word_of(dsn, "port")};
}

simulator::ServerOptions canary_server() {
  simulator::ServerOptions options;
  options.token = "canary-token-4711";
  return options;
}

simulator::Interaction canary_row(Second when, std::uint64_t number) {
  return {.user_id = "canary-user-" + std::to_string(number % 7), .at = when,
          .text = "canary said " + std::to_string(number)};
}

std::string Oracle::judge_words(const std::string& where, const std::string& text) {
  const auto at = text.find(kCanary);
  if (at == std::string::npos) return "";
  return where + " holds what it must not: " + text.substr(at < 80 ? 0 : at - 80, 160);
}

std::string Oracle::judge(const Installation& odetl, const std::string& from, const std::string& to) {
  if (const std::string wrong = odetl.differences_in(from, to); !wrong.empty()) return "rows differ:\n" + wrong;
  const std::string state = odetl.sql(
      "SELECT coverage = (SELECT range_agg(tstzrange(window_from, window_to)) FROM opendialog.window_log\n"
      "                    WHERE load_number IS NOT NULL),\n"
      "       load_number = (SELECT count(DISTINCT load_number) FROM opendialog.window_log),\n"
      "       (SELECT count(*) FROM opendialog.window_log WHERE window_log::text LIKE '%canary%') = 0,\n"
      "       (SELECT count(*) FROM opendialog.rejected_records) = 0\n"
      "  FROM opendialog.stream_state");
  if (state != "t|t|t|t") return "coverage is the ledger's | numbers have no gap | ledger is clean | nothing rejected: " + state;
  const std::string watermark = odetl.sql("SELECT watermark AT TIME ZONE 'UTC' FROM opendialog.stream_state");
  if (watermark < watermark_) return "the watermark went back from " + watermark_ + " to " + watermark;
  watermark_ = watermark;
  return "";
}

Scene::Scene() : odetl({}, canary_server()), port_(test::free_port()) {
  std::filesystem::permissions(sockets_.path(), std::filesystem::perms::all);
  api = std::make_unique<FaultProxy>(Address{}, Address{odetl.server.port(), ""});
  const Address real = server_of(odetl.database);
  database = std::make_unique<FaultProxy>(
      Address{0, sockets_.path().string() + "/.s.PGSQL." + word_of(odetl.database, "port")}, real);
  odetl.configure("api.base_url", "http://127.0.0.1:" + std::to_string(api->port()));
  odetl.configure("api.timeout", "2s");
  odetl.configure("warehouse.dsn", '"' + through(odetl.database, sockets_.path().string()) + '"');
  odetl.configure("windows.start", test::iso(test::ago(1h)));
  odetl.configure("windows.poll_interval", "1s");
  odetl.configure("windows.settle", "0s");
  odetl.configure("windows.rechecks", "[{every: 1s, span: 40d}]");
  odetl.configure("http.listen", "127.0.0.1:" + std::to_string(port_));
  std::vector<simulator::Interaction> past;
  for (std::uint64_t i = 0; i < kPastRows; ++i) {
    past.push_back(canary_row(test::second(kPastFrom) + std::chrono::seconds(i * 86400 / kPastRows), i / 2));
  }
  odetl.tenant.add(past);
  set_clock_file("+0");
  say(50);
  start_daemon();
  start_backfill();
}

Scene::~Scene() = default;

void Scene::set_clock_file(const std::string& offset) const { test::write_file(odetl.directory / "clock", offset + "\n"); }

void Scene::start_daemon() {
  static const std::string libfaketime = find_libfaketime();
  daemon_ = odetl.start({"run"}, {{"LD_PRELOAD", libfaketime},
                                  {"FAKETIME_TIMESTAMP_FILE", (odetl.directory / "clock").string()},
                                  {"FAKETIME_NO_CACHE", "1"},
                                  {"FAKETIME_DONT_FAKE_MONOTONIC", "1"},
                                  {"FAKETIME_DONT_RESET", "1"}});
  started_by_ = std::this_thread::get_id();
}

void Scene::kill_daemon() {
  daemon_->kill(SIGKILL);
  daemon_->wait();
  start_daemon();
}

std::string Scene::stop_daemon() {
  daemon_->kill(SIGTERM);
  const auto status = daemon_->wait(10s);
  return status.code == 0 && status.signal == 0 ? "" : "SIGTERM ends it with " + std::to_string(status.code);
}

void Scene::start_backfill() {
  backfill_ = odetl.start({"backfill", "--from", "2024-03-01", "--to", "2024-03-02", "--window", "1h", "--workers", "4", "--reload"});
}

void Scene::kill_backfill() {
  if (!backfill_) return;
  backfill_->kill(SIGKILL);
  backfill_->wait();
}

void Scene::say(std::uint64_t rows) {
  std::vector<simulator::Interaction> said;
  for (std::uint64_t i = 0; i < rows; ++i) said.push_back(canary_row(test::ago(3s), ++said_));
  const auto ids = odetl.tenant.add(said);
  const std::scoped_lock lock(rows_mutex_);
  rows_.insert(rows_.end(), ids.begin(), ids.end());
}

void Scene::take_back_some(Random& random) {
  const std::scoped_lock lock(rows_mutex_);
  for (int i = 0; i < 3 && !rows_.empty(); ++i) {
    const auto which = static_cast<std::ptrdiff_t>(random.below(rows_.size()));
    odetl.tenant.remove(rows_[static_cast<std::size_t>(which)]);
    rows_.erase(rows_.begin() + which);
  }
}

std::string Scene::loads_newest(std::chrono::seconds limit) {
  say();
  const std::string query =
      "SELECT count(*) FROM opendialog.interactions WHERE text = 'canary said " + std::to_string(said_) + "'";
  const bool loaded = eventually(
      [&] {
        try {
          return odetl.sql(query) == "1";
        } catch (const std::runtime_error&) {
          return false;  // no table yet
        }
      },
      limit);
  return loaded ? "" : "the newest row is not loaded in " + std::to_string(limit.count()) + " s";
}

std::string Scene::judge(std::chrono::seconds limit) {
  std::string wrong;
  eventually([&] { return (wrong = oracle_.judge(odetl, kPastFrom, kEnd)).empty(); }, limit);
  return wrong;
}

std::string Scene::recover(std::chrono::seconds limit) {
  if (!daemon_->running()) return "the daemon ended by itself with " + std::to_string(daemon_->wait().code) + "\n" + daemon_->err();
  std::string wrong = loads_newest(limit);
  if (wrong.empty() && backfill_) {
    if (backfill_->wait(60s).code != 0) start_backfill();
    const auto ended = backfill_->wait(60s);
    if (ended.code != 0) wrong = "a backfill without faults ends with " + std::to_string(ended.code) + "\n" + backfill_->err();
    wrong += Oracle::judge_words("the backfill's log", backfill_->err() + backfill_->out());
    backfill_.reset();
  }
  if (wrong.empty()) wrong = judge(limit);
  if (wrong.empty() && !eventually([&] { return test::http_get(port_, "/readyz").status == 200; }, limit)) {
    wrong = "it is not ready: " + test::http_get(port_, "/readyz").body;
  }
  wrong += Oracle::judge_words("the log", daemon_->err() + daemon_->out());
  for (const char* page : {"/metrics", "/status.json", "/readyz"}) {
    wrong += Oracle::judge_words(page, test::http_get(port_, page).body);
  }
  wrong += Oracle::judge_words("the command line", test::read_file("/proc/" + std::to_string(daemon_->pid()) + "/cmdline"));
  return wrong.empty() ? "" : wrong + "\n--- log\n" + daemon_->err().substr(daemon_->err().size() - std::min<std::size_t>(daemon_->err().size(), 3000));
}

}  // namespace odetl::chaos
