#pragma once
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

namespace odetl {

/// Errors by what the caller must do about them. Each adapter translates foreign errors into these
/// once; `retry_policy` is the one place that decides what follows.
enum class Failure {
  unreachable,    ///< no connection, DNS, reset before an answer: the same again after a wait
  throttled,      ///< 429, or 503 with Retry-After: the same again after the time told
  server_error,   ///< 5xx: the same again once, then a smaller window
  broken_answer,  ///< cut, not JSON, for another window: the same again, then a smaller window
  timeout,        ///< a smaller window
  too_large,      ///< 400, 413 or past max_response: a smaller window at once
  unauthorised,   ///< 401, 403, a redirect or a login page: a human must renew the token
  refused,        ///< 404, 410, 422 and the like, a bad certificate: a human must mend the configuration
  db_unreachable, ///< the database is away or going down: reconnect, the same again after a wait
  db_retry,       ///< serialisation, deadlock, lock or statement time-out: the same again after a wait
  db_conflict,    ///< another loader was first: the same again at once, compared with what is there
  db_exhausted,   ///< disk full, too many connections, read-only: wait long, tell
  db_data,        ///< the database refuses a value: find the record
  db_denied,      ///< password or privileges: a human must grant
  db_schema,      ///< table missing, changed or newer than this program: a human must migrate
  not_leader,     ///< another process leads now
};

const char* to_text(Failure failure);
bool is_database(Failure failure);

/// Base of all errors that this library throws on purpose. `what()` never holds a secret or what a
/// user said, and reads `operation 'operand': cause; what happens next`.
class Error : public std::runtime_error {
 public:
  Error(Failure failure, const std::string& message) : std::runtime_error(message), failure_(failure) {}
  Failure failure() const { return failure_; }

 private:
  Failure failure_;
};

/// A request that brought no usable answer.
class ApiError : public Error {
 public:
  ApiError(Failure failure, const std::string& message, int status = 0,
           std::optional<std::chrono::seconds> retry_after = {})
      : Error(failure, message), status_(status), retry_after_(retry_after) {}
  int status() const { return status_; }  ///< the HTTP status; 0 when none came
  /// What the server asked to wait: never negative, capped by the client; nothing when it did not say.
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }

 private:
  int status_;
  std::optional<std::chrono::seconds> retry_after_;
};

/// A statement or connection that failed.
class DatabaseError : public Error {
 public:
  DatabaseError(Failure failure, const std::string& message, std::string sqlstate = {}, std::string constraint = {},
                std::string column = {})
      : Error(failure, message),
        sqlstate_(std::move(sqlstate)),
        constraint_(std::move(constraint)),
        column_(std::move(column)) {}
  const std::string& sqlstate() const { return sqlstate_; }
  const std::string& constraint() const { return constraint_; }  ///< the constraint that refuses a row, where one does
  /// The column whose value is refused, where the server told. In errors of data it is taken from behind what users
  /// wrote: compare it with the columns that there are.
  const std::string& column() const { return column_; }

 private:
  std::string sqlstate_, constraint_, column_;
};

/// The work was interrupted by a stop request; nothing is wrong.
class Stopped : public std::runtime_error {
 public:
  Stopped() : std::runtime_error("stopped") {}
};

}  // namespace odetl
