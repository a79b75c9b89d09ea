// The VM's program: picks the subcommand.
#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <new>

#include "tools/lunabeam/command_line.h"
#include "tools/lunabeam/commands.h"
#include "tools/lunabeam/out_of_memory.h"

namespace {

using lunabeam::tools::Arguments;

struct Command {
  const char* name;
  int (*run)(const Arguments&);
  const char* about;
};

constexpr Command kCommands[] = {
    {"run", &lunabeam::tools::command_run,
     "run a module's _start as the root process (implied when a module is named first)"},
    {"test", &lunabeam::tools::command_test, "run a module's tests, each as a process"},
    {"init", &lunabeam::tools::command_init, "make `cargo run` and `cargo test` of a crate use this VM"},
    {"validate", &lunabeam::tools::command_validate, "say whether files are valid modules"},
    {"inspect", &lunabeam::tools::command_inspect, "show what is in a module, or a function's internal code"},
};

void print_help(std::FILE* out) {
  std::fputs("usage: lunabeam COMMAND [options] ...\n\n", out);
  for (const Command& command : kCommands) std::fprintf(out, "  %-10s %s\n", command.name, command.about);
  std::fputs("\n`lunabeam COMMAND --help` describes a command.\n", out);
}

// A guest reads and writes the host's descriptors 0 to 2. One that our caller has closed would be given to the next file that the
// VM opens: it is filled with one that fails the guest's call, as a closed descriptor does.
void fill_closed_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) (void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
  }
}

// What was printed must have arrived.
int exit_status(int status) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  std::fprintf(stderr, "error: standard output: %s\n", std::strerror(errno));
  return status != lunabeam::tools::kExitOk ? status : lunabeam::tools::kExitError;
}

int dispatch(Arguments arguments) {
  if (arguments.empty()) {
    print_help(stderr);
    return lunabeam::tools::kExitUsage;
  }
  if (arguments[0] == "--help" || arguments[0] == "-h") {
    print_help(stdout);
    return lunabeam::tools::kExitOk;
  }
  if (arguments[0] == "--version" || arguments[0] == "-V") {
    std::printf("lunabeam %s\n", lunabeam::tools::kVersion);
    return lunabeam::tools::kExitOk;
  }
  if (lunabeam::tools::implies_run(arguments[0])) arguments.insert(arguments.begin(), "run");
  for (const Command& command : kCommands) {
    if (arguments[0] == command.name) return command.run(Arguments(std::next(arguments.begin()), arguments.end()));
  }
  std::fprintf(stderr, "error: no command '%s'\n\n", arguments[0].c_str());
  print_help(stderr);
  return lunabeam::tools::kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  // Of the sanitizers' operators; ours say how much was wanted.
  std::set_new_handler([] { lunabeam::tools::end_out_of_memory(0); });
  fill_closed_streams();
  return exit_status(dispatch(Arguments(argv + 1, argv + argc)));
}
