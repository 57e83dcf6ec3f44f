#include "tests/integration/acceptance_fixture.hpp"

#include <stdexcept>
#include <system_error>
#include <thread>

#include "tests/simulator/raw_client.hpp"

namespace odetl::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 10ms;

// jsonb cannot hold U+0000: the contract has U+FFFD stored in its place.
std::string without_nul(const std::string& json) {
  static const std::string kNul = "\\u0000";
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json.compare(i, kNul.size(), kNul) == 0) {
      out += "\\ufffd";
      i += kNul.size() - 1;
    } else {
      out += json[i];
      if (json[i] == '\\') out += json[++i];  // an escaped backslash escapes nothing
    }
  }
  return out;
}

// Databases that no test uses any more: to empty one takes less than to make and remove another.
std::vector<std::string>& spare_databases() {
  static std::vector<std::string> spare;
  return spare;
}

std::string empty_database() {
  if (spare_databases().empty()) return cluster().create_database();
  const std::string database = spare_databases().back();
  spare_databases().pop_back();
  cluster().query_at(database,
                     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity\n"
                     " WHERE datname = current_database() AND pid <> pg_backend_pid();\n"
                     "DROP SCHEMA IF EXISTS opendialog, elsewhere CASCADE;\n"
                     "DROP TABLE IF EXISTS public.served;");
  return database;
}

const std::string kStored = R"(
  SELECT CASE WHEN user_id LIKE 'unknown:%' OR user_id IN (SELECT true_id FROM public.served WHERE who = '(lost)')
              THEN '(lost)' ELSE user_id END AS who, occurred_at, type, text, data
    FROM opendialog.current_interactions WHERE )";
const std::string kServed = "SELECT who, occurred_at, type, text, data FROM public.served WHERE ";

}  // namespace

PostgresCluster& cluster() {
  static PostgresCluster instance;
  return instance;
}

Instant at(const std::string& text) {
  const auto moment = simulator::read_moment(text);
  if (!moment) throw std::invalid_argument("no instant: " + text);
  return moment->echo;
}

Second second(const std::string& text) { return std::chrono::floor<std::chrono::seconds>(at(text)); }

std::string iso(Second instant) {
  std::string text = simulator::wire_date(instant);
  return text.substr(0, 19) + 'Z';
}

std::string range_text(Second from, Second to) {
  std::string text(1, '[');
  return text.append(iso(from)).append(", ").append(iso(to)).append(")");
}

Second ago(std::chrono::seconds age) {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) - age;
}

bool eventually(const std::function<bool()>& is_so, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kTick);
  }
  return true;
}

std::string json_at(const std::string& json, const std::string& path) {
  return cluster().query("SELECT $json$" + json + "$json$::jsonb #>> '" + path + "'");
}

