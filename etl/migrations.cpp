#include "etl/migrations.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>

#include "etl/digest.hpp"
#include "etl/hex.hpp"
#include "etl/sql_text.hpp"

namespace odetl {
namespace {

constexpr std::string_view kFolder = "migrations/";

std::string checksum_of(std::string_view text) {
  LongDigest digest;
  digest.add(text);
  return hex_of(digest.finish());
}

[[noreturn]] void refuse(const std::string& cause) {
  throw DatabaseError(Failure::db_schema, "check the schema: " + cause);
}

// The applied ones must be a beginning of the known ones, text for text.
std::size_t count_applied(const SqlRows& applied, const std::vector<Migration>& known) {
  for (std::size_t i = 0; i < applied.size(); ++i) {
    if (i >= known.size()) {
      refuse(fmt::format("it has migration {} ('{}'), which this program does not know; install a newer opendialog-etl",
                         applied.integer(i, 0), applied.text(i, 1)));
    }
    if (applied.integer(i, 0) != known[i].version || applied.text(i, 2) != known[i].checksum) {
      refuse(fmt::format("migration {} ('{}') is not the one that this program knows; restore the schema or use another",
                         applied.integer(i, 0), applied.text(i, 1)));
    }
  }
  return applied.size();
}

// Makes what holds the migrations, as far as it is missing: the schema may be somebody else's gift.
void prepare_schema(Database& database) {
  const auto exists = database.run("schema_exists", {database.schema()});
  if (!exists->boolean(0, 0)) database.run_script("schema_create");
  if (!exists->boolean(0, 1)) database.run_script("schema_version_table");
}

std::vector<Migration> pending_in_transaction(Database& database) {
  std::vector<Migration> known = known_migrations();
  const std::size_t applied = count_applied(*database.run("schema_versions"), known);
  known.erase(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(applied));
  return known;
}

// Rolls back unless the end is reached.
class Scope {
 public:
  explicit Scope(Database& database) : database_(database) { database_.begin(); }
  ~Scope() { database_.roll_back(); }
  Scope(const Scope&) = delete;

 private:
  Database& database_;
};

}  // namespace

std::vector<Migration> known_migrations() {
  std::vector<Migration> known;
  for (const SqlFile& file : sql_files()) {
    if (!file.name.starts_with(kFolder)) continue;
    const std::string_view name = file.name.substr(kFolder.size());
    int version = 0;
    std::from_chars(name.data(), name.data() + name.find('_'), version);
    known.push_back({version, std::string(name), checksum_of(file.text)});
  }
  return known;
}

std::vector<Migration> pending_migrations(Database& database) {
  Scope scope(database);
  if (!database.run("schema_exists", {database.schema()})->boolean(0, 1)) return known_migrations();
  return pending_in_transaction(database);
}

std::vector<Migration> migrate(Database& database) {
  std::vector<Migration> done;
  for (;;) {
    Scope scope(database);
    database.run("schema_lock", {database.schema()});
    prepare_schema(database);
    const std::vector<Migration> pending = pending_in_transaction(database);
    if (pending.empty()) {
      database.commit();
      return done;
    }
    const Migration& next = pending.front();
    database.run_script(std::string(kFolder) + next.name);
    database.run("schema_record", {std::to_string(next.version), next.name, next.checksum});
    database.commit();
    done.push_back(next);
  }
}

}  // namespace odetl
