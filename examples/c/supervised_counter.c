/* supervised_counter [CRASHES] [--show]: a supervisor keeps a counter alive.
 *
 * The supervisor spawns the counter with a link, and does not die with it: a failure of the counter arrives as a
 * message that carries the tag of the link, and the supervisor starts a new counter under the same name. The main
 * process, a client, only knows the name. With --show the client tells what it sees. */
#include "example.h"

enum {
  kAdd = 1,   /* request: uint32_t; the reply is the new total */
  kCrash = 2, /* message without content: the counter divides by zero */
  kCounterLink = 64,
};

static const char kName[] = "counter";

static volatile uint64_t zero = 0;

static void counter(int32_t start_number) {
  (void)start_number;
  uint64_t total = 0;
  for (;;) {
    lb_receive();
    switch (lb_tag()) {
      case kAdd: {
        lb_caller caller = lb_read_caller();
        uint32_t amount;
        example_check(lb_read_value(amount), "no amount");
        total += amount;
        lb_reply_value(caller, total);
        break;
      }
      case kCrash:
        total /= zero; /* a trap: this process ends here, and nobody else does */
        break;
    }
  }
}

/* Tells its parent about every start. */
static void supervisor(int32_t unused) {
  (void)unused;
  lb_pid parent;
  lb_receive();
  example_check(lb_read_value(parent), "no parent");
  lb_die_when_link_dies(false);
  for (uint32_t starts = 1;; starts++) {
    lb_pid pid = lb_spawn_link(kCounterLink, counter, (int32_t)starts);
    lb_register(kName, pid);
    lb_send_value(parent, 0, starts);
    /* Nothing to do until the counter fails. */
    while (lb_receive_tag(kCounterLink) != LB_LINK_DIED) {
    }
    lb_unregister(kName);
  }
}

static uint32_t await_start(void) {
  uint32_t starts = 0;
  example_check(lb_receive_for(1000) == LB_MESSAGE && lb_read_value(starts), "the counter was not restarted");
  return starts;
}

static uint64_t add(uint32_t amount) {
  uint64_t total = 0;
  lb_pid pid = lb_whereis(kName);
  example_check(pid != LB_NO_PROCESS, "no counter is registered");
  example_check(lb_request(pid, kAdd, &amount, sizeof amount, 1000) == LB_MESSAGE, "the counter does not answer");
  example_check(lb_read_value(total), "no total");
  return total;
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  bool show = arguments.count > 0 && strcmp(arguments.values[arguments.count - 1], "--show") == 0;
  arguments.count -= show;
  uint32_t crashes = example_number(arguments, 0, 100);

  lb_pid me = lb_self(), keeper = lb_spawn(supervisor, 0);
  lb_send_value(keeper, 0, me);
  uint32_t starts = await_start();
  uint64_t start = lb_now_ns();
  for (uint32_t i = 0; i < crashes; i++) {
    lb_pid before = lb_whereis(kName);
    uint64_t first = add(20), second = add(22);
    example_check(first == 20 && second == 42, "totals %u and %u", (unsigned)first, (unsigned)second);
    if (show) {
      printf("process %llu counts: 0 + 20 = %llu, + 22 = %llu; now it is told to divide by zero\n",
             (unsigned long long)before, (unsigned long long)first, (unsigned long long)second);
      fflush(stdout);
    }
    lb_send(before, kCrash, NULL, 0);
    starts = await_start();
    lb_pid after = lb_whereis(kName);
    example_check(after != before && !lb_alive(before), "the old counter still runs");
    if (show) {
      printf("process %llu is dead, the supervisor started process %llu in its place\n", (unsigned long long)before,
             (unsigned long long)after);
      fflush(stdout);
    }
  }
  uint64_t end = lb_now_ns();
  uint64_t last = add(7);
  example_check(last == 7, "the last counter did not start from zero");
  example_check(starts == crashes + 1, "%u starts", starts);
  if (show) {
    printf("it starts from zero: 0 + 7 = %llu\n", (unsigned long long)last);
  }
  lb_kill(keeper);
  printf("%u crashes, %u starts, last total %llu\n", crashes, starts, (unsigned long long)last);
  example_figure(arguments, "crash, restart and two requests", end - start, crashes);
  return 0;
}
