// Preloaded into a server where no small disk can be mounted: while the file DISK_WITHOUT_ROOM/full is there, no file below
// that directory grows.
#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

bool is_below(const char* directory, int fd) {
  char link[32], file[PATH_MAX];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, file, sizeof file);
  const std::size_t prefix = std::strlen(directory);
  return length > static_cast<ssize_t>(prefix) && std::strncmp(file, directory, prefix) == 0;
}

// True, with errno set, when bytes up to `end` do not fit.
bool has_no_room(int fd, off_t end) {
  const char* directory = std::getenv("DISK_WITHOUT_ROOM");
  if (directory == nullptr) return false;
  char flag[PATH_MAX];
  std::snprintf(flag, sizeof flag, "%s/full", directory);
  struct stat status {};
  if (access(flag, F_OK) != 0 || fstat(fd, &status) != 0 || end <= status.st_size || !is_below(directory, fd)) return false;
  errno = ENOSPC;
  return true;
}

off_t size_of(const iovec* pieces, int count) {
  off_t size = 0;
  for (int i = 0; i < count; ++i) size += static_cast<off_t>(pieces[i].iov_len);
  return size;
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
  const off_t at = lseek(fd, 0, SEEK_CUR);
  if (at >= 0 && has_no_room(fd, at + static_cast<off_t>(count))) return -1;
  return next<decltype(write)>("write")(fd, bytes, count);
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t at) {
  if (has_no_room(fd, at + static_cast<off_t>(count))) return -1;
  return next<decltype(pwrite64)>("pwrite64")(fd, bytes, count, at);
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

ssize_t pwritev64(int fd, const iovec* pieces, int count, off64_t at) {
  if (has_no_room(fd, at + size_of(pieces, count))) return -1;
  return next<decltype(pwritev64)>("pwritev64")(fd, pieces, count, at);
}

ssize_t pwritev(int fd, const iovec* pieces, int count, off_t at) { return pwritev64(fd, pieces, count, at); }

int posix_fallocate64(int fd, off64_t at, off64_t count) {
  if (has_no_room(fd, at + count)) return ENOSPC;
  return next<int(int, off64_t, off64_t)>("posix_fallocate64")(fd, at, count);
}

int posix_fallocate(int fd, off_t at, off_t count) { return posix_fallocate64(fd, at, count); }

}  // extern "C"
