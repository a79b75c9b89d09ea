/* files: what the official tests leave out. Preopened: an empty folder as "/", with a FIFO `pipe` whose other end is held by somebody who
   answers every line. Prints "ok". */
#include <errno.h>
#include <fcntl.h>
#include <wasi/api.h>

#include "example.h"

enum { ROOT = 3 };

#define EXPECT(call, wanted) expect((call), (wanted), #call, __LINE__)
#define CHECK(holds) example_check((holds), "line %d: not so: %s", __LINE__, #holds)

static void expect(__wasi_errno_t got, __wasi_errno_t wanted, const char* call, int line) {
  example_check(got == wanted, "line %d: %s: errno %d instead of %d", line, call, got, wanted);
}

static const __wasi_rights_t ALL = ~(__wasi_rights_t)0;

static __wasi_fd_t open_at(__wasi_fd_t dir, const char* path, __wasi_oflags_t flags, __wasi_fdflags_t fdflags) {
  __wasi_fd_t fd;
  __wasi_errno_t error = __wasi_path_open(dir, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, path, flags, ALL, ALL, fdflags, &fd);
  example_check(error == 0, "open %s: errno %d", path, error);
  return fd;
}

static __wasi_size_t write_bytes(__wasi_fd_t fd, const void* data, size_t size) {
  __wasi_ciovec_t vec = {data, size};
  __wasi_size_t done = 0;
  EXPECT(__wasi_fd_write(fd, &vec, 1, &done), 0);
  return done;
}

static __wasi_size_t read_bytes(__wasi_fd_t fd, void* data, size_t size) {
  __wasi_iovec_t vec = {data, size};
  __wasi_size_t done = 0;
  EXPECT(__wasi_fd_read(fd, &vec, 1, &done), 0);
  return done;
}

static uint64_t position(__wasi_fd_t fd) {
  __wasi_filesize_t at;
  EXPECT(__wasi_fd_tell(fd, &at), 0);
  return at;
}

/* Longer than any window of the host, through lists with empty, small and large buffers. */
static void test_long_transfers(void) {
  enum { SIZE = 1000003 };
  static uint8_t out[SIZE], in[SIZE];
  for (uint32_t i = 0; i < SIZE; i++) out[i] = (uint8_t)(i * 2654435761u >> 13);
  __wasi_fd_t fd = open_at(ROOT, "long", __WASI_OFLAGS_CREAT, 0);
  __wasi_ciovec_t pieces[100];
  size_t at = 0;
  for (int i = 0; i < 99; i++) {
    size_t size = (size_t)i * i * 7 % 9973;
    pieces[i] = (__wasi_ciovec_t){out + at, size};
    at += size;
  }
  pieces[99] = (__wasi_ciovec_t){out + at, SIZE - at};
  __wasi_size_t done;
  EXPECT(__wasi_fd_write(fd, pieces, 100, &done), 0);
  CHECK(done == SIZE && position(fd) == SIZE);
  __wasi_iovec_t into[3] = {{in, 1}, {in + 1, 0}, {in + 1, SIZE - 1}};
  EXPECT(__wasi_fd_pread(fd, into, 3, 0, &done), 0);
  CHECK(done == SIZE && memcmp(in, out, SIZE) == 0 && position(fd) == SIZE);
  memset(in, 0, SIZE);
  __wasi_filesize_t end;
  EXPECT(__wasi_fd_seek(fd, -10, __WASI_WHENCE_END, &end), 0);
  CHECK(end == SIZE - 10);
  CHECK(read_bytes(fd, in, SIZE) == 10 && memcmp(in, out + SIZE - 10, 10) == 0);
  CHECK(read_bytes(fd, in, SIZE) == 0);
  EXPECT(__wasi_fd_seek(fd, 5, __WASI_WHENCE_SET, &end), 0);
  CHECK(read_bytes(fd, in, 1000) == 1000 && memcmp(in, out + 5, 1000) == 0 && position(fd) == 1005);
  /* Nothing to move is no error. */
  EXPECT(__wasi_fd_read(fd, into, 0, &done), 0);
  CHECK(done == 0);
  EXPECT(__wasi_fd_pread(fd, into, 3, UINT64_MAX, &done), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_fd_pwrite(fd, pieces, 3, (uint64_t)1 << 63, &done), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_fd_close(fd), 0);
  EXPECT(__wasi_path_unlink_file(ROOT, "long"), 0);
}

