// lunatic::timer: messages that are sent later (ABI document 2.3). A timer is independent of its creator: it fires after the
// creator has died. The target is looked up when the timer is made.
#pragma once

#include "vm/base/ints.h"

namespace lunabeam::runtime {

struct Process;
struct Message;
struct TimerEntry;
struct GuestTimer;

// False: `bound` timers of the process are pending.
[[nodiscard]] bool has_room_for_timer(const Process& process, u64 bound) noexcept;
// Takes the message over. The id is per process, from 0, never reused; ~0 when memory is exhausted (the message is destroyed).
[[nodiscard]] u64 send_after(Process& process, u64 pid, Message* message, u64 delay_ms) noexcept;
// True: the timer was pending; it is cancelled and its message destroyed. False: it has fired, or there is no such timer.
[[nodiscard]] bool cancel_timer(Process& process, u64 timer_id) noexcept;
// For the scheduler that owns a timer which was cancelled elsewhere: the list link, and the timer's end; the next one of the list.
void set_next_cancelled(GuestTimer& timer, GuestTimer* next) noexcept;
[[nodiscard]] GuestTimer* finish_cancelled(GuestTimer& timer) noexcept;
// The end of the program: destroys a pending timer that was taken out of its wheel. REQUIRES: no process waits for anything.
void drop_timer(TimerEntry& entry) noexcept;

}  // namespace lunabeam::runtime
