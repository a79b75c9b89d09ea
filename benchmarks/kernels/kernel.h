/* Common frame of the interpreter kernels.
 *
 * A kernel is a WASI command. `kernel_round` does one round of work and returns a checksum; every round must return
 * the same one, and the expected value is a constant of the kernel, computed once by a native build of the same
 * source. So a kernel checks itself whatever number of rounds it is given:
 *
 *     NAME [ROUNDS]        prints "NAME CHECKSUM ROUNDS", exits with 1 when a round went wrong
 *
 * The default number of rounds is tuned for 0.3 to 1 second on a good interpreter.
 */
#ifndef LUNABEAM_KERNEL_H
#define LUNABEAM_KERNEL_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A value that the compiler must take as unknown, so that a round cannot be computed at compile time or hoisted. */
static inline uint32_t kernel_opaque(uint32_t value) {
  __asm__ volatile("" : "+r"(value));
  return value;
}

/* Folds one word into a running hash: cheap, and sensitive to order. */
static inline uint64_t kernel_mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 32;
}

static inline uint64_t kernel_bits(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* xorshift64*: the same numbers in every build. */
static inline uint64_t kernel_random(uint64_t* state) {
  uint64_t x = *state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return x * UINT64_C(0x2545f4914f6cdd1d);
}

#define KERNEL_MAIN(name, default_rounds, expected)                                               \
  int main(int argc, char** argv) {                                                               \
    int rounds = argc > 1 ? atoi(argv[1]) : (default_rounds);                                     \
    for (int i = 0; i < rounds; i++) {                                                            \
      uint64_t got = kernel_round();                                                              \
      if (got != (expected)) {                                                                    \
        printf("%s: round %d gave %016llx, expected %016llx\n", name, i, (unsigned long long)got, \
               (unsigned long long)(expected));                                                   \
        return 1;                                                                                 \
      }                                                                                           \
    }                                                                                             \
    printf("%s %016llx %d\n", name, (unsigned long long)(expected), rounds);                      \
    return 0;                                                                                     \
  }

#endif