/* Lists and buffers that are larger than anything the host would hold for them. */
static void test_hostile_lists(void) {
  enum { LISTED = 1024 };
  static __wasi_iovec_t list[2 * LISTED];
  static uint8_t buffer[1 << 20];
  __wasi_fd_t fd = open_at(ROOT, "small", __WASI_OFLAGS_CREAT, 0);
  CHECK(write_bytes(fd, "small", 5) == 5);
  __wasi_size_t done;
  EXPECT(__wasi_fd_pread(fd, list, LISTED, 0, &done), 0);
  CHECK(done == 0);
  EXPECT(__wasi_fd_pread(fd, list, LISTED + 1, 0, &done), __WASI_ERRNO_INVAL);
  for (int i = 0; i < 2 * LISTED; i++) list[i] = (__wasi_iovec_t){buffer, sizeof buffer};
  EXPECT(__wasi_fd_pread(fd, list, 2 * LISTED, 0, &done), 0);
  CHECK(done == 5 && memcmp(buffer, "small", 5) == 0);
  for (int i = 0; i < 2 * LISTED; i++) list[i].buf_len = 1;
  EXPECT(__wasi_fd_pwrite(fd, (const __wasi_ciovec_t*)list, 2 * LISTED, 0, &done), 0);
  CHECK(done == LISTED);
  EXPECT(__wasi_fd_close(fd), 0);
  EXPECT(__wasi_path_unlink_file(ROOT, "small"), 0);
}

static void test_flags(void) {
  __wasi_fd_t fd = open_at(ROOT, "flags", __WASI_OFLAGS_CREAT, 0);
  __wasi_fdstat_t stat;
  for (__wasi_fdflags_t flags = 0; flags < 32; flags++) {
    EXPECT(__wasi_fd_fdstat_set_flags(fd, flags), 0);
    EXPECT(__wasi_fd_fdstat_get(fd, &stat), 0);
    CHECK(stat.fs_flags == flags);
    CHECK(write_bytes(fd, "x", 1) == 1);
  }
  EXPECT(__wasi_fd_fdstat_set_flags(fd, 32), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_fd_fdstat_set_flags(ROOT, 0), __WASI_ERRNO_BADF);
  EXPECT(__wasi_fd_sync(fd), 0);
  EXPECT(__wasi_fd_datasync(fd), 0);
  EXPECT(__wasi_fd_sync(ROOT), 0);
  EXPECT(__wasi_fd_datasync(ROOT), 0);
  EXPECT(__wasi_fd_sync(1), 0);
  EXPECT(__wasi_fd_sync(99), __WASI_ERRNO_BADF);
  for (int advice = 0; advice < 6; advice++) EXPECT(__wasi_fd_advise(fd, 0, 10, (__wasi_advice_t)advice), 0);
  EXPECT(__wasi_fd_advise(fd, 0, 10, 6), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_fd_allocate(fd, 0, 0), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_fd_allocate(fd, 0, UINT64_MAX), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_fd_filestat_set_size(fd, UINT64_MAX), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_fd_filestat_set_times(fd, 1, 2, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM), 0);
  __wasi_filestat_t attributes;
  EXPECT(__wasi_fd_filestat_get(fd, &attributes), 0);
  CHECK(attributes.atim == 1 && attributes.mtim == 2 && attributes.size == 32 && attributes.nlink == 1);
  EXPECT(__wasi_fd_filestat_set_times(ROOT, 5, 7, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM), 0);
  EXPECT(__wasi_fd_filestat_get(ROOT, &attributes), 0);
  CHECK(attributes.atim == 5 && attributes.mtim == 7);
  EXPECT(__wasi_fd_filestat_set_times(fd, 0, 0, 16), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_fd_close(fd), 0);
  EXPECT(__wasi_path_unlink_file(ROOT, "flags"), 0);
}

