#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "etl/database.hpp"

namespace odetl {

using DatabaseFactory = std::function<std::unique_ptr<Database>()>;

/// A session that connects when it is first used, and anew, with all its settings, after it broke. Not thread-safe but
/// for cancel(). Everything throws DatabaseError.
class DatabaseSession {
 public:
  /// `opened` is called with every new session before it is used; what it throws leaves none.
  explicit DatabaseSession(DatabaseFactory connect, std::function<void(Database&)> opened = {})
      : connect_(std::move(connect)), opened_(std::move(opened)) {}

  Database& database() {
    if (!database_) {
      auto fresh = connect_();
      if (opened_) opened_(*fresh);
      const std::scoped_lock lock(mutex_);
      database_ = std::move(fresh);
    }
    return *database_;
  }

  /// Runs `work` in one transaction: committed when it returns, rolled back when it throws.
  template <typename Work>
  auto transaction(Work work) {
    Database& db = database();
    try {
      db.begin();
      auto result = work(db);
      db.commit();
      return result;
    } catch (const DatabaseError& error) {
      db.roll_back();
      const bool read_only = error.sqlstate() == "25006";  // the next connection may reach the new primary
      if (error.failure() == Failure::db_unreachable || read_only) drop();
      throw;
    } catch (...) {
      drop();  // whoever cannot say what failed cannot be sure that it was rolled back
      throw;
    }
  }

  void drop() {
    const std::scoped_lock lock(mutex_);
    database_.reset();
  }

  /// From another thread: ends the statement that runs.
  void cancel() noexcept {
    const std::scoped_lock lock(mutex_);
    if (database_) database_->cancel();
  }

 private:
  DatabaseFactory connect_;
  std::function<void(Database&)> opened_;
  std::mutex mutex_;  // guards the pointer, for cancel()
  std::unique_ptr<Database> database_;
};

}  // namespace odetl
