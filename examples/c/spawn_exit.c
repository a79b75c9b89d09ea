/* spawn_exit [ROUNDS]: spawns a process that does nothing, and waits for its end; again and again. */
#include "example.h"

static void nothing(int32_t unused) { (void)unused; }

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  uint32_t rounds = example_number(arguments, 0, 10000);
  uint64_t start = lb_now_ns();
  for (uint32_t i = 0; i < rounds; i++) {
    lb_pid pid = lb_spawn(nothing, 0);
    lb_monitor(pid);
    /* Nearly always in time: a spawned process first runs when its parent waits or its slice ends. Where the slice ended just
       before the monitor was set, the process may be gone already, and nobody will tell. */
    if (!lb_alive(pid)) continue;
    do {
      example_check(lb_receive_for(10000) == LB_PROCESS_DIED, "the end is not told");
    } while (lb_dead_process() != pid);
  }
  uint64_t end = lb_now_ns();
  printf("%u processes spawned and ended\n", rounds);
  example_figure(arguments, "spawn and exit", end - start, rounds);
  return 0;
}
