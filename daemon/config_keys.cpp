#include "daemon/config_keys.hpp"

#include "daemon/nearest.hpp"
#include "daemon/secrets.hpp"
#include "daemon/value_types.hpp"

namespace odetl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using namespace std::chrono_literals;
using namespace value_types;
using Kind = ConfigNode::Kind;

constexpr std::size_t kMostFilters = 64;
constexpr std::size_t kMostRechecks = 16;
constexpr std::size_t kKiB = 1024;
constexpr milliseconds kDay = 24h;
constexpr milliseconds kYear = 366 * kDay;

/// For what is judged only when everything is read.
std::optional<std::string> accept_any(const std::string&) { return {}; }

ValueType token() {
  const auto set = [](const ConfigNode& node, ConfigReader& reader) {
    const std::string value = trim_line_end(reader.scalar(node).value);
    const auto wrong = value.empty() ? std::nullopt : refuse_token(value);
    if (wrong) throw BadValue(*wrong);
    reader.config.api.token = value;
  };
  return {"string", set};
}

ValueType instant(std::optional<sys_seconds> WindowsConfig::*member) {
  const auto set = [=](const ConfigNode& node, ConfigReader& reader) {
    const Scalar scalar = reader.scalar(node);
    const auto parsed = parse_instant(scalar.value);
    if (!parsed) {
      throw BadValue(scalar.shown +
                     " is no instant; 2024-01-31, 2024-01-31T08:00:00Z or one with an offset is accepted");
    }
    const auto whole = std::chrono::floor<seconds>(*parsed);
    if (whole != *parsed) throw BadValue(scalar.shown + " is not whole; whole seconds are accepted");
    reader.config.windows.*member = whole;
  };
  return {"instant", set};
}

ValueType filters() {
  const auto set = [](const ConfigNode& node, ConfigReader& reader) {
    if (node.kind != Kind::map) throw BadValue("is no mapping; one of names to values is accepted, {} for none");
    if (node.keys.size() > kMostFilters) throw BadValue("has more than 64 filters; up to 64 are accepted");
    reader.config.api.filters.clear();
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      if (node.keys[i].kind == Kind::scalar) set_filter(node.keys[i].text, node.items[i], reader);
    }
  };
  return {"map", set};
}

void refuse_other_parts(const std::string& path, const ConfigNode& item, ConfigReader& reader) {
  for (const ConfigNode& key : item.keys) {
    if (key.kind != Kind::scalar || key.text == "every" || key.text == "span") continue;
    const auto near = nearest(key.text, {"every", "span"});
    const std::string hint = near ? "did you mean " + path + "." + *near + "?" : "every and span are accepted";
    reader.refuse(key.where, path + "." + key.text, "is no known key; " + hint);
  }
}

seconds read_part(const std::string& path, const char* name, const ConfigNode& item, ConfigReader& reader) {
  for (std::size_t i = 0; i < item.keys.size(); ++i) {
    if (item.keys[i].text != name) continue;
    const std::string key = path + "." + name;
    seconds part{0};
    reader.given[key] = item.items[i].where;
    reader.attempt(item.items[i], key, [&] { part = read_seconds(reader.scalar(item.items[i]), 1s, kYear); });
    return part;
  }
  throw BadValue(std::string("has no ") + name + "; one such as {every: 1h, span: 24h} is accepted");
}

void add_recheck(const std::string& path, const ConfigNode& item, ConfigReader& reader) {
  if (item.kind != Kind::map) throw BadValue("is no mapping; one such as {every: 1h, span: 24h} is accepted");
  refuse_other_parts(path, item, reader);
  const seconds every = read_part(path, "every", item, reader);
  const seconds span = read_part(path, "span", item, reader);
  reader.config.windows.rechecks.push_back({every, span});
}

ValueType rechecks() {
  const auto set = [](const ConfigNode& node, ConfigReader& reader) {
    if (node.kind != Kind::list) throw BadValue("is no list; one of {every: 1h, span: 24h} is accepted, [] for none");
    if (node.items.size() > kMostRechecks) throw BadValue("has more than 16 entries; up to 16 are accepted");
    reader.config.windows.rechecks.clear();
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const std::string path = "windows.rechecks[" + std::to_string(i) + "]";
      reader.attempt(node.items[i], path, [&] { add_recheck(path, node.items[i], reader); });
    }
  };
  return {"list", set};
}

