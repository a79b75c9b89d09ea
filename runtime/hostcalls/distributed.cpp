// lunatic::distributed as a node without peers answers (ABI document 2.11): there are no nodes, our own id is 0, and what needs a
// node traps. The guest library asks for its node id at every send and calls nothing else unless it was given a foreign id.
#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/bind.h"
#include "runtime/hostcalls/result_code.h"

namespace lunabeam::runtime::hostcalls {
namespace {

constexpr Fault kNotANode{"this VM is not part of a cluster"};

Outcome<u32> nodes_count(Process&) { return 0; }
Outcome<u64> node_id(Process&) { return kOwnNode; }
Outcome<u64> module_id(Process&) { return 0; }

// Writes min(max, 0) ids.
Outcome<u32> get_nodes(Process& self, u32 target, u32 /*max*/) {
  if (!guest_bytes(self, target, 0)) return kOutOfBounds;
  return 0;
}

Outcome<u32> spawn(Process&, u64, u64, u64, GuestRange, GuestRange, Out<u64>) { return kNotANode; }
Outcome<u32> send(Process&, u64, u64) { return kNotANode; }
Outcome<u32> send_receive_skip_search(Process&, u64, u64, i64, u64) { return kNotANode; }
Outcome<u32> exec_lookup_nodes(Process&, GuestRange, Out<u64>, Out<u32>, Out<u64>) { return kNotANode; }
Outcome<u32> copy_lookup_nodes_results(Process&, u64, u32, u32, Out<u64>) { return kNotANode; }

// Guests before 0.13 (ABI document 3.3).
Outcome<void> send_without_result(Process&, u64, u64) { return kNotANode; }
Outcome<u32> send_receive_own_tag(Process&, u64, u64, u64) { return kNotANode; }

constexpr vm::HostFunction kFunctions[] = {
    bind<"distributed", "nodes_count", nodes_count>(),
    bind<"distributed", "get_nodes", get_nodes>(),
    bind<"distributed", "node_id", node_id>(),
    bind<"distributed", "module_id", module_id>(),
    bind<"distributed", "spawn", spawn>(),
    bind<"distributed", "send", send>(),
    bind<"distributed", "send_receive_skip_search", send_receive_skip_search>(),
    bind<"distributed", "exec_lookup_nodes", exec_lookup_nodes>(),
    bind<"distributed", "copy_lookup_nodes_results", copy_lookup_nodes_results>(),
    bind<"distributed", "send", send_without_result>(),
    bind<"distributed", "send_receive_skip_search", send_receive_own_tag>(),
};

}  // namespace

std::span<const vm::HostFunction> distributed_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
