/* preopens: prints the name and number of every preopened directory that can be listed. */
#include <wasi/api.h>

#include "example.h"

int main(void) {
  for (__wasi_fd_t fd = 3;; fd++) {
    __wasi_prestat_t stat;
    __wasi_errno_t error = __wasi_fd_prestat_get(fd, &stat);
    if (error == __WASI_ERRNO_BADF) return 0;
    char name[256] = "";
    uint8_t entries[24];
    __wasi_size_t used;
    example_check(error == 0 && stat.u.dir.pr_name_len < sizeof name, "prestat: errno %d", error);
    error = __wasi_fd_prestat_dir_name(fd, (uint8_t*)name, stat.u.dir.pr_name_len);
    example_check(error == 0, "name: errno %d", error);
    error = __wasi_fd_readdir(fd, entries, sizeof entries, 0, &used);
    example_check(error == 0 && used == sizeof entries, "readdir: errno %d", error);
    printf("%s %u\n", name, fd);
  }
}
