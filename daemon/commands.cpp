#include "daemon/commands.hpp"

#include <spdlog/fmt/fmt.h>

#include <cstdio>

#include "daemon/backfill.hpp"
#include "daemon/check.hpp"
#include "daemon/first_configuration.hpp"
#include "daemon/http_content.hpp"
#include "daemon/http_endpoint.hpp"
#include "daemon/log.hpp"
#include "daemon/rejects.hpp"
#include "daemon/service.hpp"
#include "daemon/status.hpp"
#include "daemon/status_reader.hpp"
#include "daemon/verify.hpp"
#include "daemon/version.hpp"
#include "daemon/watch.hpp"
#include "etl/canonical_json.hpp"
#include "etl/libraries.hpp"
#include "etl/migrations.hpp"

namespace odetl {
namespace {

LogFormat log_format_of(const std::string& name) {
  if (name == "text") return LogFormat::text;
  if (name == "json") return LogFormat::json;
  if (name == "logfmt") return LogFormat::logfmt;
  return LogFormat::automatic;
}

std::string config_file(const Invocation& invocation) {
  if (invocation.config_file) return *invocation.config_file;
  return process_environment("OPENDIALOG_ETL_CONFIG").value_or(kDefaultConfig);
}

Config load(const Invocation& invocation) {
  // The log's options are checked like --set of the same keys.
  std::vector<std::string> overrides = invocation.overrides;
  if (invocation.log_level) overrides.push_back("log.level=" + *invocation.log_level);
  if (invocation.log_format) overrides.push_back("log.format=" + *invocation.log_format);
  return load_config(config_file(invocation), overrides, process_environment);
}

ExitCode run(const Invocation& invocation, Wiring& wiring, StopSignals& signals) {
  const Surroundings surroundings = real_surroundings();
  Metrics metrics;
  Telemetry telemetry(metrics, surroundings, false);
  const auto manager = make_service_manager();
  Service service(wiring, metrics, telemetry, *manager, surroundings, [&] { return load(invocation); });
  if (invocation.once) {
    service.run_once(signals.token());
    const WindowReport totals = telemetry.totals();
    fmt::print("caught up: {} interactions inserted, {} updated, {} deleted, {} rejected; watermark {}\n",
               totals.inserted, totals.updated, totals.deleted, totals.rejected,
               service.status().state.watermark ? to_rfc3339(*service.status().state.watermark) : "none");
    return ExitCode::done;
  }
  std::unique_ptr<HttpEndpoint> endpoint;
  if (!wiring.config().http_listen.empty()) {
    try {
      endpoint = start_http_endpoint(wiring.config().http_listen, make_http_content(wiring, metrics, telemetry, service,
                                                                                    surroundings, signals.token()));
    } catch (const HttpEndpointError& error) {
      // Loading matters more than being looked at.
      log(Event::http_endpoint_off, {{"error", error.what()}});
    }
  }
  signals.on_reload([&service] { service.request_reload(); });
  telemetry.on_progress([&manager] { manager->alive(); });
  service.run(signals.token());
  signals.on_reload(nullptr);
  return ExitCode::done;
}

ExitCode migrate_schema(const Invocation& invocation, Wiring& wiring, std::stop_token stop) {
  wiring.start_database(stop);
  const auto database = wiring.connect();
  const std::stop_callback on_stop(stop, [&database] { database->cancel(); });
  const auto migrations = invocation.dry_run ? pending_migrations(*database) : migrate(*database);
  for (const Migration& migration : migrations) {
    fmt::print("{} {}\n", invocation.dry_run ? "pending" : "applied", migration.name);
  }
  if (migrations.empty()) fmt::print("the schema '{}' is up to date\n", database->schema());
  return ExitCode::done;
}

// One block of `status --watch`, which outlives a database that is away for a while.
std::string told_or_trouble(const std::function<std::string()>& text, bool json) {
  const std::string now = to_rfc3339(std::chrono::floor<std::chrono::seconds>(real_surroundings().now()));
  try {
    return json ? text() : fmt::format("{:<14}{}\n{}\n", "as of", now, text());
  } catch (const DatabaseError& error) {
    if (json) return fmt::format("{{\"error\":{}}}\n", json_string(error.what()));
    return fmt::format("{:<14}{}\n{:<14}{}; trying again\n\n", "as of", now, "unknown", error.what());
  }
}

ExitCode show_status(const Invocation& invocation, Wiring& wiring, std::stop_token stop) {
  wiring.start_database(stop);
  StatusReader reader(wiring);
  const Marks marks = wants_colour() ? Marks::colour : Marks::plain;
  const auto text = [&] {
    const StatusFacts facts = reader.read(real_surroundings().now(), stop);
    return invocation.json ? status_json(facts) + "\n" : status_text(facts, marks);
  };
  if (!invocation.watch) {
    fmt::print("{}", text());
    return ExitCode::done;
  }
  watch([&] { return told_or_trouble(text, invocation.json); }, stop);
  return ExitCode::done;
}

ExitCode load_past(const Invocation& invocation, Wiring& wiring, std::stop_token stop) {
  const Surroundings surroundings = real_surroundings();
  Metrics metrics;
  Telemetry telemetry(metrics, surroundings, true);
  wiring.start_database(stop);
  wiring.prepare_schema(stop);
  return backfill(wiring, invocation, metrics, telemetry, surroundings, stop);
}

ExitCode verify_past(const Invocation& invocation, Wiring& wiring, std::stop_token stop) {
  const Surroundings surroundings = real_surroundings();
  Metrics metrics;
  Telemetry telemetry(metrics, surroundings, true);
  wiring.start_database(stop);
  wiring.require_schema();
  return verify(wiring, invocation, telemetry, surroundings, stop);
}

ExitCode quarantine(const Invocation& invocation, Wiring& wiring, std::stop_token stop) {
  wiring.start_database(stop);
  wiring.require_schema();
  if (invocation.command == Command::rejects_list) return list_rejects(wiring, invocation);
  if (invocation.command == Command::rejects_purge) return purge_rejects(wiring, invocation);
  const Surroundings surroundings = real_surroundings();
  Metrics metrics;
  Telemetry telemetry(metrics, surroundings, true);
  return retry_rejects(wiring, invocation, telemetry, surroundings, stop);
}

// What was broken off leaves no answer: a comparison or a check that ended early must not pass for a good one.
ExitCode code_when_stopped(Command command) {
  return command == Command::verify || command == Command::check ? ExitCode::temporary : ExitCode::done;
}

ExitCode dispatch(const Invocation& invocation, StopSignals& signals) {
  const Config config = load(invocation);
  init_log(config.log_level, config.log_format);
  for (const std::string& warning : config.warnings) log(Event::configuration, {{"what", warning}});
  Wiring wiring(config);  // an embedded server takes the time that it needs to end
  const EndsInTime ends(signals, code_when_stopped(invocation.command));
  switch (invocation.command) {
    case Command::run: return run(invocation, wiring, signals);
    case Command::backfill: return load_past(invocation, wiring, signals.token());
    case Command::verify: return verify_past(invocation, wiring, signals.token());
    case Command::status: return show_status(invocation, wiring, signals.token());
    case Command::check: return check(wiring, invocation.offline, real_surroundings(), signals.token());
    case Command::migrate: return migrate_schema(invocation, wiring, signals.token());
    case Command::rejects_list:
    case Command::rejects_retry:
    case Command::rejects_purge: return quarantine(invocation, wiring, signals.token());
    case Command::init:
    case Command::version: break;  // which need no configuration
  }
  return ExitCode::internal;
}

ExitCode complain(ExitCode code, const std::string& message) {
  fmt::print(stderr, "opendialog-etl: {}\n", message);
  return code;
}

}  // namespace

ExitCode execute(const Invocation& invocation, StopSignals& signals) {
  if (invocation.command == Command::version) {
    fmt::print("opendialog-etl {} ({})\n{}", kVersion, kCommit, library_versions());
    return ExitCode::done;
  }
  init_log("info", log_format_of(invocation.log_format.value_or("auto")));
  init_http_library();
  try {
    const ExitCode code = invocation.command == Command::init
                              ? init(invocation, invocation.init_output.value_or(config_file(invocation)))
                              : dispatch(invocation, signals);
    std::fflush(stdout);
    return code;
  } catch (const ConfigError& error) {
    fmt::print(stderr, "{}{}\n", error.what(), error.is_temporary() ? "; or run it again later" : "");
    return error.is_temporary() ? ExitCode::temporary : ExitCode::configuration;
  } catch (const CommandError& error) {
    return complain(error.code(), error.what());
  } catch (const Error& error) {
    if (signals.token().stop_requested()) return code_when_stopped(invocation.command);  // cut short, and rolled back
    return complain(exit_code_of(error.failure()), error.what());
  } catch (const Stopped&) {
    return code_when_stopped(invocation.command);
  }
}

}  // namespace odetl
