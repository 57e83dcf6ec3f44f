#include "daemon/postgres_installation.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <system_error>
#include <vector>

#include "daemon/embedded_postgres.hpp"

namespace odetl::embedded {
namespace {

using server_process::Descriptor;

constexpr auto kVersionLimit = std::chrono::seconds(30);

std::string name_of(uid_t uid) {
  const passwd* entry = getpwuid(uid);
  return entry == nullptr ? "" : entry->pw_name;
}

/// "postgres (PostgreSQL) 15.6 (Debian …)" or "… 17beta1" to its first number; 0 when it does not run.
int major_version(const fs::path& directory, const Account& account) {
  auto output = server_process::make_pipe();
  const pid_t child = server_process::start({.argv = {directory / "postgres", "--version"},
                                             .account = account,
                                             .input_fd = -1,
                                             .output_fd = output.write.get(),
                                             .output_file = {},
                                             .lifetime = server_process::Lifetime::of_this_thread});
  output.write.reset();
  char text[256] = {};
  [[maybe_unused]] const auto size = read(output.read.get(), text, sizeof text - 1);
  if (server_process::wait_for_end(child, kVersionLimit, {}) != 0) return 0;
  const char* digits = strpbrk(text, "0123456789");
  return digits == nullptr ? 0 : std::atoi(digits);
}

std::vector<fs::path> binary_directories() {
  std::vector<fs::path> found;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", missing))
    found.push_back(entry.path() / "bin");
  for (const auto& entry : fs::directory_iterator("/usr", missing)) {
    if (entry.path().filename().string().starts_with("pgsql-")) found.push_back(entry.path() / "bin");
  }
  const char* path = std::getenv("PATH");
  std::istringstream directories(path == nullptr ? "" : path);
  for (std::string directory; std::getline(directories, directory, ':');) found.emplace_back(directory);
  std::erase_if(found, [](const fs::path& directory) {
    return !directory.is_absolute() || access((directory / "postgres").c_str(), X_OK) != 0 ||
           access((directory / "initdb").c_str(), X_OK) != 0;
  });
  return found;
}

}  // namespace

[[noreturn]] void fail(const std::string& operation, const fs::path& operand, const std::string& cause) {
  throw EmbeddedPostgresError("embedded PostgreSQL: " + operation + " '" + operand.string() + "': " + cause);
}

std::string system_error() { return std::strerror(errno); }

std::string shown(const Account& account) {
  return account.name.empty() ? "user " + std::to_string(account.uid) : "user '" + account.name + "'";
}

std::optional<struct stat> look_at(const fs::path& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) == 0) return found;
  return std::nullopt;
}

Account choose_account(const fs::path& state_dir, const fs::path& root) {
  if (geteuid() != 0) return {geteuid(), getegid(), name_of(geteuid())};
  for (const auto& path : {root, state_dir}) {
    const auto found = look_at(path);
    if (found && found->st_uid != 0) return {found->st_uid, found->st_gid, name_of(found->st_uid)};
  }
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* entry = getpwnam(name)) return {entry->pw_uid, entry->pw_gid, name};
  }
  fail("choose a user for", root,
       "PostgreSQL refuses to run as root and there is no user 'postgres'; install the "
       "package postgresql (Debian, Ubuntu) or postgresql-server (Fedora, RHEL), or run this program as another user");
}

Binaries find_binaries(int wanted, const Account& account) {
  Binaries newest;
  for (const auto& directory : binary_directories()) {
    const int major = major_version(directory, account);
    if (major != 0 && major == wanted) return {directory, major};
    if (major > newest.major) newest = {directory, major};
  }
  return newest;
}

void claim_directory(const fs::path& path, const Account& account) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail("make", path, system_error());
  const Descriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) fail("open", path, "not a directory of its own (" + system_error() + "); move it away");
  std::error_code unreadable;
  const bool empty = fs::is_empty(path, unreadable);  // before the look at its owner: another may be making it too
  struct stat found {};
  fstat(directory.get(), &found);
  const bool just_made_by_root = found.st_uid == 0 && geteuid() == 0 && empty;
  if (just_made_by_root && fchown(directory.get(), account.uid, account.gid) != 0)
    fail("give", path, system_error() + "; run this program as the user that shall own it");
  if (!just_made_by_root && found.st_uid != account.uid)
    fail("use", path,
         "it belongs to user " + std::to_string(found.st_uid) + ", not to " + shown(account) +
             "; run this program as its owner, or move it away");
  if ((found.st_mode & 022) != 0) fail("use", path, "others may write to it; chmod 0700 it if you trust what it holds");
  if ((found.st_mode & 07777) != 0700 && fchmod(directory.get(), 0700) != 0) fail("chmod", path, system_error());
}

void make_state_directory(const fs::path& path) {
  std::error_code error;
  if (fs::create_directories(path, error)) fs::permissions(path, fs::perms(geteuid() == 0 ? 0711 : 0700), error);
  if (error || !fs::is_directory(path))
    fail("make", path, (error ? error.message() : "not a directory") + "; set state_dir to one that can be written to");
}

}  // namespace odetl::embedded
