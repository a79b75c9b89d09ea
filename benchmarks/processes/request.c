/* request [ROUNDS]: a server answers requests, one at a time; the caller waits for each answer. */
#include "example.h"

static void server(int32_t rounds) {
  for (int32_t i = 0; i < rounds; i++) {
    lb_receive();
    lb_caller caller = lb_read_caller();
    uint32_t number;
    example_check(lb_read_value(number), "no number");
    number++;
    lb_reply_value(caller, number);
  }
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  uint32_t rounds = example_number(arguments, 0, 10000);
  lb_pid pid = lb_spawn_link(1, server, (int32_t)rounds);
  uint64_t start = lb_now_ns();
  uint32_t number = 0;
  for (uint32_t i = 0; i < rounds; i++) {
    example_check(lb_request(pid, 1, &number, sizeof number, LB_FOREVER) == LB_MESSAGE && lb_read_value(number),
                  "no reply");
  }
  uint64_t end = lb_now_ns();
  example_check(number == rounds, "%u instead of %u", number, rounds);
  printf("%u requests\n", rounds);
  example_figure(arguments, "request", end - start, rounds);
  return 0;
}
