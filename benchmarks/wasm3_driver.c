/* Runs one WASI command on wasm3, whose source package has no WASI of its own: wasm3_driver FILE.wasm [ARGS...]
 * Or says how long parsing and compiling all of a module take: wasm3_driver --load FILE.wasm
 *
 * Covers what the kernels import: arguments, an empty environment, clocks, standard output, exit. The measured loop
 * never enters a host function, so the driver has no part in the figures.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "m3_env.h"
#include "wasm3.h"

enum { kStackBytes = 1 << 20 }; /* what wasm3's own command line tool gives is 64 KiB; deep kernels need more */

static int argument_count;
static char** arguments;

m3ApiRawFunction(args_sizes_get) {
  m3ApiReturnType(uint32_t) m3ApiGetArgMem(uint32_t*, count) m3ApiGetArgMem(uint32_t*, size);
  m3ApiCheckMem(count, 4);
  m3ApiCheckMem(size, 4);
  uint32_t bytes = 0;
  for (int i = 0; i < argument_count; i++) {
    bytes += (uint32_t)strlen(arguments[i]) + 1;
  }
  *count = (uint32_t)argument_count;
  *size = bytes;
  m3ApiReturn(0);
}

m3ApiRawFunction(args_get) {
  m3ApiReturnType(uint32_t) m3ApiGetArgMem(uint32_t*, pointers) m3ApiGetArgMem(char*, text);
  for (int i = 0; i < argument_count; i++) {
    size_t bytes = strlen(arguments[i]) + 1;
    m3ApiCheckMem(pointers + i, 4);
    m3ApiCheckMem(text, bytes);
    pointers[i] = m3ApiPtrToOffset(text);
    memcpy(text, arguments[i], bytes);
    text += bytes;
  }
  m3ApiReturn(0);
}

m3ApiRawFunction(environ_sizes_get) {
  m3ApiReturnType(uint32_t) m3ApiGetArgMem(uint32_t*, count) m3ApiGetArgMem(uint32_t*, size);
  m3ApiCheckMem(count, 4);
  m3ApiCheckMem(size, 4);
  *count = *size = 0;
  m3ApiReturn(0);
}

m3ApiRawFunction(environ_get) {
  m3ApiReturnType(uint32_t);
  m3ApiReturn(0);
}

m3ApiRawFunction(clock_time_get) {
  m3ApiReturnType(uint32_t) m3ApiGetArg(uint32_t, clock) m3ApiGetArg(uint64_t, precision)
      m3ApiGetArgMem(uint64_t*, nanoseconds);
  m3ApiCheckMem(nanoseconds, 8);
  (void)precision;
  struct timespec now;
  clock_gettime(clock ? CLOCK_MONOTONIC : CLOCK_REALTIME, &now);
  *nanoseconds = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  m3ApiReturn(0);
}

m3ApiRawFunction(fd_write) {
  m3ApiReturnType(uint32_t) m3ApiGetArg(uint32_t, fd) m3ApiGetArgMem(uint32_t*, vectors) m3ApiGetArg(uint32_t, count)
      m3ApiGetArgMem(uint32_t*, written);
  m3ApiCheckMem(vectors, 8u * count);
  m3ApiCheckMem(written, 4);
  uint32_t total = 0;
  for (uint32_t i = 0; i < count; i++) {
    char* bytes = m3ApiOffsetToPtr(vectors[2 * i]);
    uint32_t size = vectors[2 * i + 1];
    if (!size) {
      continue;
    }
    m3ApiCheckMem(bytes, size);
    ssize_t done = write((int)fd, bytes, size);
    if (done < 0) {
      m3ApiReturn(29); /* io */
    }
    total += (uint32_t)done;
  }
  *written = total;
  m3ApiReturn(0);
}

m3ApiRawFunction(fd_fdstat_get) {
  m3ApiReturnType(uint32_t) m3ApiGetArg(uint32_t, fd) m3ApiGetArgMem(uint8_t*, stat);
  m3ApiCheckMem(stat, 24);
  memset(stat, 0, 24);
  m3ApiReturn(fd > 2 ? 8 : 0); /* badf */
}

