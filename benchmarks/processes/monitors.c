/* monitors [WATCHERS]: WATCHERS processes monitor one; it is killed, and each tells that it was told. */
#include "example.h"

static void target(int32_t unused) {
  (void)unused;
  lb_receive();
}

typedef struct Task {
  lb_pid parent, target;
} Task;

static void watcher(int32_t unused) {
  (void)unused;
  Task task;
  lb_receive();
  example_check(lb_read_value(task), "no task");
  lb_monitor(task.target);
  lb_send(task.parent, 0, NULL, 0);
  example_check(lb_receive() == LB_PROCESS_DIED && lb_dead_process() == task.target, "the end is not told");
  lb_send(task.parent, 0, NULL, 0);
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  uint32_t watchers = example_number(arguments, 0, 1000);
  Task task = {lb_self(), lb_spawn(target, 0)};
  for (uint32_t i = 0; i < watchers; i++) {
    lb_pid pid = lb_spawn(watcher, 0);
    example_check(pid != LB_NO_PROCESS, "a watcher cannot be spawned");
    lb_send_value(pid, 0, task);
  }
  for (uint32_t i = 0; i < watchers; i++) {
    lb_receive();
  }
  uint64_t start = lb_now_ns();
  lb_kill(task.target);
  for (uint32_t i = 0; i < watchers; i++) {
    lb_receive();
  }
  uint64_t end = lb_now_ns();
  printf("%u watchers were told\n", watchers);
  example_figure(arguments, "watcher", end - start, watchers);
  return 0;
}