static void test_sockets(void) {
  uint8_t byte;
  __wasi_iovec_t in = {&byte, 1};
  __wasi_ciovec_t out = {&byte, 1};
  __wasi_size_t size;
  __wasi_roflags_t flags;
  __wasi_fd_t fd;
  const __wasi_fd_t fds[] = {0, 1, ROOT, 99};
  for (int i = 0; i < 4; i++) {
    __wasi_errno_t wanted = fds[i] == 99 ? __WASI_ERRNO_BADF : __WASI_ERRNO_NOTSOCK;
    EXPECT(__wasi_sock_recv(fds[i], &in, 1, 0, &size, &flags), wanted);
    EXPECT(__wasi_sock_send(fds[i], &out, 1, 0, &size), wanted);
    EXPECT(__wasi_sock_accept(fds[i], 0, &fd), wanted);
    EXPECT(__wasi_sock_shutdown(fds[i], __WASI_SDFLAGS_RD), wanted);
  }
}

/* Every entry once, whatever the size of the buffer; and from the middle, while entries go away. */
static void list(uint32_t buffer_size, uint32_t files) {
  static uint8_t buffer[200000];
  uint64_t cookie = 0;
  uint32_t entries = 0;
  for (;;) {
    __wasi_size_t used;
    EXPECT(__wasi_fd_readdir(ROOT, buffer, buffer_size, cookie, &used), 0);
    uint32_t at = 0;
    while (at + sizeof(__wasi_dirent_t) <= used) {
      __wasi_dirent_t entry;
      memcpy(&entry, buffer + at, sizeof entry);
      if (at + sizeof entry + entry.d_namlen > used) break;
      at += (uint32_t)sizeof entry + entry.d_namlen;
      cookie = entry.d_next;
      entries++;
    }
    if (used < buffer_size) break;
    CHECK(at > 0);
  }
  example_check(entries == files, "%u entries instead of %u, in steps of %u bytes", entries, files, buffer_size);
}

static void test_listing(void) {
  enum { FILES = 3000 };
  char name[64];
  for (int i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "a name that is not quite short %d", i);
    EXPECT(__wasi_fd_close(open_at(ROOT, name, __WASI_OFLAGS_CREAT | __WASI_OFLAGS_EXCL, 0)), 0);
  }
  list(128, FILES + 3); /* ., .., pipe */
  list(4096, FILES + 3);
  list(200000, FILES + 3);
  uint8_t byte;
  __wasi_size_t used;
  EXPECT(__wasi_fd_readdir(ROOT, &byte, 1, 0, &used), 0);
  CHECK(used == 1);
  EXPECT(__wasi_fd_readdir(ROOT, &byte, 0, 0, &used), 0);
  CHECK(used == 0);
  EXPECT(__wasi_fd_readdir(ROOT, &byte, 1, UINT64_MAX, &used), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_fd_readdir(1, &byte, 1, 0, &used), __WASI_ERRNO_NOTDIR);
  for (int i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "a name that is not quite short %d", i);
    EXPECT(__wasi_path_unlink_file(ROOT, name), 0);
  }
  list(4096, 3);
}

