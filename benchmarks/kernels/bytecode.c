/* An interpreter inside the interpreter: a stack machine with one dense switch (br_table) computes primes by trial division. */
#include "kernel.h"

enum op { kPush, kLoad, kStore, kAdd, kMul, kRem, kLess, kJump, kJumpIfZero, kEmit, kHalt };
enum { kN, kD, kLimit, kVariables };
enum { kOuter = 4, kInner = 15, kPrime = 44, kNext = 47, kEnd = 56 };

static const int32_t kProgram[] = {
    kPush,
    2,
    kStore,
    kN,
    /* kOuter: n < limit? */
    kLoad,
    kN,
    kLoad,
    kLimit,
    kLess,
    kJumpIfZero,
    kEnd,
    kPush,
    2,
    kStore,
    kD,
    /* kInner: d * d < n + 1? */
    kLoad,
    kD,
    kLoad,
    kD,
    kMul,
    kLoad,
    kN,
    kPush,
    1,
    kAdd,
    kLess,
    kJumpIfZero,
    kPrime,
    /* n % d == 0: not a prime */
    kLoad,
    kN,
    kLoad,
    kD,
    kRem,
    kJumpIfZero,
    kNext,
    kLoad,
    kD,
    kPush,
    1,
    kAdd,
    kStore,
    kD,
    kJump,
    kInner,
    /* kPrime */
    kLoad,
    kN,
    kEmit,
    /* kNext */
    kLoad,
    kN,
    kPush,
    1,
    kAdd,
    kStore,
    kN,
    kJump,
    kOuter,
    /* kEnd */
    kHalt,
};

static uint64_t run(const int32_t* code, int32_t limit) {
  int32_t stack[16], variables[kVariables] = {0, 0, limit};
  int32_t* top = stack;
  const int32_t* pc = code;
  uint64_t hash = 0;
  for (;;) {
    switch ((enum op) * pc++) {
      case kPush:
        *top++ = *pc++;
        break;
      case kLoad:
        *top++ = variables[*pc++];
        break;
      case kStore:
        variables[*pc++] = *--top;
        break;
      case kAdd:
        top--;
        top[-1] += top[0];
        break;
      case kMul:
        top--;
        top[-1] *= top[0];
        break;
      case kRem:
        top--;
        top[-1] %= top[0];
        break;
      case kLess:
        top--;
        top[-1] = top[-1] < top[0];
        break;
      case kJump:
        pc = code + *pc;
        break;
      case kJumpIfZero: {
        int32_t target = *pc++;
        if (*--top == 0) pc = code + target;
        break;
      }
      case kEmit:
        hash = kernel_mix(hash, (uint64_t)*--top);
        break;
      case kHalt:
        return hash;
    }
  }
}

static uint64_t kernel_round(void) { return run(kProgram, (int32_t)kernel_opaque(6000)); }

KERNEL_MAIN("bytecode", 12, UINT64_C(0xba65f9ac74864ce3))
