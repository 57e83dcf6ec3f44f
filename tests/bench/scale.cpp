#include "tests/bench/scale.hpp"

#include <spdlog/fmt/fmt.h>

namespace odetl::bench {
namespace {

// Of all partitions of interactions.
std::string index_bytes(const char* kind) {
  return fmt::format("SELECT sum(pg_relation_size(i.indexrelid)) FROM pg_inherits h JOIN pg_index i ON i.indrelid = h.inhrelid "
                     "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam "
                     "WHERE h.inhparent = 'opendialog.interactions'::regclass AND a.amname = '{}'", kind);
}
constexpr const char* kHeapBytes = "SELECT sum(pg_table_size(inhrelid)) FROM pg_inherits "
                                   "WHERE inhparent = 'opendialog.interactions'::regclass";

void measure(Stage& stage, std::uint64_t rows) {
  const std::string name = fmt::format("{} rows", rows);
  const Tenant tenant(kAll, rows, Order::insertion, stage.tenant_flags());
  const std::string dsn = stage.cluster.create_database("scale");
  const auto note = [&](const char* what, double value) { stage.figures.note(name + ", " + what, value); };
  const auto each = [&](const char* what, const std::string& query) {
    note(what, stage.number(dsn, query) / static_cast<double>(rows));
  };
  const Cost cost = stage.load(name, dsn, tenant, {"--workers", "1"});
  note("wall, µs a row", cost.wall_s / static_cast<double>(rows) * 1e6);
  each("heap, bytes a row", kHeapBytes);
  each("key, bytes a row", index_bytes("btree"));
  note("BRIN, bytes", stage.number(dsn, index_bytes("brin")));
  each("users with index, bytes a row", "SELECT pg_total_relation_size('opendialog.users')");
  note("ledger, rows", stage.number(dsn, "SELECT count(*) FROM opendialog.window_log"));
  note("ledger, bytes", stage.number(dsn, "SELECT pg_total_relation_size('opendialog.window_log')"));
  note("known answers, rows", stage.number(dsn, "SELECT count(*) FROM opendialog.known_answers"));
  note("raw \\copy, µs a row", stage.raw_copy(stage.export_rows(dsn)) / static_cast<double>(rows) * 1e6);
  stage.vacuum_users(name, dsn);
  stage.load(name + " again, same answers", dsn, tenant, {"--reload", "--workers", "1"});
}

}  // namespace

void measure_scale(Stage& stage, std::uint64_t most) {
  for (std::uint64_t rows = 100'000; rows <= most; rows *= 10) measure(stage, rows);
}

}  // namespace odetl::bench
