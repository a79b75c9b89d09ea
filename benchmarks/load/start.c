/* A module of about 100 KB whose first act can be seen from outside: _start writes one byte and returns. The rest, the kernels of
 * ../kernels and a good part of the C library, is there as a program's code is: it must be decoded and validated, and never runs.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

int32_t wasi_fd_write(int32_t fd, const void* vectors, int32_t count, int32_t* written)
    __attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write")));

#define KERNELS(K)                                                                                             \
  K(base64) K(bigint) K(bytecode) K(collatz) K(copy) K(crc32) K(fib) K(indirect) K(json) K(list_cold)          \
  K(list_hot) K(lz) K(mandelbrot) K(matmul) K(nbody) K(queens) K(quicksort) K(search) K(sha256) K(sieve)       \
  K(threaded) K(tree) K(virtual)

#define DECLARE(name) int name##_main(int, char**);
KERNELS(DECLARE)
#undef DECLARE

typedef void (*Function)(void);

static const Function functions[] = {
#define NAME(name) (Function)name##_main,
    KERNELS(NAME)
#undef NAME
    (Function)sscanf, (Function)strftime, (Function)qsort, (Function)strtoull, (Function)pow, (Function)log,
    (Function)exp, (Function)sin, (Function)fmod, (Function)mbsrtowcs, (Function)mktime, (Function)memmem,
};

static volatile unsigned runs;

void _start(void) {
  static const char byte = '.';
  const struct {
    const char* data;
    int32_t size;
  } vector = {&byte, 1};
  int32_t written;
  wasi_fd_write(1, &vector, 1, &written);
  if (runs != 0) {
    functions[runs]();
  }
}
