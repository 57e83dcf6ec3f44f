#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "tests/bench/figures.hpp"
#include "tests/bench/tenant.hpp"
#include "tests/bench/timed_process.hpp"
#include "tests/support/postgres_cluster.hpp"

namespace odetl::bench {

struct Options {
  std::uint64_t rows = 1'000'000;
  int repeat = 3;
  bool gzip = true;
  bool gate = false;
  std::vector<std::string> only;

  bool wants(const std::string& part) const {
    return only.empty() || std::find(only.begin(), only.end(), part) != only.end();
  }
};

/// Two months.
inline const Range kAll = {"2024-01-01T00:00:00Z", "2024-03-01T00:00:00Z"};

/// A PostgreSQL for the measurements alone, and the program that loads into it.
class Stage {
 public:
  explicit Stage(bool gzip);

  /// Of the tenants here: what is asked again costs them next to nothing, as it is asked on the same processors.
  std::vector<std::string> tenant_flags() const;

  /// A configuration for these two; `more` is YAML behind it. Answers its file.
  std::string configure(const std::string& dsn, const Tenant& tenant, const std::string& more = "");

  /// Times `backfill` of the tenant's whole range with `flags`, into a warehouse whose schema is there, after a CHECKPOINT.
  /// Notes under `name`: wall, CPU and peak memory of the program, CPU of the tenant and of PostgreSQL's backends, WAL.
  Cost load(const std::string& name, const std::string& dsn, const Tenant& tenant, const std::vector<std::string>& flags);

  /// What autovacuum, which is off here, would have done after a load: the versions of users that newer profiles replaced.
  /// Else the next reading tidies up the pages, once, and its WAL tells of that. Notes its own WAL.
  void vacuum_users(const std::string& name, const std::string& dsn);

  /// The yardstick: copies `file` into one table with the columns and indexes of interactions. Answers its seconds.
  double raw_copy(const std::string& file);
  /// Writes such a file, of the interactions of a warehouse.
  std::string export_rows(const std::string& dsn);

  double number(const std::string& dsn, const std::string& query) const { return std::stod(cluster.query_at(dsn, query)); }
  double wal_bytes() const;

  Figures figures;
  test::PostgresCluster cluster;
  const test::TempDirectory directory{"odetl-bench"};

 private:
  void await_end_of_sessions() const;

  bool gzip_;
  int configurations_ = 0;
};

}  // namespace odetl::bench