/* Descriptors: the lowest free number from 3 on, and no more than there may be. */
static void test_numbers(void) {
  enum { MOST = 4096 };
  __wasi_fd_t fd = open_at(ROOT, "numbers", __WASI_OFLAGS_CREAT, 0), last = fd, extra;
  CHECK(fd == ROOT + 1);
  while (last < MOST - 1) last = open_at(ROOT, "numbers", 0, 0);
  EXPECT(__wasi_path_open(ROOT, 0, "numbers", 0, 0, 0, 0, &extra), __WASI_ERRNO_MFILE);
  EXPECT(__wasi_fd_close(1000), 0);
  EXPECT(__wasi_fd_close(500), 0);
  CHECK(open_at(ROOT, "numbers", 0, 0) == 500);
  CHECK(open_at(ROOT, "numbers", 0, 0) == 1000);
  EXPECT(__wasi_fd_renumber(2000, 20), 0);
  EXPECT(__wasi_fd_renumber(20, 20), 0);
  EXPECT(__wasi_fd_renumber(2000, 20), __WASI_ERRNO_BADF);
  CHECK(open_at(ROOT, "numbers", 0, 0) == 2000);
  for (; fd < MOST; fd++) EXPECT(__wasi_fd_close(fd), 0);
  EXPECT(__wasi_fd_close(fd - 1), __WASI_ERRNO_BADF);
  EXPECT(__wasi_path_unlink_file(ROOT, "numbers"), 0);
}

