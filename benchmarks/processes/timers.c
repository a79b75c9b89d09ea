/* timers [ROUNDS]: sets a timer of ten seconds that would send a number, and cancels it; again and again. */
#include "example.h"

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  uint32_t rounds = example_number(arguments, 0, 10000);
  lb_pid me = lb_self();
  uint64_t start = lb_now_ns();
  for (uint32_t i = 0; i < rounds; i++) {
    lb_timer timer = lb_send_after(10000, me, 0, &i, sizeof i);
    example_check(lb_cancel(timer), "timer %u is gone", i);
  }
  uint64_t end = lb_now_ns();
  printf("%u timers set and cancelled\n", rounds);
  example_figure(arguments, "set and cancel", end - start, rounds);
  return 0;
}
