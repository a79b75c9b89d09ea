// Sending and handling signals: send, kill, link, unlink, monitor (ABI document 4.2, 4.8). Functions that name a pid never fail
// for an unknown one.
//
// Threading: `self` is run by the calling thread, which is inside its scheduler's epoch.
#pragma once

#include "runtime/process.h"

namespace lunabeam::runtime {

// Delivers; takes the message over. An unknown or dead target destroys it silently.
void send_message(Scheduler& scheduler, Environment& environment, u64 pid, Message* message) noexcept;
// The scratch message to `pid`. REQUIRES: process.scratch != nullptr.
void send_scratch(Process& self, u64 pid) noexcept;
// Queues a signal at a process and makes it runnable. False: it is dead; the signal is still the caller's.
[[nodiscard]] bool deliver(Scheduler& scheduler, Process& target, Signal* signal) noexcept;

// What a guest asks for. False: the VM's limit is reached, nothing was done.
[[nodiscard]] bool kill(Process& self, u64 pid) noexcept;
// tag 0 = none. An unknown pid gives the caller a LinkDied(no process) with the tag.
[[nodiscard]] bool link(Process& self, i64 tag, u64 pid) noexcept;
[[nodiscard]] bool unlink(Process& self, u64 pid) noexcept;
// Unknown pid: nothing. A process that dies before it has seen the request still reports its death.
[[nodiscard]] bool monitor(Process& self, u64 pid) noexcept;
[[nodiscard]] bool stop_monitoring(Process& self, u64 pid) noexcept;
[[nodiscard]] bool set_die_when_link_dies(Process& self, bool value) noexcept;
[[nodiscard]] bool exists(const Process& self, u64 pid) noexcept;
// The process could not be found while its start section ran: whoever it linked to or monitors and has died since could not tell it.
// Queues what they would have said. REQUIRES: self has just entered the pid table.
void hear_of_dead_peers(Process& self) noexcept;

// Handles everything queued at `self`, in order: at every suspension. Little: a slice began with everything handled. False: the process
// must die (self.doomed, self.reason): a host function returns HostStatus::kPark then, and the scheduler does the rest.
[[nodiscard]] bool handle_signals(Process& self) noexcept;

enum class Handled : u8 {
  kAll,   // Of what was queued when the first of these calls began.
  kSome,  // As much as a turn may do. No guest code runs before kAll.
  kDies,  // As handle_signals: false.
};
// The same in steps, for the scheduler: before guest code runs.
[[nodiscard]] Handled handle_some_signals(Process& self) noexcept;

}  // namespace lunabeam::runtime
