#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "etl/database.hpp"
#include "etl/interaction.hpp"
#include "etl/seen_users.hpp"
#include "etl/warehouse.hpp"

namespace odetl {

/// Writes the users of the windows that one session loads: only those whose profile is new or newer, by as few questions
/// as that takes.
class UserWriter {
 public:
  /// `seen`: what the sessions that load at the same time know.
  explicit UserWriter(std::shared_ptr<SeenUsers> seen) : seen_(std::move(seen)) {}

  /// What is to be expected of the profiles of a window.
  enum class Visit {
    newest,  ///< nothing newer was loaded: nearly all are newer ones
    past,    ///< read for the first time, where newer windows were loaded: most are older ones
    again,   ///< it was read before: nearly all are there
  };

  /// Begins with a window. Asks nobody, so that it can be done while the database is busy. `users`: see distinct_users().
  void choose(const Batch& batch, std::vector<std::uint32_t> users, Visit visit);
  /// Then this, in the window's transaction, which began at `now`. `fresh`: the interactions that it inserts. Counts the
  /// users in `report`. Throws DatabaseError.
  void write(Database& db, const Batch& batch, const std::vector<std::uint32_t>& fresh, const std::string& now,
             WindowReport& report);
  /// And this when it is committed.
  void committed();
  /// A session begins. After another one: whatever broke it, nothing is known any more.
  void opened(const Database& db) {
    if (seen_key_) seen_->forget();
    seen_key_ = seen_->key_for(db.server_run());
    unseen_are_new_ = false;
  }

 private:
  void leave_out_known(Database& db, const Batch& batch, const std::vector<std::uint32_t>& fresh);

  Visit visit_ = Visit::newest;
  std::size_t listed_ = 0;                // users of the batch in hand
  std::vector<std::uint32_t> users_;      // those of them that are to be written
  std::vector<SqlParam> arrays_;          // what they look like to the database; empty until they are chosen
  std::vector<SeenUsers::Entry> met_;     // all of them, seen when the batch is committed; in windows of the past alone
  std::shared_ptr<SeenUsers> seen_;
  std::optional<SeenUsers::Key> seen_key_;  // of the session
  bool unseen_are_new_ = false;           // most of them, in the last such window
};

}  // namespace odetl
