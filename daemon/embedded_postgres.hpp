#pragma once
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>

namespace odetl {

/// Why the embedded PostgreSQL cannot run, and what to do.
class EmbeddedPostgresError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A private PostgreSQL cluster in `state_dir/postgres`, reached over a unix socket only.
/// Made with initdb on first use, started when it is not running, shared by all processes that use the same
/// state_dir, stopped (fast) by the last of them that ends. After a kill it keeps running or recovers; the
/// next user of it attaches to it or starts it again. While in use it is started again within seconds of its end.
///
/// Runs as this process's user, and when that is root, which PostgreSQL refuses to run as: as the owner of
/// `state_dir/postgres`, else of `state_dir`, else as `postgres`, else as `nobody`.
/// The socket is in `state_dir/postgres/run`, or, where its path is too long for a socket or has characters that a
/// connection string cannot hold, in `/tmp/opendialog-etl-UID-HASH`. Only that user and root can reach it.
class EmbeddedPostgres {
 public:
  /// Stops the server unless another process still uses it; one that takes over 5 s goes on stopping by itself.
  virtual ~EmbeddedPostgres() = default;
  /// A libpq connection string for this cluster's database.
  virtual std::string dsn() const = 0;
  /// How a person reaches it, as root or as the server's user: a `psql` command line ready to paste.
  virtual std::string psql_command() const = 0;
};

/// Returns when connections are accepted: at once, in seconds on first use, or after a crash recovery however long.
/// Throws Stopped on a stop request, else EmbeddedPostgresError: no PostgreSQL binaries (says which package), a
/// directory that is not ours or that the server's user cannot reach (says which), a version that differs from the
/// cluster's, no right to change users, a start that failed (with the end of its log).
std::unique_ptr<EmbeddedPostgres> start_embedded_postgres(const std::filesystem::path& state_dir,
                                                          std::stop_token stop = {});

}  // namespace odetl