HttpAnswer http_get(int port, const std::string& path) {
  try {
    simulator::RawClient client(static_cast<std::uint16_t>(port));
    const auto reply = client.exchange("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return {reply.status, reply.body};
  } catch (const std::system_error&) {
    return {};
  }
}

double metric(const std::string& exposition, const std::string& series) {
  const auto found = ("\n" + exposition).find("\n" + series + " ");
  if (found == std::string::npos) throw std::runtime_error("no series " + series + " in:\n" + exposition);
  return std::stod(exposition.substr(found + series.size() + 1));
}

simulator::Interaction message(const std::string& user, const std::string& when, const std::string& text) {
  return {.user_id = user, .at = at(when), .text = text};
}

simulator::Interaction said(Second when, const std::string& text) { return {.user_id = "u", .at = when, .text = text}; }

void converse(simulator::Tenant& tenant, const std::string& from, const std::string& to, std::uint64_t rows) {
  tenant.generate({.seed = 7, .from = second(from), .to = second(to), .rows = rows, .numeric_permille = 150});
}

void say_at_the_seams(simulator::Tenant& tenant, const std::string& from, const std::string& to) {
  std::vector<simulator::Interaction> rows;
  for (Second hour = second(from); hour <= second(to); hour += 1h) {
    for (const auto offset : {-1s, 0s, 0s, 1s}) {
      rows.push_back({.user_id = "seam", .at = hour + offset, .text = "twin"});
      rows.push_back({.user_id = "447700900123", .at = hour + offset, .text = "twin"});
    }
    rows.push_back({.user_id = "seam", .at = hour - 1us, .text = "twin"});
    rows.push_back({.user_id = "seam", .at = hour + 1us, .text = "twin"});
    rows.push_back({.user_id = "seam", .at = hour + 999'999us, .text = "twin"});
  }
  tenant.add(rows);
}

Installation::Installation(simulator::TenantOptions tenant_options, simulator::ServerOptions server_options)
    : tenant(tenant_options), server(tenant, std::move(server_options)), database(empty_database()) {
  write_token(server.token());
  configuration_ = {{"api.base_url", server.url()},
                    {"api.token_file", token_file().string()},
                    {"warehouse.dsn", '"' + database + '"'},
                    {"http.listen", "\"\""},
                    {"state_dir", (directory / "state").string()}};
  write_config();
}

Installation::~Installation() { spare_databases().push_back(database); }

void Installation::configure(const std::string& key, const std::string& value) {
  if (value.empty()) {
    configuration_.erase(key);
  } else {
    configuration_[key] = value;
  }
  write_config();
}

void Installation::write_token(const std::string& token) const {
  write_file(token_file(), token + "\n");
  std::filesystem::permissions(token_file(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

// Keys come sorted, so those of a section together.
void Installation::write_config() const {
  std::string text, section;
  for (const auto& [key, value] : configuration_) {
    const auto dot = key.find('.');
    if (dot == std::string::npos) {
      text += key + ": " + value + "\n";
      continue;
    }
    if (key.substr(0, dot) != section) text += (section = key.substr(0, dot)) + ":\n";
    text += "  " + key.substr(dot + 1) + ": " + value + "\n";
  }
  write_file(config_file(), text);
}

std::vector<std::string> Installation::command(std::vector<std::string> arguments) const {
  std::vector<std::string> argv = {ODETL_BINARY_DIR "/daemon/opendialog-etl", "--config", config_file().string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

RunResult Installation::etl(std::vector<std::string> arguments, const EnvChanges& env) const {
  return run(command(std::move(arguments)), env);
}

std::unique_ptr<ChildProcess> Installation::start(std::vector<std::string> arguments, const EnvChanges& env) const {
  return std::make_unique<ChildProcess>(command(std::move(arguments)), env);
}

RunResult Installation::backfill(const std::string& from, const std::string& to, std::vector<std::string> more) const {
  more.insert(more.begin(), {"backfill", "--from", from, "--to", to});
  return etl(more);
}

std::string Installation::status() const {
  const RunResult result = etl({"status", "--json"});
  if (result.exit_code != 0) throw std::runtime_error("status --json: " + result.err);
  return result.out;
}

std::string Installation::texts() const {
  return sql("SELECT string_agg(text, ' ' ORDER BY occurred_at, text) FROM opendialog.current_interactions");
}

void Installation::remember_truth(const std::string& from, const std::string& to) const {
  const std::string truth = without_nul(tenant.truth(second(from), second(to) - 1s));
  // The old nested form wraps `data`; only objects are known to be meant without it.
  const std::string data = tenant.options().shape == simulator::Shape::flat
                               ? "nullif(line->'data', 'null')"
                               : "CASE jsonb_typeof(line->'data') WHEN 'object' THEN line->'data' "
                                 "ELSE jsonb_build_array(line->'data') END";
  sql("DROP TABLE IF EXISTS public.served;\n"
      "CREATE TABLE public.served AS\n"
      "SELECT line->>'user_id' AS true_id,\n"
      "       CASE WHEN (line->>'user_id_lost')::boolean THEN '(lost)' ELSE line->>'user_id' END AS who,\n"
      "       (line->>'date')::timestamptz AS occurred_at, line->>'type' AS type, line->>'text' AS text,\n"
      "       " +
      data +
      " AS data\n"
      "  FROM (SELECT row::jsonb AS line FROM string_to_table($truth$" +
      truth + "$truth$, E'\\n') AS row WHERE row <> '') AS lines;");
}

std::string Installation::differences(const std::string& only) const {
  return sql(
      "WITH stored AS (" + kStored + only + "), served AS (" + kServed + only +
      "),\n missing AS (SELECT * FROM served EXCEPT ALL SELECT * FROM stored),\n"
      " surplus AS (SELECT * FROM stored EXCEPT ALL SELECT * FROM served)\n"
      "SELECT * FROM (SELECT 'missing', (SELECT count(*) FROM missing), missing::text FROM missing LIMIT 4) AS m\n"
      "UNION ALL\n"
      "SELECT * FROM (SELECT 'surplus', (SELECT count(*) FROM surplus), surplus::text FROM surplus LIMIT 4) AS s;");
}

std::string Installation::differences_in(const std::string& from, const std::string& to) const {
  remember_truth(from, to);
  return differences();
}

testing::AssertionResult ended(const RunResult& result, int code) {
  if (result.exit_code == code) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "exit code " << result.exit_code << " instead of " << code << "\n--- out\n"
                                     << result.out << "--- err\n"
                                     << result.err;
}

}  // namespace odetl::test
