#include "tests/bench/stage.hpp"

#include <spdlog/fmt/fmt.h>

#include <filesystem>
#include <thread>

namespace odetl::bench {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

test::ClusterOptions cluster_options() {
  test::ClusterOptions options;
  options.fsync = true;
  options.settings = {{"shared_buffers", "256MB"}, {"max_wal_size", "8GB"}, {"checkpoint_timeout", "1h"},
                      {"autovacuum", "off"}};
  return options;
}

}  // namespace

Stage::Stage(bool gzip) : cluster(cluster_options()), gzip_(gzip) {}

std::vector<std::string> Stage::tenant_flags() const {
  std::vector<std::string> flags = {"--keep-answers"};
  if (!gzip_) flags.push_back("--no-gzip");
  return flags;
}

std::string Stage::configure(const std::string& dsn, const Tenant& tenant, const std::string& more) {
  const auto file = directory / fmt::format("{}.yaml", ++configurations_);
  test::write_file(directory / "token", "simulator-token");
  fs::permissions(directory / "token", fs::perms(0600));
  test::write_file(file, fmt::format("api: {{base_url: '{}', token_file: '{}'}}\nwarehouse: {{dsn: \"{}\"}}\n"
                                     "http: {{listen: ''}}\nstate_dir: '{}'\nlog: {{level: warn}}\n{}",
                                     tenant.url(), (directory / "token").string(), dsn,
                                     (directory / "state").string(), more));
  return file;
}

double Stage::wal_bytes() const {
  return number(cluster.dsn(), "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')");
}

Cost Stage::load(const std::string& name, const std::string& dsn, const Tenant& tenant,
                 const std::vector<std::string>& flags) {
  const std::string config = configure(dsn, tenant);
  timed({ODETL_PROGRAM, "--config", config, "migrate"});
  cluster.query("CHECKPOINT");
  std::vector<std::string> argv = {ODETL_PROGRAM, "--config", config, "backfill", "--from", tenant.range.from,
                                   "--to", tenant.range.to};
  argv.insert(argv.end(), flags.begin(), flags.end());
  const double wal = wal_bytes();
  const double serving = cpu_so_far(tenant.pid());
  const double storing = cpu_so_far(cluster.postmaster_pid());
  const Cost cost = timed(argv);
  await_end_of_sessions();
  figures.note(name + ", s", cost.wall_s);
  figures.note(name + ", client CPU s", cost.cpu_s);
  figures.note(name + ", PostgreSQL's CPU s", cpu_so_far(cluster.postmaster_pid()) - storing);
  figures.note(name + ", tenant's CPU s", cpu_so_far(tenant.pid()) - serving);
  figures.note(name + ", peak RSS MiB", static_cast<double>(cost.peak_rss) / 1048576.0);
  figures.note(name + ", WAL bytes", wal_bytes() - wal);
  return cost;
}

// What a backend took is only told when its process has ended, which is a moment after its session has.
void Stage::await_end_of_sessions() const {
  const std::string others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
                             "AND pid <> pg_backend_pid()";
  for (int tries = 0; tries < 100 && number(cluster.dsn(), others) > 0; ++tries) std::this_thread::sleep_for(50ms);
  std::this_thread::sleep_for(500ms);
}

void Stage::vacuum_users(const std::string& name, const std::string& dsn) {
  const double wal = wal_bytes();
  cluster.query_at(dsn, "VACUUM opendialog.users");
  figures.note(name + ", WAL bytes of the vacuum of users after it", wal_bytes() - wal);
}

double Stage::raw_copy(const std::string& file) {
  const std::string dsn = cluster.create_database("raw");
  cluster.query_at(dsn, "CREATE TABLE interactions (interaction_id uuid NOT NULL, user_id text NOT NULL, occurred_at "
                        "timestamptz NOT NULL, type text NOT NULL, text text, value text, callback_id text, data jsonb, "
                        "extra jsonb, occurrence int NOT NULL, loaded_at timestamptz NOT NULL DEFAULT now(), deleted_at "
                        "timestamptz, PRIMARY KEY (user_id, occurred_at, interaction_id));"
                        "CREATE INDEX ON interactions USING brin (occurred_at) WITH (pages_per_range = 32, "
                        "autosummarize = on)");
  cluster.query("CHECKPOINT");
  return timed({"psql", "-XAtq", "-d", dsn, "-c", "\\copy interactions from '" + file + "'"}).wall_s;
}

std::string Stage::export_rows(const std::string& dsn) {
  const std::string file = directory / "rows";
  timed({"psql", "-XAtq", "-d", dsn, "-c", "\\copy (SELECT * FROM opendialog.interactions) to '" + file + "'"});
  return file;
}

}  // namespace odetl::bench
