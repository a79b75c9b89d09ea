/* fairness [BUSY] [SLEEPS] [MS]: BUSY processes loop for ever; beside them one process sleeps MS milliseconds, SLEEPS
 * times, and measures how much later than that it runs again. Then the loops are killed, and each death is timed. */
#include "example.h"

static volatile uint32_t turns;

static void spin(int32_t unused) {
  (void)unused;
  for (;;) {
    turns++;
  }
}

static int by_value(const void* a, const void* b) {
  uint64_t x = *(const uint64_t*)a, y = *(const uint64_t*)b;
  return (x > y) - (x < y);
}

static void figure(const char* name, uint64_t nanoseconds) {
  printf("%s: %llu.%03llu ms\n", name, (unsigned long long)(nanoseconds / 1000000),
         (unsigned long long)(nanoseconds / 1000 % 1000));
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  uint32_t busy = example_number(arguments, 0, 3), sleeps = example_number(arguments, 1, 100);
  uint32_t ms = example_number(arguments, 2, 10);
  lb_pid* spinners = malloc(busy * sizeof *spinners);
  uint64_t* late = malloc(sleeps * sizeof *late);
  example_check(spinners && late, "out of memory");

  for (uint32_t i = 0; i < busy; i++) {
    spinners[i] = lb_spawn(spin, 0);
    example_check(spinners[i] != LB_NO_PROCESS, "a loop cannot be spawned");
  }
  for (uint32_t i = 0; i < sleeps; i++) {
    uint64_t start = lb_now_ns();
    lb_sleep(ms);
    uint64_t slept = lb_now_ns() - start, asked = (uint64_t)ms * 1000000;
    example_check(slept >= asked, "slept %llu ns of %u ms", (unsigned long long)slept, ms);
    late[i] = slept - asked;
  }
  uint64_t slowest_death = 0;
  for (uint32_t i = 0; i < busy; i++) {
    example_check(lb_alive(spinners[i]), "a loop ended");
    lb_monitor(spinners[i]);
    uint64_t start = lb_now_ns();
    lb_kill(spinners[i]);
    example_check(lb_receive_for(10000) == LB_PROCESS_DIED && lb_dead_process() == spinners[i], "a loop does not die");
    uint64_t took = lb_now_ns() - start;
    slowest_death = took > slowest_death ? took : slowest_death;
  }
  qsort(late, sleeps, sizeof *late, by_value);
  printf("%u busy loops beside %u sleeps of %u ms; all loops killed\n", busy, sleeps, ms);
  if (arguments.time) {
    figure("median lateness", late[sleeps / 2]);
    figure("99th percentile", late[(sleeps - 1) * 99 / 100]);
    figure("worst", late[sleeps - 1]);
    figure("slowest death", slowest_death);
  }
  return 0;
}
