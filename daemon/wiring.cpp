#include "daemon/wiring.hpp"

#include <spdlog/fmt/fmt.h>

#include <cstdlib>
#include <random>

#include "daemon/log.hpp"
#include "daemon/secrets.hpp"
#include "daemon/version.hpp"
#include "etl/migrations.hpp"

namespace odetl {
namespace {

constexpr double kReservedForPolling = 1.0 / 3.0;

EchoRule echo_rule(EchoCheck check, Endpoint endpoint) {
  switch (check) {
    case EchoCheck::fail: return EchoRule::fail;
    case EchoCheck::warn: return EchoRule::warn;
    case EchoCheck::off: return EchoRule::off;
    case EchoCheck::automatic: break;
  }
  return endpoint == Endpoint::public_api ? EchoRule::warn : EchoRule::fail;
}

}  // namespace

Wiring::Wiring(Config config) : config_(std::move(config)) {}

Config Wiring::config() const {
  const std::scoped_lock lock(mutex_);
  return config_;
}

void Wiring::reconfigure(const Config& config) {
  const std::scoped_lock lock(mutex_);
  const Config before = std::move(config_);
  config_ = config;
  config_.warehouse = before.warehouse;
  config_.state_dir = before.state_dir;
  config_.http_listen = before.http_listen;
}

void Wiring::start_database(std::stop_token stop) {
  if (!config().warehouse.dsn.empty() || embedded_) return;
  try {
    auto started = start_embedded_postgres(config().state_dir, stop);
    log(Event::embedded_postgres_ready, {{"reach_it_with", started->psql_command()}});
    const std::scoped_lock lock(mutex_);
    embedded_ = std::move(started);
  } catch (const EmbeddedPostgresError& error) {
    throw CommandError(ExitCode::configuration, error.what());
  }
}

std::unique_ptr<Database> Wiring::connect() const {
  std::string dsn;
  {
    const std::scoped_lock lock(mutex_);
    dsn = embedded_ ? embedded_->dsn() : config_.warehouse.dsn;
  }
  if (dsn.empty()) throw DatabaseError(Failure::db_unreachable, "connect to the database: it is being started");
  return connect_database(dsn, config().warehouse.schema);
}

std::unique_ptr<Warehouse> Wiring::warehouse(std::shared_ptr<SeenUsers> seen_users) const {
  return make_warehouse([this] { return connect(); }, config().windows.on_missing, std::move(seen_users));
}

std::unique_ptr<WindowClaims> Wiring::window_claims() const {
  std::random_device random;
  const auto owner = static_cast<std::int64_t>(std::uint64_t{random()} << 32 | random());
  return make_window_claims([this] { return connect(); }, owner);
}

void Wiring::prepare_schema(std::stop_token stop) {
  const auto database = connect();
  const std::stop_callback on_stop(stop, [&database] { database->cancel(); });
  if (!config().warehouse.auto_migrate) {
    const auto pending = pending_migrations(*database);
    if (pending.empty()) return;
    throw DatabaseError(Failure::db_schema,
                        fmt::format("check the schema '{}': migration '{}' is missing and warehouse.auto_migrate is "
                                    "false; run `opendialog-etl migrate`",
                                    config().warehouse.schema, pending.front().name));
  }
  for (const Migration& migration : migrate(*database)) {
    log(Event::schema_migrated, {{"schema", config().warehouse.schema}, {"migration", migration.name}});
  }
}

void Wiring::require_schema() const {
  const auto database = connect();
  const auto pending = pending_migrations(*database);
  if (pending.empty()) return;
  throw DatabaseError(Failure::db_schema, fmt::format("read the schema '{}': it lacks migration '{}'; run "
                                                      "`opendialog-etl migrate`, or load something first",
                                                      database->schema(), pending.front().name));
}

std::string Wiring::token() {
  std::string warning;
  std::string token = read_token(config().api, process_environment, &warning);
  if (!warning.empty() && !token_warned_) {
    token_warned_ = true;
    log(Event::token_exposed, {{"what", warning}});
  }
  return token;
}

ApiOptions Wiring::api_options() const {
  const ApiConfig api = config().api;
  ApiOptions options;
  options.base_url = api.base_url;
  options.endpoint = api.endpoint;
  options.filters = api.filters;
  options.connect_timeout = api.connect_timeout;
  options.timeout = api.timeout;
  options.max_response = api.max_response;
  options.ca_file = api.ca_file;
  options.proxy = api.proxy;
  options.allow_http = api.allow_http;
  options.user_agent = fmt::format("opendialog-etl/{}", kVersion);
  return options;
}

std::unique_ptr<ApiClient> Wiring::client() { return make_api_client(api_options(), token()); }

ReadOptions Wiring::read_options(Reason reason) const {
  const Config config = this->config();
  ReadOptions options;
  options.reason = reason;
  options.settle = config.windows.settle;
  options.echo = echo_rule(config.api.check_echo, config.api.endpoint);
  options.trust_record_user_id = !config.api.filters.contains("user_id");
  options.surrogate_unknown_users = config.unknown_users == UnknownUsers::surrogate;
  return options;
}

WidthLimits Wiring::width_limits() const {
  const WindowsConfig windows = config().windows;
  WidthLimits limits;
  limits.first = windows.width;
  limits.min = windows.min_width;
  limits.max = windows.max_width;
  return limits;
}

RateAllowance Wiring::rate_allowance(Reason reason) const {
  return RateAllowance(config().api.rate_limit, reason == Reason::poll ? 0.0 : kReservedForPolling);
}

std::string Wiring::database_name() const {
  const std::scoped_lock lock(mutex_);
  return embedded_ ? "the embedded PostgreSQL in " + config_.state_dir : redact_dsn(config_.warehouse.dsn);
}

std::string Wiring::psql_command() const {
  const std::scoped_lock lock(mutex_);
  return embedded_ ? embedded_->psql_command() : "";
}

Surroundings real_surroundings() {
  const auto generator = std::make_shared<std::mt19937_64>(std::random_device{}());
  return {
      [] { return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()); },
      [] { return std::chrono::steady_clock::now(); },
      [generator] { return std::uniform_real_distribution<double>(0.0, 1.0)(*generator); },
  };
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

}  // namespace odetl
