/* Calls of the C library that fail on demand: preloaded into a program (LD_PRELOAD) by scripts/faults.
 *
 *   FAULT_CALL=pwrite FAULT_AT=3 FAULT_ERRNO=28   the third pwrite fails with ENOSPC
 *   FAULT_LASTING=1                               and every one after it
 *   FAULT_SHORT=1                                 it takes half of the bytes instead of failing
 *   FAULT_RUN='truncate -s 9 FILE'                a command of the shell runs before it, and it does not fail
 *   FAULT_COUNTS=FILE                             at the end: how often each was called, whether one failed
 *
 * Calls are counted in all threads together. What the C library calls inside itself is not seen. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum call {
  OPEN, READ, PREAD, WRITE, PWRITE, FSYNC, TRUNCATE, RESERVE, RENAME, LINK, UNLINK, MKDIR, STAT, FSTAT, LSTAT, FLOCK,
  OPENDIR, READDIR, READLINK, CLOSE, THREAD, PIPE, MEMORY, CALLS
};
static const char *const names[CALLS] = {
  "open", "read", "pread", "write", "pwrite", "fsync", "ftruncate", "fallocate", "rename", "link", "unlink", "mkdir",
  "stat", "fstat", "lstat", "flock", "opendir", "readdir", "readlink", "close", "thread", "pipe", "memory"
};
static atomic_long counts[CALLS];
static atomic_int fired;
static int chosen = -1, code, is_short, is_lasting;
static const char *command;
static long at;

/* Whether this call is the one: -1 where it fails (errno is set), 1 where it is cut short, 0 otherwise. */
static int fault(enum call call) {
  long number = atomic_fetch_add(&counts[call], 1) + 1;
  if ((int)call != chosen || !(number == at || (is_lasting && number > at))) return 0;
  atomic_store(&fired, 1);
  if (command) return system(command) ? 0 : 0;
  if (is_short) return 1;
  errno = code;
  return -1;
}

__attribute__((constructor)) static void start(void) {
  const char *name = getenv("FAULT_CALL");
  if (!name) return;
  at = atol(getenv("FAULT_AT") ? getenv("FAULT_AT") : "1");
  code = atoi(getenv("FAULT_ERRNO") ? getenv("FAULT_ERRNO") : "5");
  is_short = getenv("FAULT_SHORT") != NULL;
  is_lasting = getenv("FAULT_LASTING") != NULL;
  command = getenv("FAULT_RUN");
  unsetenv("LD_PRELOAD");
  for (int call = 0; call < CALLS; call++)
    if (!strcmp(names[call], name)) chosen = call;
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

__attribute__((destructor)) static void finish(void) {
  const char *path = getenv("FAULT_COUNTS");
  chosen = -1;
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  for (int call = 0; call < CALLS; call++) fprintf(file, "%s %ld\n", names[call], atomic_load(&counts[call]));
  fprintf(file, "fired %d\n", atomic_load(&fired));
  fclose(file);
}

#define OPENS(name) \
  int name(const char *path, int flags, ...) { \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
      va_list list; \
      va_start(list, flags); \
      mode = va_arg(list, mode_t); \
      va_end(list); \
    } \
    REAL(int, name, const char *, int, ...); \
    return fault(OPEN) < 0 ? -1 : real(path, flags, mode); \
  }
OPENS(open)
OPENS(open64)

#define MOVES(name, call, pointer) \
  ssize_t name(int descriptor, pointer bytes, size_t count) { \
    REAL(ssize_t, name, int, pointer, size_t); \
    int found = fault(call); \
    return found < 0 ? -1 : real(descriptor, bytes, found && count > 1 ? count / 2 : count); \
  }
MOVES(read, READ, void *)
MOVES(write, WRITE, const void *)

#define MOVES_AT(name, call, pointer, offset) \
  ssize_t name(int descriptor, pointer bytes, size_t count, offset place) { \
    REAL(ssize_t, name, int, pointer, size_t, offset); \
    int found = fault(call); \
    return found < 0 ? -1 : real(descriptor, bytes, found && count > 1 ? count / 2 : count, place); \
  }
MOVES_AT(pread, PREAD, void *, off_t)
MOVES_AT(pread64, PREAD, void *, off64_t)
MOVES_AT(pwrite, PWRITE, const void *, off_t)
MOVES_AT(pwrite64, PWRITE, const void *, off64_t)

