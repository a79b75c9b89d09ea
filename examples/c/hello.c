/* hello [NAME...]: one process per name; each says its greeting to the parent, which prints them in order. */
#include "example.h"

enum { kMaxGreeting = 80 };

static void greeter(int32_t number) {
  lb_caller parent;
  char name[40];
  lb_receive();
  parent = lb_read_caller();
  name[lb_read(name, sizeof name - 1)] = 0;
  char greeting[kMaxGreeting];
  int length = snprintf(greeting, sizeof greeting, "hello, %s, from process %d", name, number);
  lb_reply(parent, greeting, (size_t)length);
}

int main(int argc, char** argv) {
  Arguments arguments = example_arguments(argc, argv);
  static char* everybody[] = {"world"};
  if (arguments.count == 0) {
    arguments.values = everybody;
    arguments.count = 1;
  }
  for (int i = 0; i < arguments.count; i++) {
    const char* name = arguments.values[i];
    lb_pid pid = lb_spawn_link(1, greeter, i + 1);
    example_check(lb_request(pid, 0, name, strlen(name), 1000) == LB_MESSAGE, "process %d does not answer", i + 1);
    char greeting[kMaxGreeting];
    greeting[lb_read(greeting, sizeof greeting - 1)] = 0;
    puts(greeting);
  }
  return 0;
}