m3ApiRawFunction(fd_close) {
  m3ApiReturnType(uint32_t);
  m3ApiReturn(0);
}

m3ApiRawFunction(fd_seek) {
  m3ApiReturnType(uint32_t);
  m3ApiReturn(70); /* spipe */
}

m3ApiRawFunction(proc_exit) {
  m3ApiGetArg(uint32_t, code);
  fflush(NULL);
  exit((int)code);
}

static void check(IM3Runtime runtime, const char* what, M3Result result) {
  if (result) {
    M3ErrorInfo info = {0};
    if (runtime) {
      m3_GetErrorInfo(runtime, &info);
    }
    fprintf(stderr, "wasm3_driver: %s: %s %s\n", what, result, info.message ? info.message : "");
    exit(1);
  }
}

/* Stands for every import where nothing runs. */
m3ApiRawFunction(never_called) {
  m3ApiTrap("not linked");
}

static void link_all(IM3Module module) {
  for (uint32_t i = 0; i < module->numFunctions; i++) {
    const M3ImportInfo* import = &module->functions[i].import;
    if (import->moduleUtf8 && import->fieldUtf8) {
      check(NULL, "link", m3_LinkRawFunction(module, import->moduleUtf8, import->fieldUtf8, NULL, never_called));
    }
  }
}

static long long cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char** argv) {
  int only_load = argc == 3 && !strcmp(argv[1], "--load");
  if (only_load) {
    argv++;
    argc--;
  }
  if (argc < 2) {
    fprintf(stderr, "usage: wasm3_driver [--load] FILE.wasm [ARGS...]\n");
    return 2;
  }
  argument_count = argc - 1;
  arguments = argv + 1;
  FILE* file = fopen(argv[1], "rb");
  if (!file) {
    perror(argv[1]);
    return 1;
  }
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  uint8_t* bytes = malloc((size_t)size);
  if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size) {
    fprintf(stderr, "wasm3_driver: cannot read %s\n", argv[1]);
    return 1;
  }
  fclose(file);

  IM3Environment environment = m3_NewEnvironment();
  IM3Runtime runtime = m3_NewRuntime(environment, kStackBytes, NULL);
  IM3Module module;
  long long begin = cpu_ns();
  check(NULL, "parse", m3_ParseModule(environment, &module, bytes, (uint32_t)size));
  long long parsed = cpu_ns();
  check(runtime, "load", m3_LoadModule(runtime, module));
  if (only_load) {
    link_all(module);
    long long loaded = cpu_ns();
    check(runtime, "compile", m3_CompileModule(module));
    printf("parse: %lld ns\ncompile: %lld ns\n", parsed - begin, cpu_ns() - loaded);
    return 0;
  }

  static const struct {
    const char *name, *type;
    M3RawCall call;
  } imports[] = {
      {"args_sizes_get", "i(**)", args_sizes_get},
      {"args_get", "i(**)", args_get},
      {"environ_sizes_get", "i(**)", environ_sizes_get},
      {"environ_get", "i(**)", environ_get},
      {"clock_time_get", "i(iI*)", clock_time_get},
      {"fd_write", "i(i*i*)", fd_write},
      {"fd_fdstat_get", "i(i*)", fd_fdstat_get},
      {"fd_close", "i(i)", fd_close},
      {"fd_seek", "i(iIi*)", fd_seek},
      {"proc_exit", "v(i)", proc_exit},
  };
  for (size_t i = 0; i < sizeof imports / sizeof *imports; i++) {
    M3Result result =
        m3_LinkRawFunction(module, "wasi_snapshot_preview1", imports[i].name, imports[i].type, imports[i].call);
    if (result && result != m3Err_functionLookupFailed) {
      check(runtime, imports[i].name, result);
    }
  }
  IM3Function start;
  check(runtime, "find _start", m3_FindFunction(&start, runtime, "_start"));
  check(runtime, "run", m3_CallV(start));
  return 0;
}
