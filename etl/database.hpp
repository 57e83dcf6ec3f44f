#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "etl/error.hpp"

namespace odetl {

/// A statement's parameter, as text where not said otherwise; nothing is NULL.
struct SqlParam : std::optional<std::string> {
  using std::optional<std::string>::optional;
  /// In the form that PostgreSQL's *_recv functions read.
  static SqlParam binary(std::string bytes) {
    SqlParam param(std::move(bytes));
    param.is_binary = true;
    return param;
  }
  bool is_binary = false;
};

/// A statement's answer, as text where not said otherwise.
class SqlRows {
 public:
  virtual ~SqlRows() = default;
  virtual std::size_t size() const = 0;
  /// Nothing for NULL. Valid as long as this.
  virtual std::optional<std::string_view> get(std::size_t row, int column) const = 0;
  virtual std::size_t affected() const = 0;  ///< rows written

  std::string_view text(std::size_t row, int column) const { return get(row, column).value_or(""); }
  std::int64_t integer(std::size_t row, int column) const;  ///< 0 for NULL
  bool boolean(std::size_t row, int column) const { return text(row, column) == "t"; }
};

/// One session of PostgreSQL with one transaction at a time: the only file that knows libpqxx, in both of its versions.
/// Statements are files of `sql/`, named by their path; they are parsed and planned for their parameters each time, but for
/// those of which keeps_plan() is true.
/// Everything throws DatabaseError, classed once by SQLSTATE; its text is the server's primary message, which never holds a
/// row's values. After db_unreachable the session is gone and never comes back silently: connect anew.
class Database {
 public:
  virtual ~Database() = default;

  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void roll_back() noexcept = 0;  ///< does nothing outside of a transaction

  virtual std::unique_ptr<SqlRows> run(std::string_view file, const std::vector<SqlParam>& params = {}) = 0;
  /// The same, answered in PostgreSQL's binary form: for bytes, which as text take twice the room and time.
  virtual std::unique_ptr<SqlRows> run_binary(std::string_view file, const std::vector<SqlParam>& params) = 0;
  /// Runs a file of several statements; `$SCHEMA` in it becomes the quoted schema.
  virtual void run_script(std::string_view file) = 0;

  /// COPY … FROM STDIN: write rows as CopyRows has them, then end. Between the two no other statement may run.
  virtual void copy_begin(const std::string& table, const std::vector<std::string>& columns) = 0;
  virtual void copy(std::string_view rows) = 0;
  virtual void copy_end() = 0;

  /// Interrupts the running statement from another thread; it then fails with db_retry (57014).
  virtual void cancel() noexcept = 0;

  virtual const std::string& schema() const = 0;
  /// Tells a server from any other, and from itself before it was last started, perhaps from a backup. A server that
  /// recovers by itself, after one of its processes crashed, goes on under the same: it loses nothing that was committed.
  virtual const std::string& server_run() const = 0;
};

/// Connects, sets what every session relies on (sql/session.sql) and makes `schema` the search path. Refuses servers
/// older than PostgreSQL 14 or not in UTF-8 (db_schema).
std::unique_ptr<Database> connect_database(const std::string& dsn, const std::string& schema);

/// The class of a server's error.
Failure classify_sqlstate(std::string_view sqlstate);
/// The class of a failed connection attempt, for which libpq has only words.
Failure classify_connect_error(std::string_view message);

/// Whether a file of `sql/` says "A plan is kept.": then it is parsed once a session, and PostgreSQL plans it once for all
/// parameters where, by its own estimate, that is no dearer.
bool keeps_plan(std::string_view file);

/// The text of a file of `sql/`; throws std::logic_error when there is none.
std::string_view sql_text(std::string_view file);

}  // namespace odetl