static void test_paths(void) {
  static char path[5000];
  __wasi_fd_t fd;
  memset(path, 'a', sizeof path - 1);
  EXPECT(__wasi_path_open(ROOT, 0, path, 0, 0, 0, 0, &fd), __WASI_ERRNO_NAMETOOLONG);
  path[300] = 0;
  EXPECT(__wasi_path_open(ROOT, 0, path, 0, 0, 0, 0, &fd), __WASI_ERRNO_NAMETOOLONG);
  EXPECT(__wasi_path_open(ROOT, 0, "", 0, 0, 0, 0, &fd), __WASI_ERRNO_NOENT);
  EXPECT(__wasi_path_open(ROOT, 0, "\xff", 0, 0, 0, 0, &fd), __WASI_ERRNO_ILSEQ);
  EXPECT(__wasi_path_open(ROOT, 2, "x", 0, 0, 0, 0, &fd), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_path_open(ROOT, 0, "x", 16, 0, 0, 0, &fd), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_path_open(ROOT, 0, "x", 0, 0, 0, 32, &fd), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_path_open(ROOT, 0, ".", __WASI_OFLAGS_DIRECTORY | __WASI_OFLAGS_CREAT, 0, 0, 0, &fd),
         __WASI_ERRNO_INVAL);
  EXPECT(__wasi_path_open(1, 0, "x", 0, 0, 0, 0, &fd), __WASI_ERRNO_NOTDIR);
  EXPECT(__wasi_path_open(99, 0, "x", 0, 0, 0, 0, &fd), __WASI_ERRNO_BADF);
  EXPECT(__wasi_path_create_directory(ROOT, "dir"), 0);
  EXPECT(__wasi_path_create_directory(ROOT, "dir/."), __WASI_ERRNO_EXIST);
  EXPECT(__wasi_path_create_directory(ROOT, ".."), __WASI_ERRNO_PERM);
  EXPECT(__wasi_path_create_directory(ROOT, "dir/.."), __WASI_ERRNO_EXIST);
  EXPECT(__wasi_path_create_directory(ROOT, "dir/deeper/"), 0);
  EXPECT(__wasi_path_create_directory(ROOT, "dir//deeper///deepest//"), 0);
  EXPECT(__wasi_path_remove_directory(ROOT, "dir/."), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_path_remove_directory(ROOT, "dir/.."), __WASI_ERRNO_NOTEMPTY);
  EXPECT(__wasi_path_rename(ROOT, "dir", ROOT, "dir/deeper/x"), __WASI_ERRNO_INVAL);
  /* A link that has to be followed because of the slash behind it, and the calls that do not follow it even then. */
  __wasi_filestat_t stat;
  EXPECT(__wasi_path_symlink("dir/deeper", ROOT, "link"), 0);
  EXPECT(__wasi_path_filestat_get(ROOT, 0, "link/", &stat), 0);
  CHECK(stat.filetype == __WASI_FILETYPE_DIRECTORY);
  EXPECT(__wasi_path_filestat_get(ROOT, 0, "link", &stat), 0);
  CHECK(stat.filetype == __WASI_FILETYPE_SYMBOLIC_LINK);
  EXPECT(__wasi_path_remove_directory(ROOT, "link/"), __WASI_ERRNO_NOTDIR);
  EXPECT(__wasi_path_unlink_file(ROOT, "link/"), __WASI_ERRNO_NOTDIR);
  EXPECT(__wasi_path_link(ROOT, 0, "link/", ROOT, "other"), __WASI_ERRNO_PERM);
  EXPECT(__wasi_path_link(ROOT, 0, "dir/..", ROOT, "other"), __WASI_ERRNO_PERM);
  uint8_t text[64];
  __wasi_size_t used;
  EXPECT(__wasi_path_readlink(ROOT, "link", text, sizeof text, &used), 0);
  CHECK(used == 10 && memcmp(text, "dir/deeper", 10) == 0);
  EXPECT(__wasi_path_readlink(ROOT, "link", text, 0, &used), 0);
  CHECK(used == 0);
  EXPECT(__wasi_path_readlink(ROOT, "link/", text, sizeof text, &used), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_path_readlink(ROOT, "dir", text, sizeof text, &used), __WASI_ERRNO_INVAL);
  EXPECT(__wasi_path_readlink(ROOT, "absent", text, sizeof text, &used), __WASI_ERRNO_NOENT);
  /* Created through a link. */
  EXPECT(__wasi_path_symlink("dir/made", ROOT, "to"), 0);
  EXPECT(__wasi_fd_close(open_at(ROOT, "to", __WASI_OFLAGS_CREAT, 0)), 0);
  EXPECT(__wasi_path_filestat_get(ROOT, 0, "dir/made", &stat), 0);
  EXPECT(__wasi_path_open(ROOT, 1, "to", __WASI_OFLAGS_CREAT | __WASI_OFLAGS_EXCL, 0, 0, 0, &fd), __WASI_ERRNO_EXIST);
  EXPECT(__wasi_path_unlink_file(ROOT, "dir/made"), 0);
  EXPECT(__wasi_path_unlink_file(ROOT, "to"), 0);
  EXPECT(__wasi_path_unlink_file(ROOT, "link"), 0);
  EXPECT(__wasi_path_remove_directory(ROOT, "dir/deeper/deepest"), 0);
  EXPECT(__wasi_path_remove_directory(ROOT, "dir/deeper"), 0);
  EXPECT(__wasi_path_remove_directory(ROOT, "dir"), 0);
  /* A directory that is not called one has the rights of one. */
  __wasi_fdstat_t own;
  EXPECT(__wasi_path_open(ROOT, 0, ".", 0, ALL & ~(__wasi_rights_t)__WASI_RIGHTS_FD_WRITE, ALL, 0, &fd), 0);
  EXPECT(__wasi_fd_fdstat_get(fd, &own), 0);
  CHECK(own.fs_filetype == __WASI_FILETYPE_DIRECTORY && (own.fs_rights_base & __WASI_RIGHTS_PATH_OPEN) != 0);
  EXPECT(__wasi_fd_close(fd), 0);
  EXPECT(__wasi_path_open(ROOT, 0, ".", 0, ALL, ALL, 0, &fd), __WASI_ERRNO_ISDIR);
}

static __wasi_event_t poll_one(__wasi_fd_t fd, uint8_t type) {
  __wasi_subscription_t subscription = {.userdata = 7};
  subscription.u.tag = type;
  subscription.u.u.fd_read.file_descriptor = fd;
  __wasi_event_t event;
  __wasi_size_t count;
  EXPECT(__wasi_poll_oneoff(&subscription, &event, 1, &count), 0);
  CHECK(count == 1 && event.userdata == 7 && event.type == type);
  return event;
}

