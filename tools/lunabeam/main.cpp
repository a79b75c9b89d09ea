// The VM's program: picks the subcommand.
#include <cstdio>
#include <iterator>

#include "tools/lunabeam/command_line.h"
#include "tools/lunabeam/commands.h"

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
    {"validate", &lunabeam::tools::command_validate, "say whether files are valid modules"},
    {"inspect", &lunabeam::tools::command_inspect, "show what is in a module, or a function's internal code"},
};

void print_help(std::FILE* out) {
  std::fputs("usage: lunabeam COMMAND [options] ...\n\n", out);
  for (const Command& command : kCommands) std::fprintf(out, "  %-10s %s\n", command.name, command.about);
  std::fputs("\n`lunabeam COMMAND --help` describes a command.\n", out);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments(argv + 1, argv + argc);
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
