/* ping_pong [ROUNDS]: two processes throw a number to and fro; each adds one. */
#include "example.h"

typedef struct Ball {
  lb_pid from;
  uint32_t bounces;
} Ball;

static void pong(int32_t rounds) {
  for (int32_t i = 0; i < rounds; i++) {
    Ball ball;
    lb_receive();
    example_check(lb_read_value(ball), "pong got %zu bytes", lb_size());
    lb_pid back = ball.from;
    ball = (Ball){lb_self(), ball.bounces + 1};
    lb_send_value(back, 0, ball);
  }
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  uint32_t rounds = example_number(arguments, 0, 10000);
  lb_pid other = lb_spawn_link(1, pong, (int32_t)rounds);
  Ball ball = {lb_self(), 0};
  uint64_t start = lb_now_ns();
  for (uint32_t i = 0; i < rounds; i++) {
    ball = (Ball){lb_self(), ball.bounces + 1};
    lb_send_value(other, 0, ball);
    lb_receive();
    example_check(lb_read_value(ball) && ball.from == other, "the ball came from elsewhere");
  }
  uint64_t end = lb_now_ns();
  example_check(ball.bounces == 2 * rounds, "%u bounces instead of %u", ball.bounces, 2 * rounds);
  printf("%u round trips, %u bounces\n", rounds, ball.bounces);
  example_figure(arguments, "round trip", end - start, rounds);
  return 0;
}
