/* fan_in [SENDERS] [MESSAGES]: SENDERS processes send MESSAGES numbers each to one, which adds them up. */
#include "example.h"

typedef struct Task {
  lb_pid collector;
  uint32_t messages;
} Task;

static void sender(int32_t number) {
  Task task;
  lb_receive();
  example_check(lb_read_value(task), "no task");
  for (uint32_t i = 0; i < task.messages; i++) {
    lb_send_value(task.collector, 0, number);
  }
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  uint32_t senders = example_number(arguments, 0, 1000), messages = example_number(arguments, 1, 100);
  lb_pid* pids = malloc(senders * sizeof *pids);
  example_check(pids != NULL, "out of memory");
  for (uint32_t i = 0; i < senders; i++) {
    pids[i] = lb_spawn_link(1, sender, (int32_t)i);
  }
  Task task = {lb_self(), messages};
  uint64_t start = lb_now_ns(), sum = 0;
  for (uint32_t i = 0; i < senders; i++) {
    lb_send_value(pids[i], 0, task);
  }
  for (uint32_t i = 0; i < senders * messages; i++) {
    int32_t number;
    lb_receive();
    example_check(lb_read_value(number), "no number");
    sum += (uint32_t)number;
  }
  uint64_t end = lb_now_ns(), expected = (uint64_t)messages * senders * (senders - 1u) / 2;
  example_check(sum == expected, "sum %llu instead of %llu", (unsigned long long)sum, (unsigned long long)expected);
  printf("%u messages from %u processes\n", senders * messages, senders);
  example_figure(arguments, "message", end - start, (uint64_t)senders * messages);
  return 0;
}
