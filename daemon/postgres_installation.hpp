#pragma once
#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>

#include "daemon/server_process.hpp"

/// The embedded PostgreSQL's inner parts, for embedded_postgres.cpp alone.
namespace odetl::embedded {

namespace fs = std::filesystem;
using server_process::Account;

/// Throws EmbeddedPostgresError; `cause` ends with what to do, where something can be done.
[[noreturn]] void fail(const std::string& operation, const fs::path& operand, const std::string& cause);

/// What errno says.
std::string system_error();

/// `user 'postgres'`, or `user 1000` of one without a name.
std::string shown(const Account& account);

/// What is at `path`, a symbolic link as such; empty when nothing is, or when it cannot be told.
std::optional<struct stat> look_at(const fs::path& path);

/// The user to run the server of `root` (`state_dir/postgres`) as, in the order that embedded_postgres.hpp gives.
Account choose_account(const fs::path& state_dir, const fs::path& root);

/// Where PostgreSQL's programs are.
struct Binaries {
  fs::path directory;
  int major = 0;  ///< of the version; 0: none was found
};

/// Those that an existing cluster needs (`wanted`, 0: a new one), else the newest.
Binaries find_binaries(int wanted, const Account& account);

/// Makes `path`, for the account alone, or makes sure that it is so.
void claim_directory(const fs::path& path, const Account& account);

/// Makes the state directory with those above it. Root's is one that the server's user can pass through.
void make_state_directory(const fs::path& path);

}  // namespace odetl::embedded
