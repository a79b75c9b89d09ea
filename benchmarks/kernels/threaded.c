/* The same idea without a switch: every instruction is a function pointer with an operand, called in a loop. */
#include "kernel.h"

struct machine;
typedef void (*handler)(struct machine*, int32_t);
struct insn {
  handler run;
  int32_t operand;
};
struct machine {
  const struct insn* pc;
  int32_t registers[4];
  int32_t acc;
  int running;
};

static void load(struct machine* m, int32_t r) { m->acc = m->registers[r]; }
static void store(struct machine* m, int32_t r) { m->registers[r] = m->acc; }
static void constant(struct machine* m, int32_t value) { m->acc = value; }
static void add(struct machine* m, int32_t r) { m->acc += m->registers[r]; }
static void xor_(struct machine* m, int32_t r) { m->acc ^= m->registers[r]; }
static void shift(struct machine* m, int32_t bits) {
  m->acc = (int32_t)((uint32_t)m->acc << bits | (uint32_t)m->acc >> (32 - bits));
}
static void next(struct machine* m, int32_t distance) {
  if (--m->registers[3] != 0) m->pc += distance;
}
static void halt(struct machine* m, int32_t unused) {
  (void)unused;
  m->running = 0;
}

/* Not const, so that no compiler sees through the pointers. */
static struct insn program[] = {
    {constant, 0x1234567},
    {store, 0},
    {constant, 77},
    {store, 1},
    {load, 0},
    {add, 1},
    {store, 2},
    {shift, 7},
    {xor_, 1},
    {store, 0},
    {load, 2},
    {shift, 13},
    {add, 0},
    {store, 1},
    {next, -11},
    {halt, 0},
};

static uint64_t kernel_round(void) {
  struct machine m = {.pc = program, .running = 1};
  m.registers[3] = (int32_t)kernel_opaque(20000);
  while (m.running) {
    const struct insn* insn = m.pc++;
    insn->run(&m, insn->operand);
  }
  return kernel_mix((uint32_t)m.registers[0], (uint32_t)m.registers[1]);
}

KERNEL_MAIN("threaded", 60, UINT64_C(0xae6919d31124dc91))
