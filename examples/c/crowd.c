/* crowd [PROCESSES] [HOLD_MS]: PROCESSES processes are alive at once, each with a memory of its own, a few calls deep,
 * waiting for a message. Then all are woken, and each returns the number it kept in its memory. With HOLD_MS the crowd
 * stands still for so long, so that one can look at the VM from outside. */
#include "example.h"

enum { kBatch = 1000 }; /* so many are spawned before they are waited for */

static uint32_t kept[1024]; /* a page of its own */

__attribute__((noinline)) static uint32_t wait_here(uint32_t index) {
  lb_pid parent;
  lb_receive();
  example_check(lb_read_value(parent), "no parent");
  kept[index] = index * 3 + 1;
  lb_send(parent, 0, NULL, 0); /* ready */
  lb_receive();                /* the call that wakes */
  lb_send(parent, 0, &kept[index], sizeof kept[index]);
  return kept[index];
}

__attribute__((noinline)) static uint32_t wait_deeper(uint32_t index) { return wait_here(index) + 1; }

static void member(int32_t number) {
  uint32_t index = (uint32_t)number % 1024;
  example_check(wait_deeper(index) == index * 3 + 2, "the memory of a process changed");
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  uint32_t processes = example_number(arguments, 0, 1000), hold_ms = example_number(arguments, 1, 1);
  lb_pid* crowd = malloc(processes * sizeof *crowd);
  example_check(crowd != NULL, "out of memory");
  uint64_t start = lb_now_ns(), expected = 0, sum = 0;
  lb_pid me = lb_self();
  for (uint32_t i = 0, ready = 0; i < processes; i++) {
    crowd[i] = lb_spawn(member, (int32_t)i);
    example_check(crowd[i] != LB_NO_PROCESS, "process %u cannot be spawned", i);
    lb_send_value(crowd[i], 0, me);
    expected += i % 1024 * 3 + 1;
    if ((i + 1) % kBatch == 0 || i + 1 == processes) {
      for (; ready <= i; ready++) {
        lb_receive();
      }
    }
  }
  uint64_t built = lb_now_ns();
  printf("%u processes are alive\n", processes);
  fflush(stdout);
  lb_sleep(hold_ms);
  uint64_t woken = lb_now_ns();
  for (uint32_t i = 0; i < processes; i++) {
    lb_send(crowd[i], 0, NULL, 0);
  }
  for (uint32_t i = 0; i < processes; i++) {
    uint32_t value;
    lb_receive();
    example_check(lb_read_value(value), "no answer");
    sum += value;
  }
  uint64_t end = lb_now_ns();
  example_check(sum == expected, "sum %llu instead of %llu", (unsigned long long)sum, (unsigned long long)expected);
  printf("all were woken and answered, sum %llu\n", (unsigned long long)sum);
  example_figure(arguments, "spawn", built - start, processes);
  example_figure(arguments, "wake and answer", end - woken, processes);
  return 0;
}
