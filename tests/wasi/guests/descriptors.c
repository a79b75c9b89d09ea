/* descriptors [PROCESSES]: processes die in every state a file can be in; afterwards the VM has as many descriptors as before.
   Preopened: a scratch folder with a FIFO `pipe` as "/", and /proc as "/proc". Prints "ok". */
#include <wasi/api.h>

#include "example.h"

enum { ROOT = 3, PROC = 4, STATES = 9, BATCH = 50 };
static const __wasi_rights_t ALL = ~(__wasi_rights_t)0;

static __wasi_fd_t open_at(__wasi_fd_t dir, const char* path, __wasi_oflags_t flags) {
  __wasi_fd_t fd;
  __wasi_errno_t error =
      __wasi_path_open(dir, 0, path, flags, ALL & ~(__wasi_rights_t)__WASI_RIGHTS_FD_WRITE, ALL, 0, &fd);
  example_check(error == 0, "open %s: errno %d", path, error);
  return fd;
}

static uint32_t entries(void) {
  __wasi_fd_t self = open_at(PROC, "self/fd", __WASI_OFLAGS_DIRECTORY);
  static uint8_t buffer[1 << 20];
  __wasi_size_t used;
  example_check(__wasi_fd_readdir(self, buffer, sizeof buffer, 0, &used) == 0, "readdir");
  uint32_t found = 0;
  for (uint32_t at = 0; at < used; found++) {
    __wasi_dirent_t entry;
    memcpy(&entry, buffer + at, sizeof entry);
    at += (uint32_t)sizeof entry + entry.d_namlen;
  }
  example_check(__wasi_fd_close(self) == 0, "close");
  return found;
}

static void hold(int32_t state) {
  char name[32];
  snprintf(name, sizeof name, "file%d", (int)lb_self());
  __wasi_fd_t fd, other = open_at(ROOT, ".", __WASI_OFLAGS_DIRECTORY);
  (void)!__wasi_path_open(ROOT, 0, name, __WASI_OFLAGS_CREAT, ALL, ALL, 0, &fd);
  (void)!__wasi_path_unlink_file(ROOT, name);
  static uint8_t data[300000];
  __wasi_ciovec_t out = {data, sizeof data};
  __wasi_iovec_t in = {data, sizeof data};
  __wasi_size_t done;
  switch (state) {
    case 0:
      return; /* ends with files open */
    case 1:
      __builtin_trap(); /* traps with files open */
    case 2:
      for (;;) lb_sleep(1000); /* killed while it sleeps */
    case 3:
      for (;;) (void)!__wasi_fd_pwrite(fd, &out, 1, 0, &done); /* killed while it writes, */
    case 4:
      for (;;) (void)!__wasi_fd_sync(fd); /* waits for the disk, */
    case 5:                               /* opens and closes, */
      for (;;) {
        fd = open_at(ROOT, ".", __WASI_OFLAGS_DIRECTORY);
        (void)!__wasi_fd_close(fd);
      }
    case 6: /* waits for a FIFO, */
      fd = open_at(ROOT, "pipe", 0);
      for (;;) (void)!__wasi_fd_read(fd, &in, 1, &done);
    case 7: /* lists, */
      for (;;) (void)!__wasi_fd_readdir(other, data, sizeof data, 0, &done);
    default: /* or moves descriptors around. */
      for (;;) {
        (void)!__wasi_fd_renumber(fd, other);
        fd = open_at(ROOT, ".", __WASI_OFLAGS_DIRECTORY);
      }
  }
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  uint32_t processes = example_number(arguments, 0, 1000);
  uint32_t before = entries();
  lb_pid pids[BATCH];
  for (uint32_t made = 0; made < processes; made += BATCH) {
    for (uint32_t i = 0; i < BATCH; i++) {
      pids[i] = lb_spawn(hold, (int32_t)((made + i) % STATES));
      lb_monitor(pids[i]);
    }
    lb_sleep(2 + made / BATCH % 5);
    for (uint32_t i = 0; i < BATCH; i++) lb_kill(pids[i]);
    for (uint32_t i = 0; i < BATCH; i++) {
      while (lb_alive(pids[i])) lb_sleep(1);
    }
  }
  /* What dead processes left is closed by other threads. */
  uint32_t after = entries();
  for (int tries = 0; after != before && tries < 1000; tries++) {
    lb_sleep(10);
    after = entries();
  }
  example_check(after == before, "%u descriptors, %u before", after, before);
  puts("ok");
  return 0;
}
