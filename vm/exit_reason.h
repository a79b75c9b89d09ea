// Why a process is dead. Links are told only normal or failure (ABI document 4.9); logs and exit statuses use the rest.
#pragma once

#include "vm/trap.h"

namespace lunabeam::vm {

struct ExitReason {
  enum class Kind : u8 {
    kNormal,       // Entry function returned, or proc_exit(0).
    kExited,       // proc_exit(n), n != 0; trap.exit_code holds n.
    kTrapped,      // A guest fault that nothing caught; trap says which.
    kKilled,       // Kill signal.
    kLinkDied,     // A linked process failed while die_when_link_dies was set.
    kNoEntry,      // The entry function is missing or has another type.
    kMailboxFull,  // More unread messages than its limit allows.
  };

  Kind kind = Kind::kNormal;
  Trap trap = {};

  [[nodiscard]] bool is_failure() const noexcept { return kind != Kind::kNormal; }
};

}  // namespace lunabeam::vm
