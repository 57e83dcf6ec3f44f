#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <new>

#include "daemon/command_line.hpp"
#include "daemon/commands.hpp"
#include "daemon/signals.hpp"

// A standard descriptor that is closed would be given to the next file or socket, and the log or an answer written into
// that. What stands in its place refuses to be written to, so that losses are noticed.
static void occupy_standard_descriptors() {
  while (true) {
    const int fd = open("/dev/null", O_RDONLY);
    if (fd < 0 || fd > STDERR_FILENO) {
      if (fd >= 0) close(fd);
      return;
    }
  }
}

// Bodies and batches go back to the system when they are dropped. By itself glibc would raise the limit up to 32 MiB with
// the first of them and keep them all: a fifth of the memory.
static void return_large_blocks() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
}

static int obey(int argc, char** argv) {
  using namespace odetl;
  const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  const auto parsed = parse_command_line(argc, argv, now);
  if (const auto* farewell = std::get_if<Farewell>(&parsed)) {
    std::fputs(farewell->out.c_str(), stdout);
    std::fputs(farewell->err.c_str(), stderr);
    return static_cast<int>(farewell->code);
  }
  StopSignals signals;
  return static_cast<int>(execute(std::get<Invocation>(parsed), signals));
}

int main(int argc, char** argv) {
  using namespace odetl;
  return_large_blocks();
  occupy_standard_descriptors();
  // The token is in memory: no core dump, and no other process of this user reads it.
  prctl(PR_SET_DUMPABLE, 0);
  try {
    return obey(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("opendialog-etl: out of memory; what was in hand is rolled back; run it again with more\n", stderr);
    return static_cast<int>(ExitCode::temporary);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "opendialog-etl: internal error: %s; please report it\n", error.what());
    return static_cast<int>(ExitCode::internal);
  }
}
