/* escape MODE...: tries to get out of the folder that is preopened as "/". Prints one line for every way that worked.
     escape paths PATH...   every call on every PATH, all of which lead outside
     escape follow PATH...  only opening and stat, following links: for a tree that must not be changed
     escape race MS         for so long: through `swap` and `moving`, which somebody keeps exchanging for ways out */
#include <wasi/api.h>

#include "example.h"

enum { ROOT = 3, FOLLOW = __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW };
static const __wasi_rights_t ALL = ~(__wasi_rights_t)0;
static const __wasi_rights_t READ = __WASI_RIGHTS_FD_READ;

static void escaped(const char* call, const char* path) { printf("%s %s\n", call, path); }

static void follow_path(const char* path) {
  __wasi_fd_t fd;
  __wasi_filestat_t stat;
  if (__wasi_path_open(ROOT, FOLLOW, path, 0, READ, ALL, 0, &fd) == 0) escaped("open", path);
  if (__wasi_path_open(ROOT, FOLLOW, path, __WASI_OFLAGS_DIRECTORY, 0, ALL, 0, &fd) == 0)
    escaped("open directory", path);
  if (__wasi_path_filestat_get(ROOT, FOLLOW, path, &stat) == 0) escaped("stat", path);
}

static void try_path(const char* path) {
  __wasi_fd_t fd;
  static const struct {
    const char* name;
    __wasi_lookupflags_t lookup;
    __wasi_oflags_t flags;
    __wasi_rights_t rights;
  } opens[] = {{"open", FOLLOW, 0, READ},
               {"open for writing", FOLLOW, 0, __WASI_RIGHTS_FD_WRITE},
               {"open without rights", FOLLOW, 0, 0},
               {"open unfollowed", 0, 0, READ},
               {"open directory", FOLLOW, __WASI_OFLAGS_DIRECTORY, READ},
               {"open truncating", FOLLOW, __WASI_OFLAGS_TRUNC, __WASI_RIGHTS_FD_WRITE},
               {"create", FOLLOW, __WASI_OFLAGS_CREAT, __WASI_RIGHTS_FD_WRITE},
               {"create exclusively", FOLLOW, __WASI_OFLAGS_CREAT | __WASI_OFLAGS_EXCL, __WASI_RIGHTS_FD_WRITE}};
  for (size_t i = 0; i < sizeof opens / sizeof *opens; i++) {
    if (__wasi_path_open(ROOT, opens[i].lookup, path, opens[i].flags, opens[i].rights, ALL, 0, &fd) == 0) {
      escaped(opens[i].name, path);
      (void)!__wasi_fd_close(fd);
    }
  }
  __wasi_filestat_t stat;
  uint8_t text[256];
  __wasi_size_t used;
  if (__wasi_path_filestat_get(ROOT, FOLLOW, path, &stat) == 0) escaped("stat", path);
  if (__wasi_path_filestat_set_times(ROOT, FOLLOW, path, 1, 1, __WASI_FSTFLAGS_MTIM | __WASI_FSTFLAGS_ATIM) == 0) {
    escaped("set times", path);
  }
  if (__wasi_path_link(ROOT, FOLLOW, path, ROOT, "stolen") == 0) escaped("link followed", path);
  if (strchr(path, '/') == NULL) return; /* The name of a link: the calls below are about the link itself. */
  if (__wasi_path_filestat_get(ROOT, 0, path, &stat) == 0) escaped("stat unfollowed", path);
  if (__wasi_path_filestat_set_times(ROOT, 0, path, 1, 1, __WASI_FSTFLAGS_MTIM) == 0) escaped("set own times", path);
  if (__wasi_path_link(ROOT, 0, path, ROOT, "stolen") == 0) escaped("link from", path);
  if (__wasi_path_link(ROOT, 0, "inside", ROOT, path) == 0) escaped("link to", path);
  if (__wasi_path_rename(ROOT, path, ROOT, "stolen") == 0) escaped("rename from", path);
  if (__wasi_path_rename(ROOT, "inside", ROOT, path) == 0) escaped("rename to", path);
  if (__wasi_path_symlink("inside", ROOT, path) == 0) escaped("symlink", path);
  if (__wasi_path_readlink(ROOT, path, text, sizeof text, &used) == 0) escaped("readlink", path);
  if (__wasi_path_create_directory(ROOT, path) == 0) escaped("create directory", path);
  if (__wasi_path_unlink_file(ROOT, path) == 0) escaped("unlink", path);
  if (__wasi_path_remove_directory(ROOT, path) == 0) escaped("remove directory", path);
}

static int rounds, read_inside;

static void look(__wasi_fd_t dir, const char* path) {
  __wasi_fd_t fd;
  rounds++;
  if (__wasi_path_open(dir, FOLLOW, path, 0, READ, READ, 0, &fd) != 0) return;
  char text[16] = "";
  __wasi_iovec_t vec = {(uint8_t*)text, sizeof text - 1};
  __wasi_size_t size = 0;
  if (__wasi_fd_read(fd, &vec, 1, &size) == 0) {
    if (strncmp(text, "inside", 6) == 0) {
      read_inside++;
    } else {
      escaped("race read", path);
    }
  }
  (void)!__wasi_fd_close(fd);
}

/* A process that exchanges a directory for a link out of the folder, with the guest's own calls. */
static void swapper(int32_t unused) {
  (void)unused;
  for (;;) {
    (void)!__wasi_path_rename(ROOT, "own/swap", ROOT, "own/aside");
    (void)!__wasi_path_symlink("../../outside", ROOT, "own/swap");
    (void)!__wasi_path_unlink_file(ROOT, "own/swap");
    (void)!__wasi_path_rename(ROOT, "own/aside", ROOT, "own/swap");
  }
}

static void race(uint64_t ms) {
  lb_pid pid = lb_spawn(swapper, 0);
  uint64_t end = lb_now_ns() + ms * 1000000;
  __wasi_filestat_t stat;
  while (lb_now_ns() < end) {
    look(ROOT, "swap/secret.txt");
    look(ROOT, "moving/deep/../../secret.txt");
    look(ROOT, "moving/deep/../../../outside/secret.txt");
    look(ROOT, "moving/deep/../../deep/../secret.txt");
    look(ROOT, "own/swap/secret.txt");
    if (__wasi_path_create_directory(ROOT, "swap/made") == 0) (void)!__wasi_path_remove_directory(ROOT, "swap/made");
    if (__wasi_path_filestat_get(ROOT, FOLLOW, "swap/only-outside", &stat) == 0)
      escaped("race stat", "swap/only-outside");
    if (__wasi_path_unlink_file(ROOT, "swap/only-outside") == 0) escaped("race unlink", "swap/only-outside");
    if (__wasi_path_link(ROOT, 0, "swap/only-outside", ROOT, "stolen") == 0) escaped("race link", "swap/only-outside");
    if (__wasi_path_rename(ROOT, "swap/only-outside", ROOT, "stolen") == 0) escaped("race rename", "swap/only-outside");
  }
  lb_kill(pid);
  fprintf(stderr, "%d looks, %d of them inside\n", rounds, read_inside);
}

int main(int argc, char** argv) {
  if (argc > 2 && strcmp(argv[1], "paths") == 0) {
    for (int i = 2; i < argc; i++) try_path(argv[i]);
  } else if (argc > 2 && strcmp(argv[1], "follow") == 0) {
    for (int i = 2; i < argc; i++) follow_path(argv[i]);
  } else if (argc == 3 && strcmp(argv[1], "race") == 0) {
    race(strtoull(argv[2], NULL, 10));
  } else {
    return 2;
  }
  return 0;
}
