/* escape MODE...: tries to get out of the folder that is preopened as "/". Prints one line for every way that worked.
     escape paths PATH...   every call on every PATH, all of which lead outside
     escape follow PATH...  only opening and stat, following links: for a tree that must not be changed
     escape moves           with descriptors inside of the tree, links and directories that it moves itself, and rights it has given up
     escape race MS         for so long: through `swap` and `moving`, which somebody keeps exchanging for ways out */
#include <wasi/api.h>

#include "example.h"

enum { ROOT = 3, FOLLOW = __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW };
static const __wasi_rights_t ALL = ~(__wasi_rights_t)0;
static const __wasi_rights_t READ = __WASI_RIGHTS_FD_READ;
/* What a directory can be opened with: a right to write asks for a file. */
static const __wasi_rights_t FOLDER = ~(__wasi_rights_t)__WASI_RIGHTS_FD_WRITE;

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

static void reads(const char* how, __wasi_fd_t dir, const char* path) {
  __wasi_fd_t fd;
  __wasi_filestat_t stat;
  if (__wasi_path_open(dir, FOLLOW, path, 0, READ, 0, 0, &fd) == 0) {
    escaped(how, path);
    (void)!__wasi_fd_close(fd);
  }
  if (__wasi_path_filestat_get(dir, FOLLOW, path, &stat) == 0) escaped(how, path);
}

static __wasi_fd_t open_directory(__wasi_fd_t dir, const char* path, __wasi_rights_t rights,
                                  __wasi_rights_t inheriting) {
  __wasi_fd_t fd = 0;
  if (__wasi_path_open(dir, FOLLOW, path, __WASI_OFLAGS_DIRECTORY, rights, inheriting, 0, &fd) != 0)
    escaped("lost", path);
  return fd;
}

static void must(const char* what, __wasi_errno_t error) {
  if (error != 0) escaped("failed", what);
}

/* Every line is a success that must not be, or ("lost", "failed") a step that should have worked. */
static void moves(void) {
  __wasi_fd_t fd;
  /* A descriptor inside of the tree is a folder of its own: not even what is above it in the tree can be reached. */
  __wasi_fd_t deep = open_directory(ROOT, "m/a/deep", FOLDER, ALL);
  const char* const up[] = {"..",
                            "../",
                            "../x",
                            "../../x",
                            "../../../inside",
                            "../../../../outside/secret.txt",
                            "./../../../../outside/secret.txt",
                            "here/../../x"};
  for (size_t i = 0; i < sizeof up / sizeof *up; i++) reads("from within", deep, up[i]);
  /* ... wherever it is moved to. */
  must("move a directory", __wasi_path_rename(ROOT, "m/a/deep", ROOT, "deep"));
  for (size_t i = 0; i < sizeof up / sizeof *up; i++) reads("from within, moved", deep, up[i]);
  reads("from within, moved", deep, "../inside");
  must("make in a moved directory", __wasi_path_create_directory(deep, "made"));
  if (__wasi_path_rename(deep, "made", deep, "../made") == 0) escaped("rename", "../made");
  if (__wasi_path_rename(deep, "made", deep, "../../made") == 0) escaped("rename", "../../made");
  if (__wasi_path_link(deep, 0, "../inside", deep, "stolen") == 0) escaped("link", "../inside");
  /* Links that lead to something inside, until they or the directory they are in have been moved. */
  must("make a link", __wasi_path_symlink("../outside/secret.txt", ROOT, "m/link"));
  must("move a link", __wasi_path_rename(ROOT, "m/link", ROOT, "link"));
  reads("moved link", ROOT, "link");
  must("make a link", __wasi_path_symlink("../../outside/secret.txt", ROOT, "m/a/link"));
  reads("link to a hidden folder of the same name", ROOT, "m/a/link");
  must("move a directory", __wasi_path_rename(ROOT, "m/a", ROOT, "a"));
  reads("link in a moved directory", ROOT, "a/link");
  must("link a link", __wasi_path_link(ROOT, 0, "link", ROOT, "m/copy"));
  must("move a link", __wasi_path_rename(ROOT, "m/copy", ROOT, "copy"));
  reads("link to a link", ROOT, "copy");
  /* No name at all. */
  if (__wasi_path_create_directory(ROOT, "") == 0) escaped("create", "the empty name");
  /* Rights that were given up do not come back, and are not had through others. */
  __wasi_fd_t bare = open_directory(ROOT, "m", __WASI_RIGHTS_PATH_OPEN, READ);
  if (__wasi_path_create_directory(bare, "made") == 0) escaped("without the right", "create a directory");
  if (__wasi_path_open(bare, 0, "file", __WASI_OFLAGS_CREAT, READ, 0, 0, &fd) == 0)
    escaped("without the right", "create");
  if (__wasi_fd_fdstat_set_rights(bare, ALL, ALL) == 0) escaped("without the right", "all rights");
  if (__wasi_path_open(bare, 0, "kept", 0, __WASI_RIGHTS_FD_WRITE, 0, 0, &fd) == 0) {
    static const uint8_t text[] = "changed";
    __wasi_ciovec_t vec = {text, sizeof text};
    __wasi_size_t size = 0;
    if (__wasi_fd_write(fd, &vec, 1, &size) == 0) escaped("without the right", "write");
    if (__wasi_fd_filestat_set_size(fd, 0) == 0) escaped("without the right", "truncate");
  }
  if (__wasi_path_open(bare, 0, "kept", __WASI_OFLAGS_TRUNC, READ, 0, 0, &fd) == 0)
    escaped("without the right", "truncate");
  /* A number that another descriptor is moved to has that one's folder and rights. */
  must("renumber", __wasi_fd_renumber(bare, deep));
  reads("renumbered", deep, "../inside");
  if (__wasi_path_create_directory(deep, "made") == 0) escaped("renumbered", "create a directory");
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
  } else if (argc == 2 && strcmp(argv[1], "moves") == 0) {
    moves();
  } else if (argc == 3 && strcmp(argv[1], "race") == 0) {
    race(strtoull(argv[2], NULL, 10));
  } else {
    return 2;
  }
  return 0;
}