#define FAILS(call, failure, type, name, parameters, arguments, ...) \
  type name parameters { \
    REAL(type, name, __VA_ARGS__); \
    return fault(call) < 0 ? failure : real arguments; \
  }
FAILS(FSYNC, -1, int, fsync, (int descriptor), (descriptor), int)
FAILS(FSYNC, -1, int, fdatasync, (int descriptor), (descriptor), int)
FAILS(TRUNCATE, -1, int, ftruncate, (int descriptor, off_t length), (descriptor, length), int, off_t)
FAILS(TRUNCATE, -1, int, ftruncate64, (int descriptor, off64_t length), (descriptor, length), int, off64_t)
FAILS(RESERVE, code, int, posix_fallocate, (int descriptor, off_t start, off_t length), (descriptor, start, length),
      int, off_t, off_t)
FAILS(RESERVE, code, int, posix_fallocate64, (int descriptor, off64_t start, off64_t length),
      (descriptor, start, length), int, off64_t, off64_t)
FAILS(RENAME, -1, int, rename, (const char *from, const char *to), (from, to), const char *, const char *)
FAILS(LINK, -1, int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags),
      int, const char *, int, const char *, int)
FAILS(UNLINK, -1, int, unlink, (const char *path), (path), const char *)
FAILS(UNLINK, -1, int, rmdir, (const char *path), (path), const char *)
FAILS(MKDIR, -1, int, mkdir, (const char *path, mode_t mode), (path, mode), const char *, mode_t)
FAILS(MKDIR, NULL, char *, mkdtemp, (char *path), (path), char *)
FAILS(STAT, -1, int, stat, (const char *path, struct stat *status), (path, status), const char *, struct stat *)
FAILS(STAT, -1, int, stat64, (const char *path, struct stat64 *status), (path, status), const char *,
      struct stat64 *)
FAILS(FSTAT, -1, int, fstat, (int descriptor, struct stat *status), (descriptor, status), int, struct stat *)
FAILS(FSTAT, -1, int, fstat64, (int descriptor, struct stat64 *status), (descriptor, status), int, struct stat64 *)
FAILS(LSTAT, -1, int, lstat, (const char *path, struct stat *status), (path, status), const char *, struct stat *)
FAILS(LSTAT, -1, int, lstat64, (const char *path, struct stat64 *status), (path, status), const char *,
      struct stat64 *)
FAILS(FLOCK, -1, int, flock, (int descriptor, int operation), (descriptor, operation), int, int)
FAILS(OPENDIR, NULL, DIR *, opendir, (const char *path), (path), const char *)
FAILS(READDIR, NULL, struct dirent *, readdir, (DIR *directory), (directory), DIR *)
FAILS(READDIR, NULL, struct dirent64 *, readdir64, (DIR *directory), (directory), DIR *)
FAILS(READLINK, -1, ssize_t, readlink, (const char *path, char *bytes, size_t count), (path, bytes, count),
      const char *, char *, size_t)
FAILS(THREAD, code, int, pthread_create,
      (pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument),
      (thread, attributes, body, argument), pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)
FAILS(PIPE, -1, int, pipe, (int ends[2]), (ends), int *)

/* A descriptor is gone after close, whatever it says. */
int close(int descriptor) {
  REAL(int, close, int);
  int found = fault(CLOSE), result = real(descriptor);
  if (found >= 0) return result;
  errno = code;
  return -1;
}

/* Memory in pieces of some size: small ones come from what the program has, and running out shows in large ones. */
#define LARGE (64 << 10)
extern void *__libc_malloc(size_t), *__libc_realloc(void *, size_t), *__libc_calloc(size_t, size_t),
    *__libc_memalign(size_t, size_t);
void *malloc(size_t count) { return count >= LARGE && fault(MEMORY) < 0 ? NULL : __libc_malloc(count); }
void *calloc(size_t number, size_t count) {
  return number * count >= LARGE && fault(MEMORY) < 0 ? NULL : __libc_calloc(number, count);
}
void *realloc(void *old, size_t count) {
  return count >= LARGE && fault(MEMORY) < 0 ? NULL : __libc_realloc(old, count);
}
int posix_memalign(void **memory, size_t alignment, size_t count) {
  if (count >= LARGE && fault(MEMORY) < 0) return ENOMEM;
  *memory = __libc_memalign(alignment, count);
  return *memory || !count ? 0 : ENOMEM;
}
void *aligned_alloc(size_t alignment, size_t count) {
  return count >= LARGE && fault(MEMORY) < 0 ? NULL : __libc_memalign(alignment, count);
}