KeyRow row(std::string path, std::string default_text, std::string description, ValueType type) {
  return {{std::move(path), std::move(type.type), std::move(default_text), std::move(type.accepted),
           std::move(type.range), std::move(description)},
          std::move(type.set)};
}

std::vector<KeyRow> api_rows() {
  const auto api = [](auto member) { return at(&Config::api, member); };
  return {
      row("api.base_url", "", "Address of your tenant, required; http:// only for loopback unless allow_http is true",
          text(api(&ApiConfig::base_url), accept_any)),
      row("api.endpoint", "public",
          "public is /public/api/user-interactions?from=&to=, legacy is without /public, path ends in /{from}/{to}",
          words<Endpoint>(api(&ApiConfig::endpoint),
                          {{"public", Endpoint::public_api}, {"legacy", Endpoint::legacy}, {"path", Endpoint::path}})),
      row("api.check_echo", "auto",
          "When a record repeats another from and to than was asked; auto: fail on legacy and path, warn on public",
          words<EchoCheck>(api(&ApiConfig::check_echo), {{"auto", EchoCheck::automatic},
                                                         {"fail", EchoCheck::fail},
                                                         {"warn", EchoCheck::warn},
                                                         {"off", EchoCheck::off}})),
      row("api.token", "", "Bearer token; or token_file, or a systemd credential named opendialog-token", token()),
      row("api.token_file", "", "File that holds the token and nothing else, read again on SIGHUP; mode 0600",
          text(api(&ApiConfig::token_file), refuse_path)),
      row("api.filters", "{}", "Sent along as query parameters, e.g. {selected_scenario: 0x1a2b}", filters()),
      row("api.connect_timeout", "10s", "Limit for making a connection",
          duration(api(&ApiConfig::connect_timeout), 1ms, 1h)),
      row("api.timeout", "120s", "Limit for a whole request", duration(api(&ApiConfig::timeout), 1ms, kDay)),
      row("api.max_response", "256MiB", "Limit for one answer after decompression; more than this splits the window",
          size(api(&ApiConfig::max_response), 64 * kKiB, 4 * kKiB * kKiB * kKiB)),
      row("api.rate_limit", "0",
          "Requests a minute, 0 as the server announces; backfill leaves a third to live polling",
          integer(api(&ApiConfig::rate_limit), 0, 1'000'000)),
      row("api.ca_file", "\"\"", "File of certificates to trust; \"\" is the system's",
          text(api(&ApiConfig::ca_file), refuse_path)),
      row("api.proxy", "\"\"", "Proxy such as http://proxy:3128; \"\" is none, whatever the environment says",
          text(api(&ApiConfig::proxy), refuse_proxy)),
      row("api.allow_http", "false", "Lets the token go unencrypted to other hosts than this one",
          boolean(api(&ApiConfig::allow_http))),
  };
}

std::vector<KeyRow> warehouse_rows() {
  const auto warehouse = [](auto member) { return at(&Config::warehouse, member); };
  return {
      row("warehouse.dsn", "", "Where PostgreSQL is; left out: an embedded one in state_dir",
          text(warehouse(&WarehouseConfig::dsn), refuse_dsn)),
      row("warehouse.schema", "opendialog", "Schema that holds the tables: lower-case letters, digits and _",
          text(warehouse(&WarehouseConfig::schema), refuse_schema)),
      row("warehouse.auto_migrate", "true", "Lets run and backfill create and upgrade the schema",
          boolean(warehouse(&WarehouseConfig::auto_migrate))),
  };
}

