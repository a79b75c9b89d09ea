/* ring [PROCESSES] [LAPS]: a token runs around a ring of processes; each adds its own number to it. */
#include "example.h"

typedef struct Token {
  uint64_t sum;
  uint32_t laps_left;
} Token;

/* Knows only its number and, from its first message, its neighbour. Passes tokens on until one has no lap left. */
static void member(int32_t number) {
  lb_pid next;
  lb_receive();
  example_check(lb_read_value(next), "no neighbour");
  for (;;) {
    Token token;
    lb_receive();
    example_check(lb_read_value(token), "no token");
    token.sum += (uint32_t)number;
    lb_send_value(next, 0, token);
    if (token.laps_left == 0) {
      return;
    }
  }
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  uint32_t processes = example_number(arguments, 0, 1000), laps = example_number(arguments, 1, 20);
  uint64_t start = lb_now_ns();
  lb_pid next = lb_self();
  for (uint32_t i = processes; i > 0; i--) {
    lb_pid pid = lb_spawn_link(1, member, (int32_t)i);
    example_check(pid != LB_NO_PROCESS, "process %u cannot be spawned", i);
    lb_send_value(pid, 0, next);
    next = pid;
  }
  uint64_t built = lb_now_ns();
  Token token = {0, laps};
  while (token.laps_left > 0) {
    token.laps_left--;
    lb_send_value(next, 0, token);
    lb_receive();
    example_check(lb_read_value(token), "the token is lost");
  }
  uint64_t end = lb_now_ns();
  uint64_t expected = (uint64_t)laps * processes * (processes + 1u) / 2;
  example_check(token.sum == expected, "sum %llu instead of %llu", (unsigned long long)token.sum,
                (unsigned long long)expected);
  printf("%u processes, %u laps, sum %llu\n", processes, laps, (unsigned long long)token.sum);
  example_figure(arguments, "spawn", built - start, processes);
  example_figure(arguments, "hop", end - built, (uint64_t)laps * (processes + 1u));
  return 0;
}
