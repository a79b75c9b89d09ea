/* skynet [LEAVES]: a tree in which every process spawns ten children, down to LEAVES leaves (a power of ten). The
 * leaves send their number up, every inner process adds up what its ten children send. */
#include "example.h"

enum { kChildren = 10 };

typedef struct Task {
  lb_pid parent;
  uint64_t first; /* number of the first leaf of this subtree */
  uint32_t leaves;
} Task;

static void node(int32_t unused);

static uint64_t subtree(Task task) {
  if (task.leaves == 1) {
    return task.first;
  }
  uint32_t share = task.leaves / kChildren;
  for (uint32_t i = 0; i < kChildren; i++) {
    Task part = {lb_self(), task.first + (uint64_t)i * share, share};
    lb_pid pid = lb_spawn(node, 0);
    example_check(pid != LB_NO_PROCESS, "a process cannot be spawned");
    lb_send_value(pid, 0, part);
  }
  uint64_t sum = 0;
  for (uint32_t i = 0; i < kChildren; i++) {
    uint64_t part;
    lb_receive();
    example_check(lb_read_value(part), "no sum");
    sum += part;
  }
  return sum;
}

static void node(int32_t unused) {
  (void)unused;
  Task task;
  lb_receive();
  example_check(lb_read_value(task), "no task");
  uint64_t sum = subtree(task);
  lb_send_value(task.parent, 0, sum);
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  uint32_t leaves = example_number(arguments, 0, 10000);
  uint32_t processes = 0;
  for (uint32_t level = leaves; level > 1; level /= kChildren) {
    example_check(level % kChildren == 0, "%u is not a power of ten", leaves);
    processes += leaves / level * kChildren;
  }
  uint64_t start = lb_now_ns();
  uint64_t sum = subtree((Task){lb_self(), 0, leaves});
  uint64_t end = lb_now_ns();
  uint64_t expected = (uint64_t)leaves * (leaves - 1u) / 2;
  example_check(sum == expected, "sum %llu instead of %llu", (unsigned long long)sum, (unsigned long long)expected);
  printf("%u leaves, %u processes, sum %llu\n", leaves, processes, (unsigned long long)sum);
  example_figure(arguments, "total", end - start, 1);
  example_figure(arguments, "process", end - start, processes ? processes : 1);
  return 0;
}