std::vector<KeyRow> windows_rows() {
  const auto windows = [](auto member) { return at(&Config::windows, member); };
  return {
      row("windows.start", "", "Where a first run begins; left out: 24h before now", instant(&WindowsConfig::start)),
      row("windows.poll_interval", "60s", "Time between polls",
          duration(windows(&WindowsConfig::poll_interval), 1s, kDay)),
      row("windows.width", "1h", "First guess; the width then adapts between min_width and max_width",
          duration(windows(&WindowsConfig::width), 1s, kYear)),
      row("windows.min_width", "1s", "Never ask for less than this",
          duration(windows(&WindowsConfig::min_width), 1s, kYear)),
      row("windows.max_width", "31d", "Never ask for more than this",
          duration(windows(&WindowsConfig::max_width), 1s, kYear)),
      row("windows.lookback", "15m", "Re-read behind the watermark on every poll, for rows that appear late",
          duration(windows(&WindowsConfig::lookback), 0s, 31 * kDay)),
      row("windows.settle", "10s", "Never read closer to the present than this",
          duration(windows(&WindowsConfig::settle), 0s, kDay)),
      row("windows.rechecks", "[{every: 1h, span: 24h}, {every: 24h, span: 7d}]", "Wider, rarer re-reads", rechecks()),
      row("windows.on_missing", "mark",
          "An interaction the API no longer returns: keep it, mark it (deleted_at) or delete it",
          words<OnMissing>(windows(&WindowsConfig::on_missing),
                           {{"keep", OnMissing::keep}, {"mark", OnMissing::mark}, {"delete", OnMissing::remove}})),
      row("windows.on_poison", "pass",
          "A second the server can never serve: pass it (a visible gap, retried by rechecks) or hold there",
          words<OnPoison>(windows(&WindowsConfig::on_poison), {{"pass", OnPoison::pass}, {"hold", OnPoison::hold}})),
  };
}

std::vector<KeyRow> other_rows() {
  return {
      row("backfill.workers", "2", "Windows that a backfill loads at a time, at the most: fewer where they bring as much",
          integer(at(&Config::backfill_workers), 1, 64)),
      row("unknown_users", "surrogate",
          "Records whose user id the server lost: stored under unknown:HASH, or kept as rejects",
          words<UnknownUsers>(at(&Config::unknown_users),
                              {{"surrogate", UnknownUsers::surrogate}, {"reject", UnknownUsers::reject}})),
      row("http.listen", "127.0.0.1:9464",
          "Where /metrics, /healthz, /readyz, /status.json and the status page are; \"\" turns them off",
          text(at(&Config::http_listen), refuse_listen)),
      row("state_dir", "/var/lib/opendialog-etl", "Directory of the embedded PostgreSQL",
          text(at(&Config::state_dir), refuse_required_path)),
      row("log.level", "info", "Least severity that is logged",
          words<std::string>(at(&Config::log_level), {{"trace", "trace"},
                                                      {"debug", "debug"},
                                                      {"info", "info"},
                                                      {"warn", "warn"},
                                                      {"error", "error"},
                                                      {"critical", "critical"}})),
      row("log.format", "auto", "auto is journald prefixes under systemd, colour on a terminal, text otherwise",
          words<LogFormat>(at(&Config::log_format), {{"auto", LogFormat::automatic},
                                                     {"text", LogFormat::text},
                                                     {"json", LogFormat::json},
                                                     {"logfmt", LogFormat::logfmt}})),
  };
}

std::vector<KeyRow> all_rows() {
  std::vector<KeyRow> rows;
  for (auto part : {api_rows(), warehouse_rows(), windows_rows(), other_rows()}) {
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

}  // namespace

const std::vector<KeyRow>& key_rows() {
  static const std::vector<KeyRow> rows = all_rows();
  return rows;
}

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> keys = [] {
    std::vector<ConfigKey> all;
    for (const KeyRow& each : key_rows()) all.push_back(each.key);
    return all;
  }();
  return keys;
}

void set_filter(const std::string& name, const ConfigNode& value, ConfigReader& reader) {
  const std::string path = "api.filters." + name;
  reader.attempt(value, path, [&] {
    if (const auto wrong = refuse_filter(name)) throw BadValue(*wrong);
    reader.config.api.filters[name] = reader.scalar(value).value;
  });
}

}  // namespace odetl
