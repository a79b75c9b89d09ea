/* ring [PROCESSES] [LAPS] [TOKENS]: tokens run around a ring of processes; each process adds its own number to them. */
#include "example.h"

typedef struct Token {
  uint64_t sum;
  uint32_t laps_left;
} Token;

typedef struct Place {
  lb_pid next;
  uint32_t tokens;
} Place;

/* Knows only its number and, from its first message, its place. Passes tokens on until none of them has a lap left. */
static void member(int32_t number) {
  Place place;
  lb_receive();
  example_check(lb_read_value(place), "no neighbour");
  while (place.tokens > 0) {
    Token token;
    lb_receive();
    example_check(lb_read_value(token), "no token");
    token.sum += (uint32_t)number;
    lb_send_value(place.next, 0, token);
    place.tokens -= token.laps_left == 0;
  }
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  uint32_t processes = example_number(arguments, 0, 1000), laps = example_number(arguments, 1, 20);
  uint32_t tokens = example_number(arguments, 2, 1);
  uint64_t start = lb_now_ns();
  lb_pid next = lb_self();
  for (uint32_t i = processes; i > 0; i--) {
    lb_pid pid = lb_spawn_link(1, member, (int32_t)i);
    example_check(pid != LB_NO_PROCESS, "process %u cannot be spawned", i);
    Place place = {next, tokens};
    lb_send_value(pid, 0, place);
    next = pid;
  }
  uint64_t built = lb_now_ns();
  uint64_t sum = 0;
  for (uint32_t i = 0; i < tokens; i++) {
    Token token = {0, laps - 1};
    lb_send_value(next, 0, token);
  }
  for (uint32_t running = tokens; running > 0;) {
    Token token;
    lb_receive();
    example_check(lb_read_value(token), "a token is lost");
    if (token.laps_left == 0) {
      sum += token.sum;
      running--;
    } else {
      token.laps_left--;
      lb_send_value(next, 0, token);
    }
  }
  uint64_t end = lb_now_ns();
  uint64_t expected = (uint64_t)tokens * laps * processes * (processes + 1u) / 2;
  example_check(sum == expected, "sum %llu instead of %llu", (unsigned long long)sum, (unsigned long long)expected);
  printf("%u processes, %u laps, sum %llu\n", processes, laps, (unsigned long long)sum);
  example_figure(arguments, "spawn", built - start, processes);
  example_figure(arguments, "hop", end - built, (uint64_t)tokens * laps * (processes + 1u));
  return 0;
}