static void test_poll(void) {
  __wasi_fd_t fd = open_at(ROOT, "polled", __WASI_OFLAGS_CREAT, 0);
  CHECK(write_bytes(fd, "12345", 5) == 5);
  CHECK(poll_one(fd, __WASI_EVENTTYPE_FD_READ).fd_readwrite.nbytes == 0);
  __wasi_filesize_t at;
  EXPECT(__wasi_fd_seek(fd, 1, __WASI_WHENCE_SET, &at), 0);
  CHECK(poll_one(fd, __WASI_EVENTTYPE_FD_READ).fd_readwrite.nbytes == 4);
  CHECK(poll_one(fd, __WASI_EVENTTYPE_FD_WRITE).error == 0);
  CHECK(poll_one(ROOT, __WASI_EVENTTYPE_FD_READ).error == __WASI_ERRNO_BADF);
  CHECK(poll_one(99, __WASI_EVENTTYPE_FD_READ).error == __WASI_ERRNO_BADF);
  EXPECT(__wasi_fd_close(fd), 0);
  EXPECT(__wasi_path_unlink_file(ROOT, "polled"), 0);
}

/* A FIFO suspends the process, not the VM: a child counts meanwhile. */
static void count(int32_t rounds) {
  for (int32_t i = 0; i < rounds; i++) lb_sleep(1);
}

static void test_fifo(void) {
  __wasi_fd_t fd;
  const __wasi_rights_t rights = __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_POLL_FD_READWRITE;
  EXPECT(__wasi_path_open(ROOT, 0, "pipe", 0, rights, 0, 0, &fd), 0);
  __wasi_fdstat_t stat;
  EXPECT(__wasi_fd_fdstat_get(fd, &stat), 0);
  CHECK(stat.fs_filetype == __WASI_FILETYPE_UNKNOWN && stat.fs_rights_base == rights);
  lb_pid pid = lb_spawn(count, 20);
  lb_monitor(pid);
  char answer[6] = "";
  CHECK(read_bytes(fd, answer, sizeof answer) == 5 && memcmp(answer, "there", 5) == 0);
  CHECK(lb_receive() == LB_PROCESS_DIED);
  EXPECT(__wasi_fd_close(fd), 0);
  EXPECT(__wasi_path_open(ROOT, 0, "pipe", 0, rights, 0, __WASI_FDFLAGS_NONBLOCK, &fd), 0);
  __wasi_iovec_t vec = {(uint8_t*)answer, 1};
  __wasi_size_t done;
  EXPECT(__wasi_fd_read(fd, &vec, 1, &done), __WASI_ERRNO_AGAIN);
  EXPECT(__wasi_fd_close(fd), 0);
}

/* Rights only shrink, and go on to what is opened below. */
static void test_rights(void) {
  __wasi_fd_t dir, fd;
  EXPECT(__wasi_path_create_directory(ROOT, "ro"), 0);
  EXPECT(__wasi_fd_close(open_at(ROOT, "ro/file", __WASI_OFLAGS_CREAT, 0)), 0);
  const __wasi_rights_t base = __WASI_RIGHTS_PATH_OPEN | __WASI_RIGHTS_FD_READDIR;
  EXPECT(__wasi_path_open(ROOT, 0, "ro", __WASI_OFLAGS_DIRECTORY, base, base | __WASI_RIGHTS_FD_READ, 0, &dir), 0);
  EXPECT(__wasi_path_open(dir, 0, "file", 0, ALL, ALL, 0, &fd), 0);
  __wasi_fdstat_t stat;
  EXPECT(__wasi_fd_fdstat_get(fd, &stat), 0);
  CHECK(stat.fs_rights_base == __WASI_RIGHTS_FD_READ);
  __wasi_ciovec_t vec = {(const uint8_t*)"x", 1};
  __wasi_size_t done;
  __wasi_filestat_t attributes;
  EXPECT(__wasi_fd_write(fd, &vec, 1, &done), __WASI_ERRNO_BADF);
  EXPECT(__wasi_fd_filestat_get(fd, &attributes), __WASI_ERRNO_NOTCAPABLE);
  EXPECT(__wasi_fd_close(fd), 0);
  EXPECT(__wasi_path_open(dir, 0, "new", __WASI_OFLAGS_CREAT, ALL, ALL, 0, &fd), __WASI_ERRNO_NOTCAPABLE);
  EXPECT(__wasi_path_open(dir, 0, "file", __WASI_OFLAGS_TRUNC, ALL, ALL, 0, &fd), __WASI_ERRNO_NOTCAPABLE);
  EXPECT(__wasi_path_unlink_file(dir, "file"), __WASI_ERRNO_NOTCAPABLE);
  EXPECT(__wasi_path_create_directory(dir, "d"), __WASI_ERRNO_NOTCAPABLE);
  EXPECT(__wasi_path_rename(ROOT, "ro/file", dir, "f"), __WASI_ERRNO_NOTCAPABLE);
  EXPECT(__wasi_path_link(dir, 0, "file", ROOT, "f"), __WASI_ERRNO_NOTCAPABLE);
  EXPECT(__wasi_path_symlink("a", dir, "f"), __WASI_ERRNO_NOTCAPABLE);
  EXPECT(__wasi_fd_fdstat_set_rights(dir, 0, 0), 0);
  EXPECT(__wasi_path_open(dir, 0, "file", 0, ALL, ALL, 0, &fd), __WASI_ERRNO_NOTCAPABLE);
  EXPECT(__wasi_fd_fdstat_set_rights(dir, base, 0), __WASI_ERRNO_NOTCAPABLE);
  EXPECT(__wasi_fd_close(dir), 0);
  EXPECT(__wasi_path_unlink_file(ROOT, "ro/file"), 0);
  EXPECT(__wasi_path_remove_directory(ROOT, "ro"), 0);
}

