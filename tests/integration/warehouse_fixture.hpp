#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "etl/body.hpp"
#include "etl/migrations.hpp"
#include "etl/response_parser.hpp"
#include "etl/warehouse.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/postgres_cluster.hpp"

namespace odetl::test {

/// The suite's cluster, started at first use.
PostgresCluster& cluster();

sys_seconds at(const std::string& instant);  ///< "2024-01-31T08:00:00Z"
TimeWindow window(const std::string& from, const std::string& to);
std::string json(std::string_view text);  ///< quoted
std::string hex(std::string_view bytes);

/// A body of the API, built user by user. Everything but ids, dates and types is JSON as it shall stand on the wire.
class Answer {
 public:
  Answer& user(const std::string& id, const std::string& profile = "null");
  Answer& lost_user(const std::string& profile);  ///< whose id the server lost
  /// Something that the last user said. `more` is further members: `,"key":1`.
  Answer& says(const std::string& date, const std::string& text, const std::string& data = "null",
               const std::string& more = "", const std::string& type = "text");
  Answer& record(const std::string& raw);  ///< an interaction of the last user as it stands
  std::string body() const;

 private:
  struct Person {
    std::optional<std::string> id;
    std::string profile;
    std::vector<std::string> interactions;
  };
  std::vector<Person> people_;
};

/// A batch with all that its views point to. What the answer says of other windows is left out.
class Served {
 public:
  Served(const Answer& answer, const TimeWindow& owned);
  const Batch& batch() const { return *batch_; }

 private:
  Body body_;
  ResponseParser parser_;
  const Batch* batch_;
};

/// What a load reported and its number.
struct Loaded {
  WindowReport report;
  std::int64_t number = 0;
};

/// Loads what `answer` says of `window` as if it had been asked for just now.
Loaded load(Warehouse& warehouse, const TimeWindow& window, const Answer& answer);
Loaded load(Warehouse& warehouse, const TimeWindow& window, const Answer& answer, const LoadRequest& request);

/// The error that `work` throws; fails the test when it throws none.
template <typename Work>
DatabaseError error_of(Work work) {
  try {
    work();
  } catch (const DatabaseError& error) {
    return error;
  }
  ADD_FAILURE() << "no DatabaseError was thrown";
  return DatabaseError(Failure::refused, "none");
}

/// Another session with an open transaction: `statements` ran in it and hold their locks until release(). `later` runs
/// as soon as somebody waits for one of them.
class OtherSession {
 public:
  OtherSession(const std::string& dsn, const std::string& statements, const std::string& later = "");
  ~OtherSession();
  void release();

 private:
  std::string dsn_;
  std::unique_ptr<ChildProcess> psql_;
};

/// Waits until `query` answers `expected`; throws std::runtime_error after ten seconds.
void wait_for(const std::string& dsn, const std::string& query, const std::string& expected);
/// Waits until that many of the sessions of opendialog-etl in the database wait for a lock.
void wait_until_blocked(const std::string& dsn, int sessions = 1);

/// A database of its own with the schema in it.
class WarehouseTest : public ::testing::Test {
 protected:
  void SetUp() override;

  std::unique_ptr<Warehouse> open(OnMissing on_missing = OnMissing::mark,
                                  std::shared_ptr<SeenUsers> seen_users = std::make_shared<SeenUsers>()) const;
  std::string query(const std::string& sql) const;  ///< with the schema in the search path
  std::string count(const std::string& from) const { return query("SELECT count(*) FROM " + from); }
  /// Everything of every row of users and interactions that a new row version would change.
  std::string row_versions() const;
  /// Every live interaction, a line each, sorted: user, date, type, text, data, occurrence.
  std::string contents() const;

  std::string dsn_;
  std::string schema_ = "opendialog";
};

/// With a warehouse that marks what vanished.
class Loading : public WarehouseTest {
 protected:
  void SetUp() override;

  std::unique_ptr<Warehouse> warehouse_;
};

extern const TimeWindow kDay;  ///< the last of January 2024
/// Ann at 08:00:00 and, with an extra, at 08:00:01.5 of that day; Bob at 09:00.
Answer two_people();
Answer bob_says(const std::string& text);  ///< at 09:00 of that day

}  // namespace odetl::test
