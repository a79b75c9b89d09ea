// lunatic::version (ABI document 2.7): the version of lunatic that guests are told, not ours.
#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/bind.h"

namespace lunabeam::runtime::hostcalls {
namespace {

Outcome<u32> major(Process&) { return 0; }
Outcome<u32> minor(Process&) { return 13; }
Outcome<u32> patch(Process&) { return 2; }

constexpr vm::HostFunction kFunctions[] = {
    bind<"version", "major", major>(),
    bind<"version", "minor", minor>(),
    bind<"version", "patch", patch>(),
};

}  // namespace

std::span<const vm::HostFunction> version_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
