#include "tests/integration/warehouse_fixture.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>

#include "etl/canonical_json.hpp"

namespace odetl::test {

PostgresCluster& cluster() {
  static PostgresCluster instance;
  return instance;
}

sys_seconds at(const std::string& instant) {
  return std::chrono::floor<std::chrono::seconds>(parse_timestamp(instant).value());
}

TimeWindow window(const std::string& from, const std::string& to) { return {at(from), at(to)}; }

std::string json(std::string_view text) {
  std::string quoted;
  append_quoted(quoted, text);
  return quoted;
}

std::string hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  digits.reserve(2 * bytes.size());
  for (const char c : bytes) {
    digits += kDigits[static_cast<unsigned char>(c) >> 4];
    digits += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return digits;
}

Answer& Answer::user(const std::string& id, const std::string& profile) {
  people_.push_back({id, profile, {}});
  return *this;
}

Answer& Answer::lost_user(const std::string& profile) {
  people_.push_back({std::nullopt, profile, {}});
  return *this;
}

Answer& Answer::says(const std::string& date, const std::string& text, const std::string& data, const std::string& more,
                     const std::string& type) {
  return record("{\"type\":" + json(type) + ",\"date\":" + json(date) + ",\"text\":" + text + ",\"data\":" + data +
                more + "}");
}

Answer& Answer::record(const std::string& raw) {
  people_.back().interactions.push_back(raw);
  return *this;
}

std::string Answer::body() const {
  std::string text = "{\"data\":[";
  for (const Person& person : people_) {
    if (text.back() != '[') text += ',';
    text += person.id ? "{" + json(*person.id) + ":" : "[";
    text += "{\"chatbot_user_data\":" + person.profile + ",\"interactions\":[";
    for (std::size_t i = 0; i < person.interactions.size(); ++i) text += (i == 0 ? "" : ",") + person.interactions[i];
    text += person.id ? "]}}" : "]}]";
  }
  return text + "]}";
}

Served::Served(const Answer& answer, const TimeWindow& owned) {
  body_.assign(answer.body());
  ParseOptions options;
  options.asked = {at("0001-01-01T00:00:00Z"), at("9999-12-31T23:59:59Z")};
  options.owned = owned;
  options.echo = EchoRule::off;
  batch_ = &parser_.parse(body_, options);
}

Loaded load(Warehouse& warehouse, const TimeWindow& window, const Answer& answer) {
  return load(warehouse, window, answer, {false, warehouse.read_state().load_number});
}

Loaded load(Warehouse& warehouse, const TimeWindow& window, const Answer& answer, const LoadRequest& request) {
  const Served served(answer, window);
  Loaded loaded;
  loaded.report.window = window;
  loaded.report.started_at = window.to;
  loaded.number = warehouse.load(served.batch(), request, loaded.report);
  return loaded;
}

namespace {

const std::string kWhenSomebodyWaits =
    "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted) LOOP PERFORM pg_sleep(0.02); END LOOP; END "
    "$$;\n";

}  // namespace

OtherSession::OtherSession(const std::string& dsn, const std::string& statements, const std::string& later)
    : dsn_(dsn) {
  LaunchOptions options;
  options.input = "SET client_connection_check_interval = '20ms';\nBEGIN;\n" + statements + ";\n\\echo holding\n" +
                  (later.empty() ? "" : kWhenSomebodyWaits + later + ";\n") + "SELECT pg_sleep(120);\n";
  options.dies_with_thread = false;
  psql_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{"psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", dsn + " application_name=other"},
      EnvChanges{}, options);
  psql_->read_line("holding");
}

OtherSession::~OtherSession() {
  try {
    release();
  } catch (const std::exception&) {  // the cluster is away, and the session with it
  }
}

void OtherSession::release() {
  if (!psql_) return;
  psql_->kill(SIGKILL);
  psql_.reset();
  wait_for(dsn_,
           "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'other' AND datname = current_database()",
           "0");
}

void wait_for(const std::string& dsn, const std::string& query, const std::string& expected) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (cluster().query_at(dsn, query) != expected) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("never " + expected + ": " + query);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void wait_until_blocked(const std::string& dsn, int sessions) {
  wait_for(
      dsn,
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'opendialog-etl' AND wait_event_type = 'Lock' "
      "AND datname = current_database()",
      std::to_string(sessions));
}

void WarehouseTest::SetUp() {
  dsn_ = cluster().create_database();
  migrate(*connect_database(dsn_, schema_));
}

std::unique_ptr<Warehouse> WarehouseTest::open(OnMissing on_missing, std::shared_ptr<SeenUsers> seen_users) const {
  return make_warehouse([dsn = dsn_, schema = schema_] { return connect_database(dsn, schema); }, on_missing,
                        std::move(seen_users));
}

std::string WarehouseTest::query(const std::string& sql) const {
  return cluster().query_at(dsn_, "SET search_path = \"" + schema_ + "\"; SET TIME ZONE 'UTC';\n" + sql);
}

std::string WarehouseTest::row_versions() const {
  return query(
      "SELECT tableoid::regclass, ctid, xmin, xmax, interaction_id FROM interactions ORDER BY 1, 2;"
      "SELECT ctid, xmin, xmax, user_id FROM users ORDER BY 1");
}

std::string WarehouseTest::contents() const {
  return query(
      "SELECT user_id, occurred_at, type, text, data, occurrence FROM current_interactions "
      "ORDER BY 1, 2, 3, 4, 5::text, 6");
}

void Loading::SetUp() {
  WarehouseTest::SetUp();
  warehouse_ = open();
}

const TimeWindow kDay = window("2024-01-31T00:00:00Z", "2024-02-01T00:00:00Z");

Answer two_people() {
  Answer answer;
  answer.user("ann", R"({"first_name":"Ann","custom":{"plan":"gold"},"height":1.80})")
      .says("2024-01-31T08:00:00.000000Z", R"("hello")", R"({"value":"v","callback_id":"c","n":1})")
      .says("2024-01-31T08:00:01.500000Z", "null", "null", R"(,"mood":"good")", "chat_open");
  answer.user("bob").says("2024-01-31T09:00:00.000000Z", R"("hi")");
  return answer;
}

Answer bob_says(const std::string& text) { return Answer().user("bob").says("2024-01-31T09:00:00Z", json(text)); }

}  // namespace odetl::test
