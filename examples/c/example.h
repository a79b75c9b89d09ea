/* What the example programs share: arguments, checks, and figures that are printed on request.
 *
 * Every example takes plain numbers as arguments and checks its own result. Its output is the same at each run; with
 * --time among the arguments it adds lines of the form "NAME: VALUE UNIT", measured inside the guest.
 */
#ifndef LUNABEAM_EXAMPLE_H
#define LUNABEAM_EXAMPLE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lunabeam.h"

typedef struct Arguments {
  int count;
  char** values;
  bool time;
} Arguments;

static inline Arguments example_arguments(int argc, char** argv) {
  Arguments arguments = {0, argv, false};
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--time") == 0) {
      arguments.time = true;
    } else {
      argv[arguments.count++] = argv[i];
    }
  }
  return arguments;
}

/* The argument at `index` as a number of at least 1, or `otherwise` when it is not given. */
static inline uint32_t example_number(Arguments arguments, int index, uint32_t otherwise) {
  if (index >= arguments.count) {
    return otherwise;
  }
  char* end;
  unsigned long value = strtoul(arguments.values[index], &end, 10);
  if (*end || value == 0 || value > UINT32_MAX) {
    fprintf(stderr, "'%s' is not a number of at least 1\n", arguments.values[index]);
    exit(2);
  }
  return (uint32_t)value;
}

/* Ends the program with a message when something that must hold does not. */
static inline void example_check(bool holds, const char* format, ...) {
  if (holds) {
    return;
  }
  va_list values;
  va_start(values, format);
  fflush(stdout);
  vfprintf(stderr, format, values);
  fputc('\n', stderr);
  va_end(values);
  exit(1);
}

/* Prints a figure when figures are wanted: `nanoseconds` over `count`, in whole nanoseconds. */
static inline void example_figure(Arguments arguments, const char* name, uint64_t nanoseconds, uint64_t count) {
  if (arguments.time) {
    printf("%s: %llu ns\n", name, (unsigned long long)(nanoseconds / count));
  }
}

#endif
