#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "etl/database.hpp"

namespace odetl {

/// A numbered file of `sql/migrations`: `0001_tables`.
struct Migration {
  int version;
  std::string name;
  std::string checksum;  ///< BLAKE2b-256 of its text, hexadecimal
};

/// All migrations of this program, in order.
std::vector<Migration> known_migrations();

/// Those that the database lacks, in order. Throws DatabaseError(db_schema) when the database has one that this
/// program does not know (it is newer), or one whose text differs (it was tampered with).
std::vector<Migration> pending_migrations(Database& database);

/// Creates the schema and applies what is pending, each in one transaction under one lock, and returns it. Safe to run
/// from several processes at once and to interrupt anywhere.
std::vector<Migration> migrate(Database& database);

}  // namespace odetl