/* A child with a config of its own sees the directory of that config, under the name given, and no other. */
static void child_of_config(int32_t parent) {
  __wasi_prestat_t stat;
  int32_t answer =
      __wasi_fd_prestat_get(ROOT, &stat) == 0 && __wasi_fd_prestat_get(ROOT + 1, &stat) == __WASI_ERRNO_BADF;
  __wasi_fd_t fd;
  answer += 2 * (__wasi_path_open(ROOT, 0, "marker", 0, ALL, ALL, 0, &fd) == 0);
  lb_send_value((lb_pid)parent, 0, answer);
}

static void child_same_config(int32_t parent) {
  /* Descriptors are not inherited: only the preopened directory is there. */
  __wasi_fdstat_t stat;
  int32_t answer = __wasi_fd_fdstat_get(ROOT, &stat) == 0;
  answer += 2 * (__wasi_fd_fdstat_get(ROOT + 1, &stat) == __WASI_ERRNO_BADF);
  lb_send_value((lb_pid)parent, 0, answer);
}

static void test_configs(const char* host_folder) {
  __wasi_fd_t fd = open_at(ROOT, "marker", __WASI_OFLAGS_CREAT, 0);
  int32_t answer = 0;
  lb_spawn(child_same_config, (int32_t)lb_self());
  CHECK(lb_receive() == LB_MESSAGE);
  lb_read_value(answer);
  CHECK(answer == 3);
  for (int there = 1; there >= 0; there--) {
    lb_config config = lb_raw_process_create_config();
    char folder[512];
    snprintf(folder, sizeof folder, "%s%s", host_folder, there ? "" : "/absent");
    lb_raw_wasi_config_preopen_dir(config, folder, (uint32_t)strlen(folder));
    lb_spawn_with(config, 0, child_of_config, (int32_t)lb_self());
    CHECK(lb_receive() == LB_MESSAGE);
    lb_read_value(answer);
    CHECK(answer == (there ? 3 : 1));
    lb_raw_process_drop_config(config);
  }
  EXPECT(__wasi_fd_close(fd), 0);
  EXPECT(__wasi_path_unlink_file(ROOT, "marker"), 0);
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  test_long_transfers();
  test_hostile_lists();
  test_flags();
  test_sockets();
  test_listing();
  test_numbers();
  test_paths();
  test_poll();
  test_rights();
  test_configs(argv[1]);
  test_fifo();
  puts("ok");
  return 0;
}
