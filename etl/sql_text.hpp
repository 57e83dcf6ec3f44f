#pragma once
#include <string_view>
#include <vector>

namespace odetl {

/// A file of `sql/`, compiled in.
struct SqlFile {
  std::string_view name;  ///< path below sql/ without its ending: `load/ids`, `migrations/0001_tables`
  std::string_view text;
};

/// All of them, sorted by name. Generated at build time.
const std::vector<SqlFile>& sql_files();

}  // namespace odetl
