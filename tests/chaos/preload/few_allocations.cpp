// Preloaded into a program: of its allocations, counted from its start, as many fail from FAIL_ALLOCATION on as
// FAIL_ALLOCATIONS says. At its end it writes how many there were into the file COUNT_ALLOCATIONS.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* block, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}

namespace {

std::atomic<unsigned long> allocations{0};
unsigned long fails_from = 0;  // 0: none
unsigned long fails = 0;

unsigned long number_in(const char* variable) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoul(text, nullptr, 10) : 0;
}

bool is_refused() {
  const unsigned long number = ++allocations;
  if (fails_from == 0 || number < fails_from || number - fails_from >= fails) return false;
  errno = ENOMEM;
  return true;
}

__attribute__((constructor)) void begin() {
  fails = number_in("FAIL_ALLOCATIONS");
  fails_from = number_in("FAIL_ALLOCATION");
  allocations = 0;
}

__attribute__((destructor)) void tell() {
  const char* file = std::getenv("COUNT_ALLOCATIONS");
  const int fd = file != nullptr ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
  if (fd < 0) return;
  char text[32];
  const int length = std::snprintf(text, sizeof text, "%lu\n", allocations.load());
  if (write(fd, text, static_cast<size_t>(length)) != length) std::abort();
  close(fd);
}

}  // namespace

extern "C" {

void* malloc(size_t size) { return is_refused() ? nullptr : __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return is_refused() ? nullptr : __libc_calloc(count, size); }
void* realloc(void* block, size_t size) { return is_refused() ? nullptr : __libc_realloc(block, size); }
void* memalign(size_t alignment, size_t size) { return is_refused() ? nullptr : __libc_memalign(alignment, size); }
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void** block, size_t alignment, size_t size) {
  void* made = memalign(alignment, size);
  if (made == nullptr) return ENOMEM;
  *block = made;
  return 0;
}

}  // extern "C"
