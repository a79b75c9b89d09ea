/* beside KIND [BUSY] [ROUNDS]: what others notice of BUSY processes in endless loops. KIND ping: how long round trips between
 * two processes take. KIND sleep: how late a sleep of 1 ms ends. */
#include "example.h"

static void busy(int32_t unused) {
  (void)unused;
  for (;;) {
    __asm__ volatile("");
  }
}

static void echo(int32_t unused) {
  (void)unused;
  for (;;) {
    lb_pid from;
    lb_receive();
    example_check(lb_read_value(from), "no sender");
    lb_send(from, 0, NULL, 0);
  }
}

static int by_value(const void* a, const void* b) {
  uint64_t x = *(const uint64_t*)a, y = *(const uint64_t*)b;
  return (x > y) - (x < y);
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  example_check(arguments.count > 0, "KIND is ping or sleep");
  bool ping = strcmp(arguments.values[0], "ping") == 0;
  uint32_t loops = example_number(arguments, 1, 2), rounds = example_number(arguments, 2, 1000);
  uint64_t* took = malloc(rounds * sizeof *took);
  example_check(took != NULL, "out of memory");
  lb_pid other = lb_spawn(echo, 0), me = lb_self();
  for (uint32_t i = 0; i < loops; i++) {
    lb_spawn(busy, 0);
  }
  for (uint32_t i = 0; i < rounds; i++) {
    uint64_t start = lb_now_ns();
    if (ping) {
      lb_send_value(other, 0, me);
      lb_receive();
      took[i] = lb_now_ns() - start;
    } else {
      lb_sleep(1);
      took[i] = lb_now_ns() - start - 1000000;
    }
  }
  qsort(took, rounds, sizeof *took, by_value);
  printf("%u rounds\n", rounds);
  example_figure(arguments, "p50", took[rounds / 2], 1);
  example_figure(arguments, "p99", took[(rounds - 1) * 99ull / 100], 1);
  example_figure(arguments, "p99.9", took[(rounds - 1) * 999ull / 1000], 1);
  example_figure(arguments, "max", took[rounds - 1], 1);
  return 0;
}
