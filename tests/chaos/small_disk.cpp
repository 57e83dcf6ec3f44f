#include "tests/chaos/small_disk.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

namespace odetl::chaos {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

SmallDisk::SmallDisk(test::PostgresCluster& cluster, std::size_t bytes) : cluster_(cluster) {
  std::string name = "/tmp/odetl-disk-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) fail("mkdtemp '" + name + "'");
  root_ = name;
  fs::permissions(root_, fs::perms(0755));
  is_mounted_ = mount(bytes);
  start_guard();
  fs::create_directory(files());
  struct stat server {};
  if (stat((cluster.directory() / "data").c_str(), &server) != 0 || chown(files().c_str(), server.st_uid, server.st_gid) != 0) {
    fail("give '" + files().string() + "' to the server");
  }
  fs::permissions(files(), fs::perms::owner_all);
  if (!is_mounted_) pretend();
}

SmallDisk::~SmallDisk() {
  cluster_.set_environment({});
  close(alive_);
  guard_->wait();
}

bool SmallDisk::mount(std::size_t bytes) {
  const std::string options = "mode=0755,size=" + std::to_string(bytes);
  if (::mount("odetl-disk", root_.c_str(), "tmpfs", MS_NODEV | MS_NOSUID, options.c_str()) == 0) return true;
  if (errno != EPERM && errno != EACCES) fail("mount a tmpfs on '" + root_.string() + "'");
  return false;
}

// The library must be readable by the user that the server runs as.
void SmallDisk::pretend() {
  const fs::path library = root_ / "full_disk.so";
  fs::copy_file(ODETL_FULL_DISK, library);
  fs::permissions(library, fs::perms(0755));
  cluster_.set_environment({{"LD_PRELOAD", library.string()}, {"DISK_WITHOUT_ROOM", root_.string()}});
}

// Ends with this process or with this object, whichever is first.
void SmallDisk::start_guard() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) fail("pipe");
  alive_ = fds[1];
  test::LaunchOptions options;
  options.input_fd = fds[0];
  options.output_file = "/dev/null";
  options.new_session = true;
  options.dies_with_thread = false;
  const std::string script = "read _; umount -l \"$0\"; rm -rf \"$0\"";
  guard_ = std::make_unique<test::ChildProcess>(std::vector<std::string>{"sh", "-c", script, root_.string()},
                                                test::EnvChanges{}, options);
  close(fds[0]);
}

void SmallDisk::fill() {
  const int fd = open((root_ / "full").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) fail("open '" + (root_ / "full").string() + "'");
  const std::vector<char> zeroes(4096);
  while (is_mounted_ && write(fd, zeroes.data(), zeroes.size()) > 0) {
  }
  close(fd);
}

void SmallDisk::make_room() { fs::remove(root_ / "full"); }

}  // namespace odetl::chaos
